import { addArrivedWords, type ArrivedWords } from './arrived-words.ts'
import { tableSql } from './columns.ts'
import { removeObservationIndex, writeObservationIndex } from './full-text.ts'
import type { ObservationRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** All but the key. */
export const observationColumns = [
  'sync_id',
  'session_id',
  'type',
  'title',
  'content',
  'tool_name',
  'project',
  'scope',
  'topic_key',
  'normalized_hash',
  'revision_count',
  'duplicate_count',
  'last_seen_at',
  'review_after',
  'expires_at',
  'created_at',
  'updated_at',
  'deleted_at',
  'pinned',
  'author',
  'confidence',
  'provenance',
  'version',
  'ancestors',
  'hlc',
  'origin',
  'change_seq',
] as const satisfies readonly (keyof ObservationRow)[]

const sql = tableSql<ObservationRow>('observations', 'id', observationColumns)

/** Inserts the row and its index rows. */
export function insertObservation(tx: WriteTx, row: Omit<ObservationRow, 'id'>): ObservationRow {
  const { lastId } = tx.run(sql.insert, ...sql.values({ ...row, id: 0 }))
  const inserted = { ...row, id: lastId }
  writeObservationIndex(tx, inserted)
  return inserted
}

/** As {@link insertObservation}, one of many: its index rows are written with those of the others. */
export function insertArrivedObservation(
  tx: WriteTx,
  row: Omit<ObservationRow, 'id'>,
  words: ArrivedWords,
): ObservationRow {
  const inserted = { ...row, id: 0 }
  inserted.id = tx.run(sql.insert, ...sql.values(inserted)).lastId
  addArrivedWords(tx, words, inserted)
  return inserted
}

/** Writes every column and brings the index up to date; a soft-deleted row leaves the index (RET-107). */
export function updateObservation(tx: WriteTx, row: ObservationRow): void {
  tx.run(sql.update, ...sql.values(row), row.id)
  if (row.deleted_at === null) writeObservationIndex(tx, row)
  else removeObservationIndex(tx, row, { hard: false })
}

/** Writes counters and times only: nothing the index holds has changed. */
export function updateObservationCounters(tx: WriteTx, row: ObservationRow): void {
  tx.run(
    `UPDATE observations SET revision_count = ?, duplicate_count = ?, last_seen_at = ?, created_at = ?, updated_at = ?,
       pinned = ?, change_seq = ? WHERE id = ?`,
    row.revision_count,
    row.duplicate_count,
    row.last_seen_at,
    row.created_at,
    row.updated_at,
    row.pinned,
    row.change_seq,
    row.id,
  )
}

/** Removes the row, its versions and every index row that held its text (MEM-406). The tombstone is the caller's. */
export function removeObservation(tx: WriteTx, row: ObservationRow): void {
  removeObservationIndex(tx, row, { hard: true })
  tx.run('DELETE FROM observation_versions WHERE sync_id = ?', row.sync_id)
  tx.run('DELETE FROM observations WHERE id = ?', row.id)
}

export const observationById = (tx: ReadTx, id: number): ObservationRow | undefined =>
  tx.get<ObservationRow>('SELECT * FROM observations WHERE id = ?', id)

export const observationBySyncId = (tx: ReadTx, syncId: string): ObservationRow | undefined =>
  tx.get<ObservationRow>('SELECT * FROM observations WHERE sync_id = ?', syncId)

/** Those of the names that records here have. */
export const knownSyncIds = (tx: ReadTx, syncIds: readonly string[]): readonly string[] =>
  tx
    .all<{ sync_id: string }>(
      'SELECT sync_id FROM observations WHERE sync_id IN (SELECT value FROM json_each(?))',
      JSON.stringify(syncIds),
    )
    .map((row) => row.sync_id)

/** The live row a topic upsert replaces: same key, project and scope, latest first (MEM-303). */
export const observationByTopic = (
  tx: ReadTx,
  topicKey: string,
  project: string | null,
  scope: string,
): ObservationRow | undefined =>
  tx.get<ObservationRow>(
    `SELECT * FROM observations WHERE topic_key = ? AND project IS ? AND +scope = ? AND deleted_at IS NULL
     ORDER BY updated_at DESC, created_at DESC, id DESC LIMIT 1`,
    topicKey,
    project,
    scope,
  )

/** Of the first value; its beginning is what the index holds. */
const hasHash = 'substr(normalized_hash, 1, 8) = substr(?1, 1, 8) AND +normalized_hash = ?1'

/**
 * The live row an exact repeat counts on, the newest (MEM-304). The `+` keeps the planner at the hash, which finds one
 * row, and away from the project's index, which would find them all; the few rows are compared here, since a sorter costs
 * more than the search.
 */
export const observationByRepeat = (
  tx: ReadTx,
  same: Pick<ObservationRow, 'normalized_hash' | 'project' | 'scope' | 'type' | 'title'>,
  createdFrom: string,
): ObservationRow | undefined =>
  tx
    .all<ObservationRow>(
      `SELECT * FROM observations
       WHERE ${hasHash} AND +project IS ?2 AND +scope = ?3 AND type = ?4 AND title = ?5 AND +deleted_at IS NULL
         AND +created_at >= ?6`,
      same.normalized_hash,
      same.project,
      same.scope,
      same.type,
      same.title,
      createdFrom,
    )
    .reduce<ObservationRow | undefined>((newest, row) => (isNewer(row, newest) ? row : newest), undefined)

const isNewer = (row: ObservationRow, than: ObservationRow | undefined): boolean =>
  than === undefined || row.created_at > than.created_at || (row.created_at === than.created_at && row.id > than.id)

/** Whether a text is already live in the project, whatever its title (MEM-309, ING-EXT-9). */
export const observationByHash = (tx: ReadTx, hash: string, project: string | null): ObservationRow | undefined =>
  tx.get<ObservationRow>(
    `SELECT * FROM observations WHERE ${hasHash} AND +project IS ?2 AND +deleted_at IS NULL ORDER BY +id LIMIT 1`,
    hash,
    project,
  )
