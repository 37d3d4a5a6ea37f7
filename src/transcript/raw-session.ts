import { sha256Hex } from '../platform/bytes.ts'
import type { OpenFile } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { withoutSum } from './line.ts'
import { emptyMeta } from './meta.ts'
import type { Meta } from './meta.ts'
import { readMeta } from './meta-file.ts'
import { judgePending, settledMeta } from './pending.ts'
import { forEachLine } from './scan.ts'
import type { Place } from './scan.ts'
import type { Held } from './session.ts'
import { pathsOf, temporaryPath } from './store-context.ts'
import type { StoreContext } from './store-context.ts'

/** `copied` and `present` (an earlier run did it) are done; `conflict`: another session is there already. */
export type CopiedSession = {
  readonly key: string
  readonly outcome: 'copied' | 'present' | 'conflict'
  readonly reason?: string
  readonly lines: number
}

/** A session as it stands on the disk. */
export type RawSession = {
  readonly meta: Meta
  readonly file: OpenFile | null
  readonly size: number
}

/** Opens a session's files for copying; null when there is none, or only a name without its key. */
export async function openRaw(store: StoreContext, name: string): Promise<RawSession | null> {
  const paths = pathsOf(store, name)
  const read = await readMeta(store.files, paths.meta)
  const key = store.layout.keyOf(name)
  if (read.state === 'ok' && read.meta.deleting !== null) return null
  const found = read.state === 'ok' ? read.meta : key === null ? null : emptyMeta(key)
  if (found === null) return null
  const verdict = found.pending === null ? null : await judgePending(store, paths, found.pending)
  const meta = verdict === null ? found : settledMeta(found, verdict)
  const path =
    verdict === 'take' && found.pending !== null ? temporaryPath(store.directory, found.pending.file) : paths.transcript
  const facts = await store.files.facts(path)
  const file = facts?.kind === 'file' ? await store.files.open(path, 'read') : null
  return { meta, file, size: file === null ? 0 : (await file.facts()).size }
}

const newline = Buffer.from('\n')

/** The raw lines as they will stand in a directory with sums or without, each with its newline, a block at a time. */
async function forEachRaw(raw: RawSession, hasSums: boolean, visit: (line: Buffer) => Promise<void>): Promise<number> {
  let count = 0
  for (let place: Place | null = { offset: 0, line: 1 }; place !== null;) {
    const lines: Buffer[] = []
    const from = place
    place = null
    if (raw.file === null) return count
    await forEachLine(raw.file, from, raw.size, (line) => {
      // Above the limit: nobody can read it, here or there.
      if (line.bytes === null) return true
      lines.push(Buffer.concat([hasSums ? line.bytes : withoutSum(line.bytes), newline]))
      if (line.end - from.offset < bounds.blockBytes) return true
      place = { offset: line.end, line: line.number + 1 }
      return false
    })
    for (const line of lines) await visit(line)
    count += lines.length
  }
  return count
}

/** Whether the lines that would be written are those that are there. */
export async function isSameRaw(raw: RawSession, there: RawSession, hasSums: boolean): Promise<boolean> {
  if (raw.meta.key !== there.meta.key) return false
  return (await sumOf(raw, hasSums)) === (await sumOf(there, hasSums))
}

async function sumOf(raw: RawSession, hasSums: boolean): Promise<string> {
  let sum = ''
  await forEachRaw(raw, hasSums, async (line) => {
    sum = sha256Hex(Buffer.concat([Buffer.from(sum), line]))
  })
  return sum
}

/** Puts a session in place, under its lock. */
export async function putRaw(held: Held, raw: RawSession): Promise<number> {
  let count = 0
  await held.replace(
    async (writer) => {
      count = await forEachRaw(raw, held.store.layout.hasSums, (line) => writer.add(line))
    },
    () => ({ ...raw.meta, rev: held.meta.rev, count, pending: null, deleting: null }),
  )
  return count
}
