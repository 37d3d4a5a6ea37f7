import type { ConflictKind } from '../model/records.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** One row of `observation_conflicts`: versions, or two observations, made without knowing of each other (MEM-509). */
export type ConflictRow = {
  readonly id: string
  readonly kind: ConflictKind
  readonly sync_id: string
  readonly other_sync_id: string | null
  readonly project: string | null
  /** JSON array of versions; of `same_topic`, empty. */
  readonly heads: string
  readonly remote: string | null
  readonly detected_at: string
  readonly settled_version: string | null
  readonly settled_at: string | null
  readonly settled_by: string | null
}

export type Settled = Pick<ConflictRow, 'settled_version' | 'settled_at' | 'settled_by'>

export const conflictById = (tx: ReadTx, id: string): ConflictRow | undefined =>
  tx.get<ConflictRow>('SELECT * FROM observation_conflicts WHERE id = ?', id)

/** Lists a conflict; one that was settled before is open again. */
export function openConflict(tx: WriteTx, row: Omit<ConflictRow, keyof Settled>): void {
  putConflict(tx, { ...row, settled_version: null, settled_at: null, settled_by: null })
}

/** Writes a row; a known one keeps when and whence it was first seen. */
export function putConflict(tx: WriteTx, row: ConflictRow): void {
  tx.run(
    `INSERT INTO observation_conflicts
       (id, kind, sync_id, other_sync_id, project, heads, remote, detected_at, settled_version, settled_at, settled_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET
       kind = excluded.kind, project = excluded.project, settled_version = excluded.settled_version,
       settled_at = excluded.settled_at, settled_by = excluded.settled_by`,
    row.id,
    row.kind,
    row.sync_id,
    row.other_sync_id,
    row.project,
    row.heads,
    row.remote,
    row.detected_at,
    row.settled_version,
    row.settled_at,
    row.settled_by,
  )
}

export function closeConflict(tx: WriteTx, id: string, settled: Settled): void {
  tx.run(
    `UPDATE observation_conflicts SET settled_version = ?, settled_at = ?, settled_by = ? WHERE id = ?`,
    settled.settled_version,
    settled.settled_at,
    settled.settled_by,
    id,
  )
}

/** Open conflicts between versions of one observation. */
export const openConflictsOf = (tx: ReadTx, syncId: string): ConflictRow[] =>
  tx.all<ConflictRow>(
    `SELECT * FROM observation_conflicts WHERE sync_id = ? AND settled_at IS NULL AND kind IN ('edit', 'edit_delete')`,
    syncId,
  )

/** Open conflicts of one topic that name an observation at either end. */
export const openTopicConflictsOf = (tx: ReadTx, syncId: string): ConflictRow[] =>
  tx.all<ConflictRow>(
    `SELECT * FROM observation_conflicts
     WHERE settled_at IS NULL AND kind = 'same_topic' AND (sync_id = ?1 OR other_sync_id = ?1)`,
    syncId,
  )

/** Conflicts of one project, or of all when null; the newest first. */
export const listConflicts = (tx: ReadTx, project: string | null, settled: boolean, limit: number): ConflictRow[] =>
  tx.all<ConflictRow>(
    `SELECT * FROM observation_conflicts
     WHERE (?1 IS NULL OR project = ?1) AND (settled_at IS NOT NULL) = ?2
     ORDER BY detected_at DESC, id LIMIT ?3`,
    project,
    settled ? 1 : 0,
    limit,
  )

export const allConflicts = (tx: ReadTx, project: string | null): ConflictRow[] =>
  tx.all<ConflictRow>('SELECT * FROM observation_conflicts WHERE ?1 IS NULL OR project = ?1 ORDER BY id', project)
