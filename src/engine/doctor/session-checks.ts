import { limits } from '../../model/limits.ts'
import type { EngineDeps } from '../handler.ts'
import { goneName, usableName } from '../project-detection.ts'
import { rows, type Check, type Found } from './check.ts'

const staleDays = 30

/** Checks about sessions, by the names the Go program gave them (MEM-1102). */
export const sessionChecks: readonly Check[] = [
  {
    id: 'session_project_directory_mismatch',
    whenFound: 'warning',
    good: 'Sessions stand in directories that fit their projects.',
    bad: 'Sessions whose directory has another name than their project',
    why: 'A session filed under the wrong project hides its memories from the right one.',
    nextStep: 'Look at each; `engram projects move` files observations elsewhere.',
    repairable: false,
    examine: (deps, project) => ({ findings: mismatchedSessions(deps, project) }),
  },
  {
    id: 'manual_session_name_project_mismatch',
    whenFound: 'warning',
    good: 'Sessions made by saves belong to the project in their name.',
    bad: 'Sessions named manual-save-<project> that belong to another',
    why: 'The name says where their memories came from.',
    nextStep: 'Merge the projects, or move the observations.',
    repairable: false,
    examine: (deps, project) =>
      rows(
        deps,
        `SELECT id AS session_id, project, substr(id, 13) AS named FROM sessions
         WHERE substr(id, 1, 12) = 'manual-save-' AND instr(id, ':resume:') = 0 AND project <> '' AND substr(id, 13) <> project
           AND (?1 IS NULL OR project = ?1)
           AND NOT EXISTS (SELECT 1 FROM projects p WHERE p.name = substr(sessions.id, 13) AND p.merged_into IS NOT NULL)`,
        project,
      ),
  },
  {
    id: 'ambiguous_active_runtime_sessions',
    whenFound: 'warning',
    good: 'No directory has several live sessions.',
    bad: 'Directories with several live sessions',
    why: 'A save that names no session takes the last used one of them.',
    nextStep: 'Usually nothing: each agent names its own session. `engram session list --open` shows them.',
    repairable: false,
    examine: (deps, project) =>
      rows(
        deps,
        `SELECT project, directory, count(*) AS sessions, group_concat(id, ', ') AS ids FROM sessions
         WHERE ended_at IS NULL AND isolated = 0 AND directory <> '' AND lease_until_ms > ?2 AND (?1 IS NULL OR project = ?1)
         GROUP BY project, directory HAVING count(*) > 1`,
        project,
        deps.clock.nowMs(),
      ),
  },
  {
    id: 'stale_open_sessions',
    whenFound: 'warning',
    good: 'No session is open without use.',
    bad: `Sessions open and unused for ${staleDays} days`,
    why: 'They make "recent sessions" say less.',
    nextStep: '`engram session end --by-age 30d --apply`, or repair.',
    repairable: true,
    examine: (deps, project) =>
      rows(
        deps,
        `SELECT id AS session_id, project, started_at FROM sessions
         WHERE ended_at IS NULL AND last_activity_ms < ?2 AND (?1 IS NULL OR project = ?1) ORDER BY started_at`,
        project,
        deps.clock.nowMs() - staleDays * 86_400_000,
      ),
  },
  {
    id: 'invalid_session_identity',
    whenFound: 'error',
    good: 'Every session has a usable id.',
    bad: 'Sessions with a blank or over-long id',
    why: 'Other machines refuse such a session, and with it what points to it.',
    nextStep: 'Report how it came in; such ids are refused at every door.',
    repairable: false,
    examine: (deps) =>
      rows(
        deps,
        `SELECT number, id AS session_id FROM sessions WHERE trim(id) = '' OR length(CAST(id AS BLOB)) > ?1`,
        limits.sessionIdBytesMax,
      ),
  },
  {
    id: 'unowned_session_project',
    whenFound: 'warning',
    good: 'Every session that holds memories has a project.',
    bad: 'Sessions without a project that hold observations',
    why: 'What has no project is found only when all projects are searched.',
    nextStep: '`engram projects rescue-ownership --project <name> --session <id>`.',
    repairable: false,
    examine: (deps) =>
      rows(
        deps,
        `SELECT s.id AS session_id, count(o.id) AS observations FROM sessions s JOIN observations o ON o.session_id = s.id
         WHERE s.project = '' AND o.deleted_at IS NULL GROUP BY s.id`,
      ),
  },
  {
    id: 'orphaned_observation_session',
    whenFound: 'error',
    good: 'Every observation and prompt has its session.',
    bad: 'Records whose session is missing',
    why: 'The foreign key forbids it: the file was changed by another program, or is damaged.',
    nextStep: '`engram backup verify` the newest backup, then restore.',
    repairable: false,
    examine: (deps) =>
      rows(
        deps,
        `SELECT 'observation' AS entity, sync_id, session_id FROM observations o
         WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = o.session_id)
         UNION ALL SELECT 'prompt', sync_id, session_id FROM prompts p
         WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = p.session_id)`,
      ),
  },
]

/** Only directories that say something else on purpose: not worktrees, not folders that a config or remote names. */
function mismatchedSessions(deps: EngineDeps, project: string | null): Found[] {
  const sessions = deps.store.read((tx) =>
    tx.all<{ id: string; project: string; directory: string }>(
      `SELECT id, project, directory FROM sessions WHERE project <> '' AND directory <> '' AND (?1 IS NULL OR project = ?1)`,
      project,
    ),
  )
  const byDirectory = Map.groupBy(sessions, (row) => row.directory)
  return sessions.flatMap((row) => {
    const others = new Set((byDirectory.get(row.directory) ?? []).map((one) => one.project))
    const expected = usableName(goneName(row.directory)) ?? ''
    if (others.size < 2 || row.project === expected || !others.has(expected)) return []
    return [{ session_id: row.id, project: row.project, directory: row.directory, expected }]
  })
}
