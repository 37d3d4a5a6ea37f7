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

/** The project of the last session that ran in a directory, or in the nearest folder above it. */
export const projectOfDirectory = (tx: ReadTx, directory: string): string | undefined =>
  tx.get<{ project: string }>(
    `SELECT project FROM sessions
     WHERE project <> '' AND length(directory) > 1 AND (directory = ?1 OR substr(?1, 1, length(directory) + 1) = directory || '/')
     ORDER BY length(directory) DESC, number DESC LIMIT 1`,
    directory,
  )?.project

/**
 * Open sessions of this data dir without a lease that nobody used since `beforeMs` (MEM-707). Sessions that another
 * machine wrote last are not among them: whether their agents live is known there.
 */
export const idleSessions = (tx: ReadTx, nowMs: number, beforeMs: number, limit: number): SessionRow[] =>
  tx.all<SessionRow>(
    `SELECT * FROM sessions WHERE ended_at IS NULL AND lease_until_ms < ? AND last_activity_ms < ?
       AND origin = (SELECT value FROM meta WHERE key = 'origin') LIMIT ?`,
    nowMs,
    beforeMs,
    limit,
  )

export const observationsPointTo = (tx: ReadTx, sessionId: string): number =>
  tx.get<{ n: number }>('SELECT count(*) AS n FROM observations WHERE session_id = ?', sessionId)?.n ?? 0

export const observationsOfOtherProjects = (tx: ReadTx, sessionId: string, project: string): number =>
  tx.get<{ n: number }>(
    'SELECT count(*) AS n FROM observations WHERE session_id = ? AND project IS NOT NULL AND project <> ?',
    sessionId,
    project,
  )?.n ?? 0

/** A session with the number of its live observations. */
export type CountedSession = SessionRow & { readonly observation_count: number }

/** Counted after the choice is made, not for every session there is. */
const counted = (chosen: string, order: string): string =>
  `SELECT s.*,
     (SELECT count(*) FROM observations o WHERE o.session_id = s.id AND o.deleted_at IS NULL) AS observation_count
   FROM (SELECT * FROM sessions WHERE ${chosen}) s ORDER BY ${order}`

const newest = 'started_at DESC, number DESC'
const newestSql = {
  ofProject: counted(`project = ?1 AND (?2 = 0 OR ended_at IS NULL) ORDER BY ${newest} LIMIT ?3`, newest),
  ofAll: counted(`?1 IS NULL AND (?2 = 0 OR ended_at IS NULL) ORDER BY ${newest} LIMIT ?3`, newest),
}

/** Sessions of one project, or of all when null, the newest first. */
export const recentSessions = (
  tx: ReadTx,
  project: string | null,
  limit: number,
  only: { readonly open: boolean } = { open: false },
): CountedSession[] =>
  tx.all<CountedSession>(project === null ? newestSql.ofAll : newestSql.ofProject, project, only.open ? 1 : 0, limit)

const unusedSql = counted(
  'ended_at IS NULL AND (?1 IS NULL OR project = ?1) AND last_activity_ms < ?2 ORDER BY last_activity_ms LIMIT ?3',
  'last_activity_ms',
)

/** Open sessions nobody used since `beforeMs`, the longest unused first. */
export const unusedSessions = (tx: ReadTx, project: string | null, beforeMs: number, limit: number): CountedSession[] =>
  tx.all<CountedSession>(unusedSql, project, beforeMs, limit)

const oneSql = counted('id = ?', 'number')

export const countedSession = (tx: ReadTx, id: string): CountedSession | undefined => tx.get<CountedSession>(oneSql, id)
