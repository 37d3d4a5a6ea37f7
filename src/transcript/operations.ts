import { finishDeletion, trashName } from './deletion.ts'
import { locate } from './line-index.ts'
import type { Line } from './message.ts'
import type { Meta } from './meta.ts'
import { forEachLine, forEachLineBack, readFully } from './scan.ts'
import type { Place, RawLine } from './scan.ts'
import type { Held } from './session.ts'
import { bounds } from './bounds.ts'
import { timeText } from './store-context.ts'
import type { TranscriptNotes } from './store.ts'
import { Quarantine } from './quarantine.ts'

/** What one call changes, under the session lock. */

const touched = (held: Held, changes: Partial<Meta>): Meta => {
  const now = timeText(held.store.clock)
  return { ...held.meta, createdAt: held.meta.createdAt === '' ? now : held.meta.createdAt, updatedAt: now, ...changes }
}

export const setSummary = (held: Held, summary: string): Promise<void> => held.save(touched(held, { summary }))

/** Sets what is given; an undefined field stays (TRN-1206). */
export function setNotes(held: Held, notes: TranscriptNotes): Promise<void> {
  const { meta } = held
  return held.save(
    touched(held, {
      title: notes.title ?? meta.title,
      project: notes.project ?? meta.project,
      sessionId: notes.session_id ?? meta.sessionId,
      scope: notes.scope ?? meta.scope,
    }),
  )
}

/** Moves `skip` so that the last `keepLast` retained lines stay visible (TRN-504). */
export async function truncateHistory(held: Held, keepLast: number): Promise<void> {
  const count = held.file.index.rawLines
  const skip = Math.min(held.meta.skip, count)
  await held.save(touched(held, { skip: keepLast <= 0 ? count : await skipFor(held, keepLast, skip, count) }))
}

async function skipFor(held: Held, keepLast: number, skip: number, count: number): Promise<number> {
  const { file } = held
  if (file.open === null) return count
  const first = await locate(file.index, file.open, file.size, skip + 1)
  let kept = 0
  let boundary: number | null = null
  await forEachLineBack(file.open, first.offset, file.size, (line) => {
    if (!isRetained(held, line)) return true
    if (kept === keepLast) {
      boundary = count - line.number + 1
      return false
    }
    kept++
    return true
  })
  return kept === 0 ? count : (boundary ?? skip)
}

function isRetained(held: Held, line: RawLine): boolean {
  const decoded = held.store.layout.decode(line.bytes)
  return decoded.kind === 'message' && (held.store.keepsThoughts || !decoded.isThought)
}

/** Replaces all messages; earlier positions are never used again (TRN-505). */
export async function setHistory(held: Held, lines: readonly Line[]): Promise<void> {
  const base = held.meta.base + held.file.index.rawLines
  await held.replace(
    async (writer) => {
      for (const line of lines) await writer.add(line.bytes)
    },
    () => touched(held, { skip: 0, count: lines.length, base }),
  )
}

/**
 * Drops every message after a position, hidden or not, and answers the position of the last line then (TRN-509). Positions
 * that were dropped are given again.
 */
export async function rewindHistory(held: Held, position: number): Promise<number> {
  const { file, meta } = held
  const { open, index, size } = file
  const keep = Math.max(position - meta.base, 0)
  if (open === null || keep >= index.rawLines) return meta.base + index.rawLines
  const { offset: end } = await locate(index, open, size, keep + 1)
  await held.replace(
    async (writer) => {
      for (let at = 0; at < end;) {
        const block = await readFully(open, Buffer.allocUnsafe(Math.min(bounds.blockBytes, end - at)), at)
        if (block.length === 0) break
        await writer.add(block)
        at += block.length
      }
    },
    () => touched(held, { skip: Math.min(meta.skip, keep), count: keep, cuts: meta.cuts + 1 }),
  )
  return meta.base + keep
}

/** Replaces both; the rest stays (TRN-1202). */
export const setScope = (held: Held, scope: unknown, aliases: readonly string[]): Promise<void> =>
  held.save(touched(held, { scope, aliases }))

const newline = Buffer.from('\n')

/** Drops hidden lines for good; kept ones are copied byte for byte, bad ones go to quarantine first (TRN-506, TRN-1003). */
export async function compact(held: Held, force: boolean): Promise<void> {
  const { file, meta } = held
  if (file.open === null) return
  if (meta.skip === 0 && !(force && (await hasRest(held)))) return
  const total = file.index.rawLines
  const first = await locate(file.index, file.open, file.size, Math.min(meta.skip, total) + 1)
  const quarantine = new Quarantine(held)
  let kept = 0
  await held.replace(
    async (writer) => {
      for (let place: Place | null = first; place !== null;) {
        const taken = await takeBlock(held, place)
        for (const line of taken.kept) await writer.add(line)
        for (const bad of taken.bad) await quarantine.add(bad.line, bad.reason)
        kept += taken.kept.length
        place = taken.next
      }
      await quarantine.close()
    },
    () => touched(held, { skip: 0, count: kept, base: meta.base + total - kept }),
  )
}

/** Whether anything but retained messages stands in the file (TRN-507). */
async function hasRest(held: Held): Promise<boolean> {
  const { open: file, size } = held.file
  if (file === null) return false
  let kept = 0
  await forEachLine(file, { offset: 0, line: 1 }, size, (line) => {
    if (line.isEnded && isRetained(held, line)) kept += line.end - line.offset
  })
  return kept < size
}

type Taken = {
  readonly kept: Buffer[]
  readonly bad: { readonly line: RawLine; readonly reason: string }[]
  readonly next: Place | null
}

/** About one block of lines from a place on, sorted into kept and bad. */
export async function takeBlock(held: Held, from: Place): Promise<Taken> {
  const kept: Buffer[] = []
  const bad: Taken['bad'] = []
  let bytes = 0
  let next: Place | null = null
  if (held.file.open === null) return { kept, bad, next }
  await forEachLine(held.file.open, from, held.file.size, (line) => {
    bytes += line.end - line.offset
    const decoded = held.store.layout.decode(line.bytes)
    const copy = line.bytes === null ? null : Buffer.concat([line.bytes, newline])
    if (decoded.kind === 'bad') bad.push({ line: { ...line, bytes: copy }, reason: decoded.reason })
    else if (copy !== null && (held.store.keepsThoughts || !decoded.isThought)) kept.push(copy)
    if (bytes < bounds.blockBytes) return true
    next = { offset: line.end, line: line.number + 1 }
    return false
  })
  return { kept, bad, next }
}

/** The meta file says first that the session is going; whoever comes next finishes it (TRN-1303). */
export async function deleteSession(held: Held, purge: boolean): Promise<void> {
  const deleting = purge ? '' : trashName(held.store, held.paths)
  await held.save({ ...held.meta, deleting })
  await held.file.close()
  await finishDeletion(held.store, held.paths, { ...held.meta, deleting })
  held.forget()
}
