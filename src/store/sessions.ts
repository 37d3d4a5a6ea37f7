import { tableSql } from './columns.ts'
import type { SessionRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

const sql = tableSql<SessionRow>('sessions', 'number', [
  'id',
  'project',
  'ownership_mode',
  'directory',
  'started_at',
  'ended_at',
  'summary',
  'summary_by',
  'agent',
  'ended_by',
  'isolated',
  'lease_until_ms',
  'agent_pid',
  'last_activity_ms',
  'hlc',
  'origin',
  'change_seq',
])

export function insertSession(tx: WriteTx, row: Omit<SessionRow, 'number'>): SessionRow {
  const { lastId } = tx.run(sql.insert, ...sql.values({ ...row, number: 0 }))
  return { ...row, number: lastId }
}

/** Writes every column of the row. */
export function updateSession(tx: WriteTx, row: SessionRow): void {
  tx.run(sql.update, ...sql.values(row), row.number)
}

export const sessionById = (tx: ReadTx, id: string): SessionRow | undefined =>
  tx.get<SessionRow>('SELECT * FROM sessions WHERE id = ?', id)

export function removeSession(tx: WriteTx, row: SessionRow): void {
  tx.run('DELETE FROM sessions WHERE number = ?', row.number)
}

/** Local upkeep of a live session; no change that travels. */
export function touchSession(tx: WriteTx, id: string, nowMs: number, leaseUntilMs: number): void {
  tx.run(
    `UPDATE sessions SET last_activity_ms = max(last_activity_ms, ?), lease_until_ms = max(lease_until_ms, ?)
     WHERE id = ?`,
    nowMs,
    leaseUntilMs,
    id,
  )
}

/** Sessions a write without a session id may belong to (MEM-702): open, no manual-save, same project and directory. */
export const candidateSessions = (tx: ReadTx, project: string, directory: string): SessionRow[] =>
  tx.all<SessionRow>(
    `SELECT * FROM sessions
     WHERE ended_at IS NULL AND isolated = 0 AND project = ? AND directory = ?
       AND substr(id, 1, 11) <> 'manual-save' AND NOT (ownership_mode = 'project_owned' AND directory = '')
     ORDER BY last_activity_ms DESC, number DESC LIMIT 200`,
    project,
    directory,
  )

/** Open sessions without a lease that nobody used since `beforeMs` (MEM-707). */
export const idleSessions = (tx: ReadTx, nowMs: number, beforeMs: number, limit: number): SessionRow[] =>
  tx.all<SessionRow>(
    `SELECT * FROM sessions WHERE ended_at IS NULL AND lease_until_ms < ? AND last_activity_ms < ? LIMIT ?`,
    nowMs,
    beforeMs,
    limit,
  )

export const observationsPointTo = (tx: ReadTx, sessionId: string): number =>
  tx.get<{ n: number }>('SELECT count(*) AS n FROM observations WHERE session_id = ?', sessionId)?.n ?? 0
