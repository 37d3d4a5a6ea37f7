import type { IngestSource } from '../api/ingest.ts'
import { formatTime } from '../model/times.ts'
import type { FileFacts } from '../platform/files.ts'
import { stateText } from './cursor.ts'
import type { Cursor } from './cursor.ts'
import type { TranscriptFile } from './discover.ts'
import type { ReadCounts } from './entries.ts'

export type RowParts = {
  readonly file: TranscriptFile
  readonly facts: FileFacts
  readonly sessionId: string
  readonly key: string
  readonly project: string
  readonly cursor: Cursor
  readonly counts: ReadCounts
  readonly hashes: { readonly headHash: string; readonly tailHash: string }
  readonly isAtEnd: boolean
  readonly readerVersion: number
  /** 0 when the rules did not look. */
  readonly extractorVersion: number
  readonly lookedMs: number
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

export function rowOf(parts: RowParts): IngestSource {
  const { file, facts, cursor, counts, hashes } = parts
  return {
    path: file.path,
    agent: file.agent,
    session_id: parts.sessionId,
    transcript_key: parts.key,
    project: parts.project,
    // A file that was not read to its end must never look unchanged.
    size: parts.isAtEnd ? facts.size : cursor.offset,
    mtime_ns: parts.isAtEnd ? String(facts.mtimeNs) : '0',
    inode: String(facts.inode),
    offset: cursor.offset,
    line: cursor.line,
    head_hash: hashes.headHash,
    head_bytes: Number(hashes.headHash.split(':')[0]),
    tail_hash: hashes.tailHash,
    extract_offset: cursor.extractOffset,
    llm_offset: 0,
    archive_position: cursor.archivePosition,
    reader_version: parts.readerVersion,
    extractor_version: parts.extractorVersion,
    records: counts.records,
    bad_lines: counts.badLines,
    unknown_records: sumOf(counts.unknown),
    last_id: cursor.lastId.slice(0, 512),
    reader_state: stateText(cursor),
    last_error: '',
    updated_at: formatTime(parts.lookedMs),
  }
}

/** A failure is noted beside what is known, so that `status` tells it and the next run tries again (ING-CLI-5). */
export function failedRow(
  file: TranscriptFile,
  known: IngestSource | null,
  reason: string,
  nowMs: number,
): IngestSource {
  const blank: IngestSource = {
    path: file.path,
    agent: file.agent,
    session_id: '',
    transcript_key: '',
    project: '',
    size: 0,
    mtime_ns: '0',
    inode: '0',
    offset: 0,
    line: 0,
    head_hash: '',
    head_bytes: 0,
    tail_hash: '',
    extract_offset: 0,
    llm_offset: 0,
    archive_position: 0,
    reader_version: 0,
    extractor_version: 0,
    records: 0,
    bad_lines: 0,
    unknown_records: 0,
    last_id: '',
    reader_state: '',
    last_error: '',
    updated_at: formatTime(nowMs),
  }
  return { ...(known ?? blank), last_error: reason.slice(0, 1_000) }
}
