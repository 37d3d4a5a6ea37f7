import type { RawLine } from './lines.ts'

/** How far back a later read may have to begin (ING-INC-3). */
const windowRecordsMax = 400
/** The blocks that are compared and hashed beside it count too. */
const windowBytesMax = 4 * 1024 * 1024 - 16 * 1024
/** How often a state is kept near the end of a batch, so that one for any line there is soon made. */
const checkpointRecords = 128
const checkpointBytes = 1024 * 1024

/** A place between two lines. `line` is the number of lines before it. */
export type Place = { readonly offset: number; readonly line: number }

/** The first of these lines a later read that ends at `end` may begin with; `lines.length` when none may. */
export function windowStart(lines: readonly RawLine[], end: Place): number {
  const first = lines.findIndex(
    ({ line, offset }) => end.line - line < windowRecordsMax && end.offset - offset <= windowBytesMax,
  )
  return first === -1 ? lines.length : first
}

/** The lines before which a reader's state is worth keeping. */
export function checkpointsOf(lines: readonly RawLine[], from: number): ReadonlySet<number> {
  const chosen = new Set<number>()
  let last: RawLine | null = null
  for (const [index, line] of lines.entries()) {
    if (index < from) continue
    const isDue =
      last === null || line.line - last.line >= checkpointRecords || line.offset - last.offset >= checkpointBytes
    if (!isDue) continue
    chosen.add(index)
    last = line
  }
  return chosen
}
