import { tableSql } from './columns.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** One transcript file as the manifest knows it (ING-INC-1). */
export type SourceRow = {
  readonly path: string
  readonly agent: string
  readonly session_id: string
  readonly transcript_key: string
  readonly project: string
  readonly size: number
  readonly mtime_ns: string
  readonly inode: string
  readonly offset: number
  readonly line: number
  readonly head_hash: string
  readonly head_bytes: number
  readonly tail_hash: string
  readonly extract_offset: number
  readonly llm_offset: number
  readonly archive_position: number
  readonly reader_version: number
  readonly extractor_version: number
  readonly records: number
  readonly bad_lines: number
  readonly unknown_records: number
  readonly last_id: string
  readonly reader_state: string
  readonly last_error: string
  readonly updated_at: string
}

const columns = [
  'path',
  'agent',
  'session_id',
  'transcript_key',
  'project',
  'size',
  'mtime_ns',
  'inode',
  'offset',
  'line',
  'head_hash',
  'head_bytes',
  'tail_hash',
  'extract_offset',
  'llm_offset',
  'archive_position',
  'reader_version',
  'extractor_version',
  'records',
  'bad_lines',
  'unknown_records',
  'last_id',
  'reader_state',
  'last_error',
  'updated_at',
] as const

const sql = tableSql<SourceRow & { readonly number: number }>('ingest_sources', 'number', columns)
const listed = columns.map((column) => `"${column}"`).join(', ')
/** The reader's notes are by far the largest column, and most runs need none of them. */
const withoutState = columns
  .map((column) => (column === 'reader_state' ? `'' AS reader_state` : `"${column}"`))
  .join(', ')

/** All rows, their reader states left empty. */
export const knownSources = (tx: ReadTx, agent: string | undefined): SourceRow[] =>
  tx.all<SourceRow>(
    `SELECT ${withoutState} FROM ingest_sources WHERE ?1 IS NULL OR agent = ?1 ORDER BY path`,
    agent ?? null,
  )

/** The whole row of one file. */
export const knownSource = (tx: ReadTx, path: string): SourceRow | undefined =>
  tx.get<SourceRow>(`SELECT ${listed} FROM ingest_sources WHERE path = ?`, path)

const numberOf = (tx: ReadTx, path: string): number | undefined =>
  tx.get<{ number: number }>('SELECT number FROM ingest_sources WHERE path = ?', path)?.number

/** Writes the row of one file and answers its number. */
export function putSource(tx: WriteTx, row: SourceRow): number {
  const known = numberOf(tx, row.path)
  const values = sql.values({ ...row, number: 0 })
  if (known === undefined) return tx.run(sql.insert, ...values).lastId
  tx.run(sql.update, ...values, known)
  return known
}

/** Of these record ids (hex), those another file brought first, with the session of that file (ING-INC-5). */
export function seenElsewhere(
  tx: ReadTx,
  agent: string,
  path: string,
  ids: readonly string[],
): Readonly<Record<string, string>> {
  const own = numberOf(tx, path) ?? -1
  return Object.fromEntries(
    ids.flatMap((id) => {
      const seen = tx.get<{ session_id: string }>(
        `SELECT coalesce((SELECT session_id FROM ingest_sources WHERE number = source), '') AS session_id
         FROM ingest_seen WHERE agent = ? AND id = ? AND source <> ?`,
        agent,
        Buffer.from(id, 'hex'),
        own,
      )
      return seen === undefined ? [] : [[id, seen.session_id] as const]
    }),
  )
}

/** Records belong to the file that brought them first. */
export function markSeen(tx: WriteTx, agent: string, source: number, ids: readonly string[]): void {
  for (const id of ids) {
    tx.run(
      'INSERT OR IGNORE INTO ingest_seen (agent, id, source) VALUES (?, ?, ?)',
      agent,
      Buffer.from(id, 'hex'),
      source,
    )
  }
}

/**
 * Forgets what files that are long gone brought; their rows, and all that was made from them, stay. Without the number of
 * a file a row is that of no file there is.
 */
export function dropSeenOf(tx: WriteTx, paths: readonly string[]): void {
  for (const path of paths) {
    tx.run('DELETE FROM ingest_seen WHERE source = (SELECT number FROM ingest_sources WHERE path = ?)', path)
    tx.run(`UPDATE ingest_sources SET inode = '0' WHERE path = ?`, path)
  }
}
