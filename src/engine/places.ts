import { EngramError } from '../model/errors.ts'
import { nameProject, projectVariantKey, type NamedProject } from '../model/project-name.ts'
import type { ProjectSource, Warning } from '../model/records.ts'
import { allProjects, boundProject, currentProjectName, projectByName } from '../store/projects.ts'
import { projectOfDirectory, sessionById } from '../store/sessions.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { detectProject, type DetectedProject } from './project-detection.ts'
import { secretsIn } from './secret-names.ts'
import { similarNames } from './rules/similar-names.ts'

/** Where a call stands: the project it writes to or reads from, and how that was found (MEM-804). */
export type Place = {
  /** Null: unowned on writes, all projects on reads. */
  readonly project: string | null
  readonly source: ProjectSource
  readonly path: string
  readonly available: readonly string[]
  readonly known: boolean
  readonly warnings: readonly Warning[]
}

export type PlaceInput = {
  readonly project?: string | undefined
  readonly directory?: string | undefined
  readonly project_override?: string | undefined
}

/**
 * The project of a write: explicit › the given session's › the process's override › detection (MEM-804). It never fails
 * for lack of a project (MEM-805); `strict` refuses an ambiguous directory. With `remember`, the default, a clone's name
 * is noted in its git config (MEM-803); who only looks must not change a repository.
 */
export async function placeOfWrite(
  deps: EngineDeps,
  input: PlaceInput & { readonly session_id?: string | undefined; readonly strict?: boolean | undefined },
  options: { readonly remember: boolean } = { remember: true },
): Promise<Place> {
  if (isGiven(input.project)) return namedPlace(deps, input.project, 'explicit_override')
  const owned = deps.store.read((tx) => sessionProject(tx, input.session_id))
  if (owned !== null) return knownPlace(owned, 'session_project')
  if (isGiven(input.project_override)) return namedPlace(deps, input.project_override, 'process_override')
  if (!isGiven(input.directory)) return unowned
  const place = await detectedPlace(deps, input.directory, options)
  if (input.strict === true && place.source === 'ambiguous') throw ambiguous(place)
  return place
}

/**
 * The project of a read; null = all. An explicit name that nobody knows is `unknown_project` (MEM-806); a directory
 * whose project holds nothing yet is simply empty.
 */
export async function placeOfRead(
  deps: EngineDeps,
  input: PlaceInput & { readonly all_projects?: boolean | undefined },
): Promise<Place> {
  if (input.all_projects === true) {
    if (isGiven(input.project))
      throw new EngramError('invalid_request', 'Give either a project or all projects, not both.')
    return everywhere
  }
  if (isGiven(input.project)) {
    const place = namedPlace(deps, input.project, 'explicit_override')
    if (!place.known) throw unknownProject(deps, place.project ?? input.project)
    return place
  }
  if (isGiven(input.project_override)) return namedPlace(deps, input.project_override, 'process_override')
  return isGiven(input.directory) ? detectedPlace(deps, input.directory, { remember: false }) : everywhere
}

/** As {@link placeOfRead} for verbs that need one project. */
export async function projectOfRead(deps: EngineDeps, input: PlaceInput): Promise<string> {
  const place = await placeOfRead(deps, input)
  if (place.project !== null) return place.project
  throw new EngramError('invalid_request', 'Expected the name of a project.', { details: { field: 'project' } })
}

const unowned: Place = { project: null, source: 'stored_project', path: '', available: [], known: true, warnings: [] }
const everywhere: Place = { ...unowned, source: 'all_projects' }
const isGiven = (text: string | undefined): text is string => text !== undefined && text.trim() !== ''

const knownPlace = (project: string, source: ProjectSource): Place => ({
  project,
  source,
  path: '',
  available: [],
  known: true,
  warnings: [],
})

function sessionProject(tx: ReadTx, sessionId: string | undefined): string | null {
  const row = sessionId === undefined ? undefined : sessionById(tx, sessionId)
  return row === undefined || row.project === '' ? null : currentProjectName(tx, row.project)
}

/** A project somebody named: percent-decoded when no project is literally called so (ING-CMD-4). */
function namedPlace(deps: EngineDeps, given: string, source: ProjectSource): Place {
  const literal = nameProject(given)
  return deps.store.read((tx) => {
    const isKnown = projectByName(tx, literal.name) !== undefined
    const named = isKnown ? literal : (decodedName(given) ?? literal)
    const { name, known, warnings } = recogniseProject(tx, named.name)
    const isTold = warnings.some((one) => one.code === 'project_normalized')
    const told = isTold ? warnings : [...changeOf(named, name), ...warnings]
    return { project: name, source, path: '', available: [], known, warnings: told }
  })
}

