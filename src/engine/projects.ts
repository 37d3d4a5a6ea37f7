import type { ProjectListing, PrunedProjects, ResolvedProject } from '../api/projects.ts'
import { nameProject } from '../model/project-name.ts'
import { allProjects, currentProjectName, projectByName } from '../store/projects.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { emptyProject, emptyProjects, wouldRemove } from './empty-project.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { initProject } from './init-project.ts'
import { checkMerge, mergeProjects, migrateProject, previewMerge } from './merge-projects.ts'
import { decodedName, placeOfRead, placeOfWrite, type PlaceInput } from './places.ts'
import { unsortedProject } from './project-detection.ts'
import { rescue } from './rescue-ownership.ts'
import { groupNames } from './rules/name-groups.ts'

type ProjectNames =
  | 'project.list'
  | 'project.resolve'
  | 'project.merge'
  | 'project.consolidate'
  | 'project.prune'
  | 'project.delete'
  | 'project.rescue'
  | 'project.migrate'
  | 'project.init'

export const projectHandlers: Handlers<ProjectNames> = {
  'project.list': (deps) => deps.store.read(listProjects),
  'project.resolve': (deps, input) => resolveProject(deps, input),
  'project.merge': (deps, input, context) => {
    const given = deps.store.read((tx) => ({
      from: input.from.map((name) => literalName(tx, name)),
      to: literalName(tx, input.to),
    }))
    checkMerge(given.from, given.to, input.force === true)
    if (input.dry_run === true) return deps.store.read((tx) => previewMerge(tx, given.from, given.to))
    return deps.store.write((tx) => mergeProjects(tx, deps, given.from, given.to), context)
  },
  'project.consolidate': (deps) =>
    deps.store.read((tx) =>
      groupNames(listProjects(tx).map((one) => ({ name: one.name, weight: one.observation_count }))),
    ),
  'project.prune': (deps, input, context) => {
    const nowMs = deps.clock.nowMs()
    if (input.apply !== true) {
      return deps.store.read((tx) => {
        const projects = emptyProjects(tx, nowMs)
        return { dry_run: true, projects, removed: projects.map((project) => wouldRemove(tx, project)) }
      })
    }
    return deps.store.write((tx) => {
      const projects = emptyProjects(tx, nowMs)
      return { dry_run: false, projects, removed: projects.map((project) => prune(tx, deps, project)) }
    }, context)
  },
  'project.delete': async (deps, input, context) => {
    const { project } = await placeOfRead(deps, { project: input.project })
    return deps.store.write((tx) => emptyProject(tx, deps, project ?? input.project, input.hard === true), context)
  },
  'project.rescue': (deps, input, context) => deps.store.write((tx) => rescue(tx, deps, input), context),
  'project.migrate': (deps, input, context) => {
    const from = nameProject(input.old_project).name
    const to = nameProject(input.new_project).name
    checkMerge([from], to, true)
    return deps.store.write((tx) => migrateProject(tx, deps, from, to), context)
  },
  'project.init': (deps, input) => initProject(deps, input),
}

function prune(tx: WriteTx, deps: EngineDeps, project: string): PrunedProjects['removed'][number] {
  const gone = emptyProject(tx, deps, project, true)
  return {
    project,
    observations: gone.observations_deleted,
    sessions: gone.sessions_deleted,
    prompts: gone.prompts_deleted,
  }
}

function listProjects(tx: ReadTx): readonly ProjectListing[] {
  type Count = { readonly project: string; readonly n: number; readonly last: string | null }
  const counted = (sql: string): Map<string, Count> => new Map(tx.all<Count>(sql).map((row) => [row.project, row]))
  const observations = counted(
    `SELECT project, count(*) AS n, max(updated_at) AS last FROM observations
     WHERE deleted_at IS NULL AND project IS NOT NULL GROUP BY project`,
  )
  const sessions = counted(
    `SELECT project, count(*) AS n, max(started_at) AS last FROM sessions WHERE project <> '' GROUP BY project`,
  )
  const prompts = counted(
    `SELECT project, count(*) AS n, max(created_at) AS last FROM prompts WHERE project IS NOT NULL GROUP BY project`,
  )
  const folders = tx.all<{ project: string; directory: string }>(
    `SELECT DISTINCT project, directory FROM sessions WHERE project <> '' AND directory <> '' ORDER BY directory`,
  )
  const rows = allProjects(tx)
  const byProject = Map.groupBy(folders, (row) => row.project)
  const merged = rows.filter((row) => row.merged_into !== null)
  const aliases = Map.groupBy(merged, (row) => currentProjectName(tx, row.name))
  // Whatever made a project, it is listed: a record that arrived may name one that no row was made for.
  const names = new Set(
    [rows.map((row) => row.name), observations.keys(), sessions.keys(), prompts.keys()].flatMap((all) => [...all]),
  )
  for (const row of merged) names.delete(row.name)
  return [...names]
    .map((name) => ({
      name,
      observation_count: observations.get(name)?.n ?? 0,
      session_count: sessions.get(name)?.n ?? 0,
      prompt_count: prompts.get(name)?.n ?? 0,
      directories: (byProject.get(name) ?? []).map((row) => row.directory),
      last_activity_at: latest(observations.get(name)?.last, sessions.get(name)?.last, prompts.get(name)?.last),
      aliases: (aliases.get(name) ?? []).map((row) => row.name),
    }))
    .sort((a, b) => b.observation_count - a.observation_count || (a.name < b.name ? -1 : 1))
}

const latest = (...times: readonly (string | null | undefined)[]): string | null =>
  times.reduce<string | null>((a, b) => (b != null && (a === null || b > a) ? b : a), null)

/** As a write would find it, but nothing is noted anywhere: looking must not change a repository. */
async function resolveProject(deps: EngineDeps, input: PlaceInput): Promise<ResolvedProject> {
  const place = await placeOfWrite(deps, input, { remember: false })
  const project = place.project ?? unsortedProject
  return {
    project,
    project_source: place.source,
    project_path: place.path,
    cwd: input.directory ?? '',
    available_projects: place.available,
    known: deps.store.read((tx) => projectByName(tx, project) !== undefined),
    warnings: place.warnings,
  }
}

/** A name as it is written; percent-decoded when no project is literally called so (ING-CMD-4). Aliases stay themselves. */
function literalName(tx: ReadTx, given: string): string {
  const { name } = nameProject(given)
  return projectByName(tx, name) === undefined ? (decodedName(given)?.name ?? name) : name
}
