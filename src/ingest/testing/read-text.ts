import type { Entry } from '../entries.ts'
import type { RawLine } from '../lines.ts'
import type { Reader, ReaderSession, SeenRecords, SessionOptions } from '../readers/reader.ts'

/** Lines of a text as `readLines` gives them, whole lines only. */
export function rawLines(text: string): readonly RawLine[] {
  const lines: RawLine[] = []
  let offset = 0
  for (const [index, line] of text.split('\n').slice(0, -1).entries()) {
    const end = offset + Buffer.byteLength(line) + 1
    lines.push({ kind: 'line', line: index + 1, offset, end, text: line })
    offset = end
  }
  return lines
}

/** Ids that belong to other files, as a test sets them. */
export function seenRecords(others: Iterable<string> = []): SeenRecords & { readonly added: Set<string> } {
  const known = new Set(others)
  const added = new Set<string>()
  return { has: (uuid) => known.has(uuid), add: (uuid) => void added.add(uuid), added }
}

export const sessionOptions = (extra: Partial<SessionOptions> = {}): SessionOptions => ({
  path: '/agents/projects/p/aaaaaaaa-0000-4000-8000-000000000001.jsonl',
  sidechainOf: null,
  agentId: null,
  seen: seenRecords(),
  ...extra,
})

export type ReadWhole = { readonly entries: readonly Entry[]; readonly session: ReaderSession }

/** Reads a text at once; a quiet file, so nothing is left waiting. */
export function readWhole(reader: Reader, text: string, extra: Partial<SessionOptions> = {}): ReadWhole {
  const session = reader.start(sessionOptions(extra))
  const entries = rawLines(text).flatMap((line) => [...session.take(line)])
  return { entries: [...entries, ...session.finish(true)], session }
}

/** Reads it in two pieces, the second by a session that knows only what the first saved. */
export function readInPieces(reader: Reader, text: string, cut: number): ReadWhole {
  const lines = rawLines(text)
  const first = reader.start(sessionOptions())
  const before = lines.slice(0, cut).flatMap((line) => [...first.take(line)])
  const between = first.finish(false)
  const second = reader.resume(sessionOptions(), first.save())
  if (second === null) throw new Error('the saved state was refused')
  const after = lines.slice(cut).flatMap((line) => [...second.take(line)])
  return { entries: [...before, ...between, ...after, ...second.finish(true)], session: second }
}

/** Whether every record is in exactly one place. */
export function addsUp(session: ReaderSession): boolean {
  const counts = session.counts()
  const named = [...Object.values(counts.ignored), ...Object.values(counts.unknown)].reduce(
    (sum, each) => sum + each,
    0,
  )
  const { decoded, waiting, duplicates, badLines, oversizedLines } = counts
  return counts.records === decoded + waiting + duplicates + badLines + oversizedLines + named
}
