import type { IngestSource } from '../api/ingest.ts'
import { parseTime } from '../model/times.ts'
import { digestFrom, noDigest } from './digest.ts'
import type { Digest } from './digest.ts'
import type { KnownFile } from './plan.ts'
import { countAt, isObject, listAt } from './readers/record.ts'

/** An observation a file gave, as far as a later read of the file must know (ING-EXT-9). */
export type Given = {
  readonly syncId: string
  readonly rule: string
  /** Where the span begins that it was found in. */
  readonly offset: number
  readonly anchor: string
  /** The side chain it was found in, for those written into the main file; else null. */
  readonly chain: string | null
  /** Known in the run that found it; a later one asks memory. */
  readonly content: string | null
}

/**
 * Which messages may be ones this file gives again. `tail`: those after the archive position · `all`: every one, until the
 * file, read from its start, is read to its end · `always-all`: every one for good, since the file was another one before
 * or is not the first of its session, and what is still to come may be there already.
 */
export type LooksThrough = 'tail' | 'all' | 'always-all'

/**
 * How far one file is dealt with: all that a batch hands to the next, in the same run or in another one.
 *
 *   0 ──────── read ─── extract ════════ offset ───────── size
 *      done, told           seen again       not read yet
 *      by `digest`          by the rules
 *
 * Reading begins at `read`, at or shortly before `extract`, where no record waited for its meaning.
 */
export type Cursor = {
  readonly offset: number
  readonly line: number
  readonly extractOffset: number
  readonly readOffset: number
  readonly readLine: number
  /** The reader's state before the line at `readOffset`; null at the start of the file. */
  readonly reader: string | null
  /** Offsets behind `readOffset` at which the file was quiet and what waited was decided. */
  readonly flushes: readonly number[]
  readonly digest: Digest
  readonly given: readonly Given[]
  /** What an earlier read of the same file gave and this one, from the start, has not given again yet. */
  readonly former: readonly Given[]
  /** Messages after this position are looked through for those a crash left (ING-ARC-3). */
  readonly archivePosition: number
  readonly looksThrough: LooksThrough
  readonly lastId: string
}

export const startCursor: Cursor = {
  offset: 0,
  line: 0,
  extractOffset: 0,
  readOffset: 0,
  readLine: 0,
  reader: null,
  flushes: [],
  digest: noDigest,
  given: [],
  former: [],
  archivePosition: 0,
  looksThrough: 'all',
  lastId: '',
}

/** The file from its start again. What it gave before goes at the end unless it comes again. */
export const repeatCursor = (before: Cursor, options: { readonly isSameFile: boolean }): Cursor => ({
  ...startCursor,
  // That something was archived once tells a conversation removed since from one not made yet.
  lastId: before.lastId,
  former: options.isSameFile ? [...before.given, ...before.former] : [],
  looksThrough: options.isSameFile && before.looksThrough !== 'always-all' ? 'all' : 'always-all',
})

/** What the manifest keeps of a cursor beside its columns. */
export function stateText(cursor: Cursor): string {
  return JSON.stringify({
    version: 1,
    readOffset: cursor.readOffset,
    readLine: cursor.readLine,
    looksThrough: cursor.looksThrough,
    flushes: cursor.flushes,
    given: cursor.given.map(savedGiven),
    former: cursor.former.map(savedGiven),
    digest: cursor.digest,
    reader: cursor.reader === null ? null : (JSON.parse(cursor.reader) as unknown),
  })
}

/** The same with what an archived conversation gave (ING-INC-6); a state nobody can read stays as it is. */
export function stateWithGiven(text: string, given: readonly Given[]): string {
  const state = parsed(text)
  return state === null ? text : JSON.stringify({ ...state, given: given.map(savedGiven), former: [] })
}

const wholes = ['all', 'always-all'] as const

const savedGiven = ({ syncId, rule, offset, anchor, chain }: Given): readonly unknown[] => [
  syncId,
  rule,
  offset,
  anchor,
  chain,
]

/** The cursor of a manifest row; null when its state cannot be read, and the file must be read from its start. */
export function cursorOf(row: IngestSource): Cursor | null {
  const state = parsed(row.reader_state)
  if (state === null) return null
  const reader = state['reader']
  return {
    offset: row.offset,
    line: row.line,
    extractOffset: row.extract_offset,
    readOffset: countAt(state, 'readOffset'),
    readLine: countAt(state, 'readLine'),
    reader: isObject(reader) ? JSON.stringify(reader) : null,
    flushes: listAt(state, 'flushes').filter((each) => typeof each === 'number'),
    digest: digestFrom(state['digest']),
    given: listAt(state, 'given').flatMap(givenFrom),
    former: listAt(state, 'former').flatMap(givenFrom),
    archivePosition: row.archive_position,
    looksThrough: wholes.find((each) => each === state['looksThrough']) ?? 'tail',
    lastId: row.last_id,
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && value['version'] === 1 ? value : null
  } catch {
    return null
  }
}

function givenFrom(value: unknown): readonly Given[] {
  if (!Array.isArray(value)) return []
  const [syncId, rule, offset, anchor, chain] = value as readonly unknown[]
  if (typeof syncId !== 'string' || typeof rule !== 'string') return []
  if (typeof offset !== 'number' || typeof anchor !== 'string') return []
  return [{ syncId, rule, offset, anchor, chain: typeof chain === 'string' ? chain : null, content: null }]
}

/** The row as planning sees it. */
export const knownFileOf = (row: IngestSource): KnownFile => ({
  size: row.size,
  mtimeNs: BigInt(row.mtime_ns),
  inode: BigInt(row.inode),
  offset: row.offset,
  line: row.line,
  headHash: row.head_hash,
  tailHash: row.tail_hash,
  readerVersion: row.reader_version,
  // Whether anything waits is told by the times alone, see `needsVisit`.
  waiting: true,
})

/** Milliseconds; how long a file lay still when it was last looked at. */
export function stillnessAtLastLook(row: IngestSource): number {
  const looked = parseTime(row.updated_at)
  return looked === null ? 0 : looked - Number(BigInt(row.mtime_ns) / 1_000_000n)
}
