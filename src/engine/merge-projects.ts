import type { MergedProjects, MigratedProject } from '../api/projects.ts'
import { EngramError } from '../model/errors.ts'
import { projectVariantKey } from '../model/project-name.ts'
import { formatTime } from '../model/times.ts'
import { nextChangeSeq } from '../store/change-clock.ts'
import { currentProjectName, ensureProject } from '../store/projects.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { editObservation } from './edit-observation.ts'
import type { EngineDeps } from './handler.ts'
import { observationsOfProject, promptsOfProject, sessionsOfProject } from './project-rows.ts'
import { movePrompt, moveSession } from './projects-move.ts'

/** Nothing may be merged into it, and it cannot be enrolled (MEM-801). */
const reservedProject = 'inbox'

/** Variants in case, `-` and `_` merge; strangers only when forced; nothing into the reserved name (MEM-807). */
export function checkMerge(from: readonly string[], to: string, force: boolean): void {
  if (to === reservedProject)
    throw new EngramError('invalid_project', `Nothing can be merged into ${reservedProject}: the name is reserved.`)
  const strangers = from.filter((name) => projectVariantKey(name) !== projectVariantKey(to))
  if (force || strangers.length === 0) return
  throw new EngramError('project_name_collision', `Expected variants of ${to}, got ${strangers.join(', ')}.`, {
    details: { from: strangers, to },
  })
}

type MergePlan = { readonly names: readonly string[]; readonly to: string }

/** What is moved where. Merging a project into a name that leads to it makes that name the project again. */
function planMerge(tx: ReadTx, from: readonly string[], given: string): MergePlan {
  const current = currentProjectName(tx, given)
  const to = from.includes(current) ? given : current
  return { names: [...new Set(from)].filter((name) => name !== to), to }
}

function countsOf(tx: ReadTx, names: readonly string[]) {
  const sum = (sql: string): number => names.reduce((n, name) => n + (tx.get<{ n: number }>(sql, name)?.n ?? 0), 0)
  return {
    observations: sum('SELECT count(*) AS n FROM observations WHERE project = ?'),
    sessions: sum('SELECT count(*) AS n FROM sessions WHERE project = ?'),
    prompts: sum('SELECT count(*) AS n FROM prompts WHERE project = ?'),
  }
}

/** What a merge would move. */
export function previewMerge(tx: ReadTx, from: readonly string[], given: string): MergedProjects {
  const { names, to } = planMerge(tx, from, given)
  return { from: names, to, dry_run: true, ...countsOf(tx, names) }
}

/** Everything in one transaction; the merge travels as versions, the old names stay as aliases (MEM-807). */
export function mergeProjects(tx: WriteTx, deps: EngineDeps, from: readonly string[], given: string): MergedProjects {
  const at = formatTime(deps.clock.nowMs())
  const { names, to } = planMerge(tx, from, given)
  checkMerge([], to, true)
  ensureProject(tx, to, at)
  if (names.length > 0) tx.run('UPDATE projects SET merged_into = NULL WHERE name = ?', to)
  const counts = countsOf(tx, names)
  for (const name of names) {
    moveRecords(tx, deps, name, to)
    ensureProject(tx, name, at)
    tx.run('UPDATE projects SET merged_into = ?1 WHERE (name = ?2 OR merged_into = ?2) AND name <> ?1', to, name)
    tx.run('UPDATE project_bindings SET name = ? WHERE name = ?', to, name)
    tx.run('UPDATE relations SET project = ? WHERE project = ?', to, name)
    tx.run('UPDATE observation_conflicts SET project = ? WHERE project = ?', to, name)
    // What was deleted under the old name must be told under the new one too.
    tx.run('UPDATE tombstones SET project = ?, change_seq = ? WHERE project = ?', to, nextChangeSeq(tx), name)
  }
  return { from: names, to, dry_run: false, ...counts }
}

function moveRecords(tx: WriteTx, deps: EngineDeps, from: string, to: string): void {
  const nowMs = deps.clock.nowMs()
  for (const row of observationsOfProject(tx, from)) editObservation(tx, deps, row, { project: to })
  for (const row of sessionsOfProject(tx, from)) moveSession(tx, row, to, nowMs)
  for (const row of promptsOfProject(tx, from)) movePrompt(tx, row, to, nowMs)
}

/** Renames a project as programs of v1.14 ask for it: a merge that says when there was nothing to do. */
export function migrateProject(tx: WriteTx, deps: EngineDeps, from: string, to: string): MigratedProject {
  const names = { old_project: from, new_project: to }
  const nothing = { status: 'skipped', ...names, observations: 0, sessions: 0, prompts: 0 } as const
  if (from === to) return { ...nothing, reason: 'the names are the same' }
  const counts = countsOf(tx, [from])
  if (counts.observations + counts.sessions + counts.prompts === 0) return { ...nothing, reason: 'no records found' }
  const { observations, sessions, prompts } = mergeProjects(tx, deps, [from], to)
  return { status: 'migrated', ...names, observations, sessions, prompts }
}
