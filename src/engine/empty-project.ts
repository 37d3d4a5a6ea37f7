import type { DeletedProject, PrunedProjects } from '../api/projects.ts'
import { observationsPointTo } from '../store/sessions.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { hardDeleteRow, softDeleteRow } from './delete-observation.ts'
import type { EngineDeps } from './handler.ts'
import { observationsOfProject, promptsOfProject, sessionsOfProject } from './project-rows.ts'
import { deletePromptRow, dropSession } from './sessions.ts'

/** Projects without a live observation that no agent works in at this moment (MEM-407). */
export const emptyProjects = (tx: ReadTx, nowMs: number): string[] =>
  tx
    .all<{ name: string }>(
      `SELECT name FROM projects p WHERE merged_into IS NULL
         AND NOT EXISTS (SELECT 1 FROM observations o WHERE o.project = p.name AND o.deleted_at IS NULL)
         AND NOT EXISTS (
           SELECT 1 FROM sessions s WHERE s.project = p.name AND s.ended_at IS NULL AND s.lease_until_ms > ?)
       ORDER BY name`,
      nowMs,
    )
    .map((row) => row.name)

/** Soft-deletes observations and removes prompts; hard removes the observations and the sessions left empty (MEM-407). */
export function emptyProject(tx: WriteTx, deps: EngineDeps, project: string, hard: boolean): DeletedProject {
  const observations = deleteObservations(tx, deps, project, hard)
  let prompts = 0
  for (const prompt of promptsOfProject(tx, project)) {
    deletePromptRow(tx, deps, prompt)
    prompts++
  }
  const sessions = hard ? dropEmptySessions(tx, deps, project) : 0
  if (hard && holdsNothing(tx, project)) {
    tx.run('DELETE FROM projects WHERE name = ? AND merged_into IS NULL', project)
  }
  return {
    project,
    observations_deleted: observations,
    prompts_deleted: prompts,
    sessions_deleted: sessions,
    hard_delete: hard,
  }
}

/** What {@link emptyProject} would remove for ever, hard, counted without changing anything. */
export function wouldRemove(tx: ReadTx, project: string): PrunedProjects['removed'][number] {
  const count = (sql: string): number => tx.get<{ n: number }>(sql, project)?.n ?? 0
  return {
    project,
    observations: count('SELECT count(*) AS n FROM observations WHERE project = ?'),
    sessions: count(
      `SELECT count(*) AS n FROM sessions s WHERE s.project = ?1
         AND NOT EXISTS (SELECT 1 FROM observations o WHERE o.session_id = s.id AND o.project IS NOT ?1)
         AND NOT EXISTS (SELECT 1 FROM prompts p WHERE p.session_id = s.id AND p.project IS NOT ?1)`,
    ),
    prompts: count('SELECT count(*) AS n FROM prompts WHERE project = ?'),
  }
}

function deleteObservations(tx: WriteTx, deps: EngineDeps, project: string, hard: boolean): number {
  let deleted = 0
  for (const row of observationsOfProject(tx, project)) {
    if (!hard && row.deleted_at !== null) continue
    if (hard) hardDeleteRow(tx, deps, row)
    else softDeleteRow(tx, deps, row)
    deleted++
  }
  return deleted
}

function dropEmptySessions(tx: WriteTx, deps: EngineDeps, project: string): number {
  let dropped = 0
  for (const row of sessionsOfProject(tx, project)) {
    if (observationsPointTo(tx, row.id) > 0 || hasPrompts(tx, row.id)) continue
    dropSession(tx, deps, row)
    dropped++
  }
  return dropped
}

const hasPrompts = (tx: ReadTx, sessionId: string): boolean =>
  tx.get('SELECT 1 FROM prompts WHERE session_id = ? LIMIT 1', sessionId) !== undefined

/** A session that other projects' records point to keeps the name. Names merged into it go on leading to it. */
const holdsNothing = (tx: ReadTx, project: string): boolean =>
  tx.get('SELECT 1 FROM sessions WHERE project = ? LIMIT 1', project) === undefined
