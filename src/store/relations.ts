import { formatTime } from '../model/times.ts'
import { nextChangeSeq } from './change-clock.ts'
import { tableSql } from './columns.ts'
import type { RelationRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

const sql = tableSql<RelationRow>('relations', 'id', [
  'sync_id',
  'source_id',
  'target_id',
  'relation',
  'reason',
  'evidence',
  'confidence',
  'judgment_status',
  'marked_by_actor',
  'marked_by_kind',
  'marked_by_model',
  'session_id',
  'author',
  'superseded_at',
  'superseded_by_relation_sync_id',
  'project',
  'created_at',
  'updated_at',
  'hlc',
  'origin',
  'change_seq',
])

export function insertRelation(tx: WriteTx, row: Omit<RelationRow, 'id'>): RelationRow {
  const { lastId } = tx.run(sql.insert, ...sql.values({ ...row, id: 0 }))
  return { ...row, id: lastId }
}

/** Writes every column of the row. */
export function updateRelation(tx: WriteTx, row: RelationRow): void {
  tx.run(sql.update, ...sql.values(row), row.id)
}

export const relationById = (tx: ReadTx, id: number): RelationRow | undefined =>
  tx.get<RelationRow>('SELECT * FROM relations WHERE id = ?', id)

export const relationBySyncId = (tx: ReadTx, syncId: string): RelationRow | undefined =>
  tx.get<RelationRow>('SELECT * FROM relations WHERE sync_id = ?', syncId)

/** Relations at either end of an observation, oldest first. */
export const relationsOf = (tx: ReadTx, syncId: string): RelationRow[] =>
  tx.all<RelationRow>(
    `SELECT * FROM relations WHERE source_id = ?1
     UNION SELECT * FROM relations WHERE target_id = ?1 ORDER BY created_at, sync_id`,
    syncId,
  )

/** Relations between two observations, in either direction, the latest first. */
export const relationsBetween = (tx: ReadTx, a: string, b: string): RelationRow[] =>
  tx
    .all<RelationRow>(
      `SELECT * FROM relations WHERE source_id = ?1 AND target_id = ?2
       UNION ALL SELECT * FROM relations WHERE source_id = ?2 AND target_id = ?1 AND ?1 <> ?2`,
      a,
      b,
    )
    // Here and not in the statement, where a sorter for one row costs more than the search.
    .sort((one, other) => (one.hlc === other.hlc ? other.id - one.id : one.hlc < other.hlc ? 1 : -1))

/**
 * Orphaned is no state of its own that travels: it says that an end is deleted here, and is taken back when the end
 * lives again. So it moves no hybrid time; the change number moves, for whoever follows changes (MEM-905).
 */
export function orphanRelationsOf(tx: WriteTx, syncId: string): number {
  const touched = relationsOf(tx, syncId).filter(
    (row) => row.judgment_status === 'pending' || row.judgment_status === 'judged',
  )
  for (const row of touched) setStatus(tx, row, 'orphaned')
  return touched.length
}

/** Brings back what {@link orphanRelationsOf} took, where the other end lives too (MEM-905). */
export function reviveRelationsOf(tx: WriteTx, syncId: string): number {
  const orphaned = relationsOf(tx, syncId).filter((row) => row.judgment_status === 'orphaned')
  const alive = orphaned.filter((row) => isLive(tx, row.source_id) && isLive(tx, row.target_id))
  for (const row of alive) setStatus(tx, row, ownStatus(row))
  return alive.length
}

/** What an orphaned relation was before: judged when somebody signed it, else pending. */
export const ownStatus = (
  row: Pick<RelationRow, 'judgment_status' | 'marked_by_actor' | 'marked_by_kind' | 'confidence'>,
): RelationRow['judgment_status'] => {
  if (row.judgment_status !== 'orphaned') return row.judgment_status
  return row.marked_by_actor === null && row.marked_by_kind === null && row.confidence === null ? 'pending' : 'judged'
}

const isLive = (tx: ReadTx, syncId: string): boolean =>
  tx.get('SELECT 1 FROM observations WHERE sync_id = ? AND deleted_at IS NULL', syncId) !== undefined

/** The status a relation has here: orphaned while an end is deleted or gone, else its own. `ignored` stays. */
export function statusHere(
  tx: ReadTx,
  row: Pick<
    RelationRow,
    'judgment_status' | 'marked_by_actor' | 'marked_by_kind' | 'confidence' | 'source_id' | 'target_id'
  >,
): RelationRow['judgment_status'] {
  const own = ownStatus(row)
  if (own === 'ignored') return own
  return isLive(tx, row.source_id) && isLive(tx, row.target_id) ? own : 'orphaned'
}

function setStatus(tx: WriteTx, row: RelationRow, status: RelationRow['judgment_status']): void {
  tx.run('UPDATE relations SET judgment_status = ?, change_seq = ? WHERE id = ?', status, nextChangeSeq(tx), row.id)
}

const pendingDaysMax = 30

/** Pending relations nobody judged for 30 days are ignored (MEM-903). Returns how many. */
export function ignoreStaleRelations(tx: WriteTx, project: string | null, nowMs: number): number {
  const before = formatTime(nowMs - pendingDaysMax * 86_400_000)
  const stale = tx.all<RelationRow>(
    `SELECT * FROM relations WHERE judgment_status = 'pending' AND updated_at < ?1 AND (?2 IS NULL OR project = ?2) LIMIT 1000`,
    before,
    project,
  )
  for (const row of stale) setStatus(tx, row, 'ignored')
  return stale.length
}
