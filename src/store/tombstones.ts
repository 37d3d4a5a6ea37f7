import type { TombstoneRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** What stands for a record that was deleted for ever; kept for ever (MEM-507). */

export const findTombstone = (tx: ReadTx, entity: TombstoneRow['entity'], key: string): TombstoneRow | undefined =>
  tx.get<TombstoneRow>('SELECT * FROM tombstones WHERE entity = ? AND entity_key = ?', entity, key)

/** Those of the names that were deleted for ever. */
export const buriedAmong = (tx: ReadTx, entity: TombstoneRow['entity'], keys: readonly string[]): readonly string[] =>
  tx
    .all<{ entity_key: string }>(
      'SELECT entity_key FROM tombstones WHERE entity = ? AND entity_key IN (SELECT value FROM json_each(?))',
      entity,
      JSON.stringify(keys),
    )
    .map((row) => row.entity_key)

/** Writes or replaces the tombstone of one record. */
export function writeTombstone(tx: WriteTx, row: TombstoneRow): void {
  tx.run(
    `INSERT INTO tombstones
       (entity, entity_key, project, session_id, source_inbox_id, deleted_at, hard, hlc, origin, change_seq)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (entity, entity_key) DO UPDATE SET
       project = excluded.project, session_id = excluded.session_id, source_inbox_id = excluded.source_inbox_id,
       deleted_at = excluded.deleted_at, hard = excluded.hard, hlc = excluded.hlc, origin = excluded.origin,
       change_seq = excluded.change_seq`,
    row.entity,
    row.entity_key,
    row.project,
    row.session_id,
    row.source_inbox_id,
    row.deleted_at,
    row.hard,
    row.hlc,
    row.origin,
    row.change_seq,
  )
}

/** A tombstone to be pushed once more: somebody still sends what it buried (MEM-507). */
export function markTombstoneAgain(tx: WriteTx, row: TombstoneRow, changeSeq: number): void {
  tx.run(
    'UPDATE tombstones SET change_seq = ? WHERE entity = ? AND entity_key = ?',
    changeSeq,
    row.entity,
    row.entity_key,
  )
}

/** Tombstones of one project, or of all when null, in the order of their keys. */
export const tombstonesOf = (tx: ReadTx, project: string | null): TombstoneRow[] =>
  tx.all<TombstoneRow>(
    'SELECT * FROM tombstones WHERE (?1 IS NULL OR project = ?1) ORDER BY entity, entity_key',
    project,
  )
