import type { ReadTx, WriteTx } from './transaction.ts'

/** An arrived record that waits for something it points to, or that nobody could read (MEM-907). */
export type DeferredRecord = {
  readonly sync_id: string
  readonly entity: string
  /** JSON. */
  readonly payload: string
  readonly apply_status: 'deferred' | 'dead'
  readonly retry_count: number
  readonly last_error: string
  readonly last_attempted_at: string
  readonly first_seen_at: string
}

export const deferredBySyncId = (tx: ReadTx, syncId: string): DeferredRecord | undefined =>
  tx.get<DeferredRecord>('SELECT * FROM deferred WHERE sync_id = ?', syncId)

/** Sets a record aside, or brings a waiting one up to date; when it was first seen stays. */
export function putDeferred(tx: WriteTx, row: DeferredRecord): void {
  tx.run(
    `INSERT INTO deferred
       (sync_id, entity, payload, apply_status, retry_count, last_error, last_attempted_at, first_seen_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (sync_id) DO UPDATE SET
       entity = excluded.entity, payload = excluded.payload, apply_status = excluded.apply_status,
       retry_count = excluded.retry_count, last_error = excluded.last_error,
       last_attempted_at = excluded.last_attempted_at`,
    row.sync_id,
    row.entity,
    row.payload,
    row.apply_status,
    row.retry_count,
    row.last_error,
    row.last_attempted_at,
    row.first_seen_at,
  )
}

/** A record that waited elsewhere before it waits here was first seen there. */
export function seenSince(tx: WriteTx, syncId: string, at: string): void {
  tx.run('UPDATE deferred SET first_seen_at = min(first_seen_at, ?) WHERE sync_id = ?', at, syncId)
}

export function removeDeferred(tx: WriteTx, syncId: string): void {
  tx.run('DELETE FROM deferred WHERE sync_id = ?', syncId)
}

export const countDeferred = (tx: ReadTx, status: string | null): number =>
  tx.get<{ n: number }>('SELECT count(*) AS n FROM deferred WHERE ?1 IS NULL OR apply_status = ?1', status)?.n ?? 0

export const listDeferred = (tx: ReadTx, status: string | null, limit: number, offset: number): DeferredRecord[] =>
  tx.all<DeferredRecord>(
    `SELECT * FROM deferred WHERE ?1 IS NULL OR apply_status = ?1
     ORDER BY first_seen_at, sync_id LIMIT ?2 OFFSET ?3`,
    status,
    limit,
    offset,
  )

/** Waiting relations both of whose ends are known by now, as a record or as a tombstone. */
export const relationsThatMayApply = (tx: ReadTx): DeferredRecord[] =>
  tx.all<DeferredRecord>(
    `SELECT * FROM deferred WHERE entity = 'relation' AND apply_status = 'deferred'
       AND (EXISTS (SELECT 1 FROM tombstones WHERE entity = 'observation'
                      AND entity_key IN (json_extract(payload, '$.source_id'), json_extract(payload, '$.target_id')))
            OR (EXISTS (SELECT 1 FROM observations WHERE sync_id = json_extract(payload, '$.source_id'))
                AND EXISTS (SELECT 1 FROM observations WHERE sync_id = json_extract(payload, '$.target_id'))))
     ORDER BY first_seen_at, sync_id`,
  )

/** Waiting relations that still miss an end were tried in vain. */
export function countVainRetries(tx: WriteTx, at: string): number {
  return tx.run(
    `UPDATE deferred SET retry_count = retry_count + 1, last_attempted_at = ? WHERE entity = 'relation' AND apply_status = 'deferred'`,
    at,
  ).changes
}