/** A name that is not used as it was written is told, with the old and the new one (MEM-801, MEM-803). */
function changeOf(named: NamedProject, used: string): readonly Warning[] {
  if (named.changedFrom === undefined) return []
  const details = { from: named.changedFrom, to: used }
  const shown = JSON.stringify(named.changedFrom)
  return named.reducedFromPath
    ? [warning('project_reduced', `The project name ${shown} looks like a path; ${used} is used.`, details)]
    : [warning('project_normalized', `${shown} is filed under ${used}.`, details)]
}

/** The known project a name means: itself, its merge target, or a variant in case, `-` and `_` (MEM-805). */
export function recogniseProject(
  tx: ReadTx,
  name: string,
): { readonly name: string; readonly known: boolean; readonly warnings: readonly Warning[] } {
  if (projectByName(tx, name) !== undefined) {
    return { name: currentProjectName(tx, name), known: true, warnings: [] }
  }
  const projects = allProjects(tx).map((row) => row.name)
  const key = projectVariantKey(name)
  const variant = projects.find((other) => projectVariantKey(other) === key)
  if (variant !== undefined) {
    const used = currentProjectName(tx, variant)
    const told = warning('project_normalized', `${JSON.stringify(name)} is filed under ${used}.`, {
      from: name,
      to: used,
    })
    return { name: used, known: true, warnings: [told] }
  }
  const similar = similarNames(name, projects)
  const closeTo = similar.length === 0 ? '' : ` Similar known names: ${similar.slice(0, 5).join(', ')}.`
  const created = warning('project_created', `${name} is a new project.${closeTo}`, { similar: similar.slice(0, 5) })
  return { name, known: false, warnings: [created] }
}

async function detectedPlace(
  deps: EngineDeps,
  directory: string,
  options: { readonly remember: boolean },
): Promise<Place> {
  const found = await detectProject(deps, directory, options)
  return deps.store.read((tx) => {
    const remembered = rememberedDirectory(deps, tx, found, directory)
    const { name, known, warnings } = recogniseProject(tx, remembered ?? found.project)
    // Only a person who named a project needs to hear that it is new.
    const told = warnings.filter((one) => one.code !== 'project_created' || similarIn(one))
    return {
      project: name,
      source: remembered === null ? found.source : 'stored_project',
      path: found.path,
      available: found.available,
      known,
      warnings: [...found.warnings, ...told],
    }
  })
}

const similarIn = (one: Warning): boolean =>
  Array.isArray(one.details?.['similar']) && one.details['similar'].length > 0

/**
 * What a binding says of a directory named by nothing but its path, or, once it is gone, what the sessions that ran in it
 * or in the nearest folder above it say (ING-PRJ-2a).
 */
function rememberedDirectory(deps: EngineDeps, tx: ReadTx, found: DetectedProject, given: string): string | null {
  if (found.source !== 'dir_basename') return null
  const directory = keptDirectory(deps, given)
  const bound = boundProject(tx, 'directory', directory)
  return bound ?? (found.isGone ? (projectOfDirectory(tx, directory) ?? null) : null)
}

/** A directory as sessions are compared by it: without a trailing separator. */
export function directoryOf(given: string | undefined): string {
  const trimmed = (given ?? '').trim()
  return /^.[/\\]*$|^[A-Za-z]:[/\\]?$/.test(trimmed) ? trimmed : trimmed.replace(/[/\\]{1,64}$/, '')
}

/**
 * A directory as it is stored: without what must not reach the disk, masked alike wherever it stands, so that sessions of
 * one directory stay together (MEM-1702).
 */
export function keptDirectory({ redactor }: Pick<EngineDeps, 'redactor'>, given: string | undefined): string {
  const directory = directoryOf(given)
  return secretsIn(redactor, directory).length === 0 ? directory : redactor.clean(directory).text
}

/** The name behind a percent-encoded one, as `engram projects` prints names a shell would act on; null for others. */
export function decodedName(given: string): NamedProject | null {
  if (!given.includes('%')) return null
  try {
    return nameProject(decodeURIComponent(given))
  } catch {
    return null
  }
}

export const warning = (code: string, message: string, details?: Readonly<Record<string, unknown>>): Warning =>
  details === undefined ? { code, message } : { code, message, details }

function unknownProject(deps: EngineDeps, name: string): EngramError {
  const projects = deps.store.read((tx) =>
    allProjects(tx)
      .filter((row) => row.merged_into === null)
      .map((row) => row.name),
  )
  const similar = similarNames(name, projects).slice(0, 5)
  const hint = similar.length === 0 ? undefined : `Did you mean ${similar.join(' or ')}?`
  return new EngramError('unknown_project', `Unknown project ${JSON.stringify(name)}.`, {
    details: { project: name, available_projects: projects, similar },
    ...(hint === undefined ? {} : { hint }),
  })
}

function ambiguous(place: Place): EngramError {
  return new EngramError(
    'ambiguous_project',
    `Expected one project, found ${place.available.join(', ')} in ${place.path}.`,
    {
      details: { available_projects: place.available },
    },
  )
}
