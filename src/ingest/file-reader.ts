import type { IngestSource } from '../api/ingest.ts'
import type { FileFacts, OpenFile } from '../platform/files.ts'
import { cursorOf, knownFileOf, repeatCursor, startCursor } from './cursor.ts'
import type { Cursor } from './cursor.ts'
import { decodeBatch } from './decode-batch.ts'
import type { DecodedBatch } from './decode-batch.ts'
import type { TranscriptFile } from './discover.ts'
import type { IngestDoors } from './doors.ts'
import { planFile } from './fingerprint.ts'
import { isQuiet } from './plan.ts'
import type { Plan } from './plan.ts'
import { readBatch } from './read-batch.ts'
import type { BatchLines } from './read-batch.ts'
import type { Reader } from './readers/reader.ts'
import { lookUpSeen } from './seen.ts'
import type { BatchSeen } from './seen.ts'

/** An open file and where its reading begins. */
export type OpenedFile = {
  readonly handle: OpenFile
  readonly facts: FileFacts
  readonly row: IngestSource | null
  readonly isQuiet: boolean
  readonly state: 'new' | 'grown' | 'restarted'
  readonly reason: string | null
  readonly cursor: Cursor
}

export type OpenOptions = { readonly force: boolean; readonly knowledge: boolean; readonly nowMs: number }

/** Opens a file for reading only (ING-CRS-3) and decides where to begin (ING-INC-2). */
export async function openTranscript(
  doors: Pick<IngestDoors, 'files' | 'caller'>,
  file: TranscriptFile,
  reader: Reader,
  options: OpenOptions,
): Promise<OpenedFile> {
  const handle = await doors.files.open(file.path, 'read')
  try {
    const facts = await handle.facts()
    const [row = null] = await doors.caller.call('ingest.sources', { path: file.path })
    const quiet = isQuiet(facts, options.nowMs)
    const plan = await planFile(handle, row === null ? null : knownFileOf(row), {
      force: options.force,
      readerVersion: reader.version,
      isQuiet: quiet,
    })
    return { handle, facts, row, isQuiet: quiet, ...beginning(plan, row, options) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function beginning(
  plan: Plan,
  row: IngestSource | null,
  options: OpenOptions,
): Pick<OpenedFile, 'state' | 'reason' | 'cursor'> {
  const known = row === null ? null : cursorOf(row)
  if (row === null || known === null) {
    return { state: row === null || row.offset === 0 ? 'new' : 'restarted', reason: null, cursor: startCursor }
  }
  if (plan.kind === 'restart') {
    const isSameFile = plan.reason === 'forced' || plan.reason === 'reader-version'
    return { state: 'restarted', reason: plan.reason, cursor: repeatCursor(known, { isSameFile }) }
  }
  if (options.knowledge && row.extractor_version === 0 && row.offset > 0) {
    return { state: 'restarted', reason: 'rules', cursor: repeatCursor(known, { isSameFile: true }) }
  }
  return { state: 'grown', reason: null, cursor: known }
}

export type ReadBatch = {
  readonly cursor: Cursor
  readonly lines: BatchLines
  readonly decoded: DecodedBatch
  readonly seen: BatchSeen
}

/** The next batch of a file, decoded. A state that cannot be used costs one reading from the start, nothing else. */
export async function nextBatch(
  doors: Pick<IngestDoors, 'caller' | 'isSecret'>,
  file: TranscriptFile,
  reader: Reader,
  opened: OpenedFile,
  cursor: Cursor,
): Promise<ReadBatch> {
  const lines = await readBatch(opened.handle, cursor, { size: opened.facts.size, isQuiet: opened.isQuiet })
  const seen = await lookUpSeen(doors.caller, file, lines.lines)
  const decoded = decodeBatch(cursor, lines, {
    reader,
    session: {
      path: file.path,
      sidechainOf: file.sidechainOf,
      agentId: file.agentId,
      ...(doors.isSecret === undefined ? {} : { isSecret: doors.isSecret }),
    },
    seen,
    isQuiet: opened.isQuiet,
  })
  if (decoded !== null) return { cursor, lines, decoded, seen }
  return nextBatch(doors, file, reader, opened, repeatCursor(cursor, { isSameFile: true }))
}
