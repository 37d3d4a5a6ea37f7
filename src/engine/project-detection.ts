import { basename, dirname, join, resolve } from 'node:path'
import { EngramError } from '../model/errors.ts'
import { nameProject } from '../model/project-name.ts'
import type { ProjectSource, Warning } from '../model/records.ts'
import type { RepositoryFound } from '../platform/git-files.ts'
import type { EngineDeps } from './handler.ts'

/** What a directory belongs to, before memory is asked (MEM-802). */
export type DetectedProject = {
  readonly project: string
  readonly source: ProjectSource
  /** Where the name was found. */
  readonly path: string
  readonly available: readonly string[]
  readonly warnings: readonly Warning[]
  /** The directory is not there (any more). */
  readonly isGone: boolean
}

type Doors = Pick<EngineDeps, 'files' | 'git' | 'homeDir' | 'clock'>

const gitTimeoutMs = 2_000
const childrenTimeoutMs = 200
const configBytesMax = 64 * 1024
const notProjects = new Set([
  'node_modules',
  'vendor',
  '.venv',
  '__pycache__',
  'target',
  'dist',
  'build',
  '.idea',
  '.vscode',
])

/** The project of the home or root folder itself, and of no folder at all (ING-PRJ-3). */
export const unsortedProject = 'unsorted'

/**
 * Steps of MEM-802: the nearest `.engram/config.json` up to the git root · the label of the clone, else origin's name,
 * else the root's · one repository among the children · the directory's own name. `remember` writes the label, so that
 * a renamed remote keeps the project; failing to write it is no error (MEM-803). Never throws for what lies on the disk.
 */
export async function detectProject(
  doors: Doors,
  directory: string,
  options: { readonly remember: boolean },
): Promise<DetectedProject> {
  const here = resolve(directory)
  const facts = await doors.files.facts(here).catch(() => null)
  if (facts === null) return { ...named(goneName(here), 'dir_basename', here), isGone: true }
  const repository = await findRepository(doors.git, here)
  const configured = await fromConfig(doors, foldersUpTo(here, repository?.depth ?? 0))
  if (configured.found !== null) return configured.found
  const found = await withoutConfig(doors, here, repository, options)
  return { ...found, warnings: [...configured.warnings, ...found.warnings] }
}

function withoutConfig(
  doors: Doors,
  here: string,
  repository: Repository | null,
  options: { readonly remember: boolean },
): Promise<DetectedProject> {
  const isNoProject = here === resolve(doors.homeDir) || dirname(here) === here
  if (isNoProject) return Promise.resolve(named(unsortedProject, 'dir_basename', here))
  return repository === null ? outsideGit(doors, here, options) : insideGit(doors, repository, options)
}

/** A folder and the `depth` folders above it, the nearest first. */
function foldersUpTo(here: string, depth: number): readonly string[] {
  const folders = [here]
  for (let up = 0; up < depth; up++) folders.push(dirname(folders.at(-1) ?? here))
  return folders
}

type Repository = {
  readonly root: string
  readonly found: RepositoryFound
  /** The root of the main work tree: it names the project for every linked one. */
  readonly mainRoot: string
  /** How many folders the asked one lies below the root; counted by git, since either path may hold links. */
  readonly depth: number
}

async function findRepository(git: Doors['git'], directory: string): Promise<Repository | null> {
  const found = await git.repositoryOf(directory, gitTimeoutMs)
  if (found === null) return null
  const { root, commonDirectory, prefix } = found
  return {
    root,
    found,
    mainRoot: basename(commonDirectory) === '.git' ? dirname(commonDirectory) : root,
    depth: prefix.split('/').filter((part) => part !== '').length,
  }
}

async function insideGit(
  doors: Doors,
  repository: Repository,
  options: { readonly remember: boolean },
): Promise<DetectedProject> {
  const { git } = doors
  // Only this clone's own settings: a label in the user's global ones would name every repository.
  const values = await git.localConfig(repository.found, ['engram.project', 'remote.origin.url'], gitTimeoutMs)
  const remote = remoteName(values.get('remote.origin.url') ?? '')
  const source = remote === null ? 'git_root' : 'git_remote'
  const label = usableName(values.get('engram.project') ?? '')
  if (label !== null) return named(label, source, repository.root)
  const name = usableName(remote ?? basename(repository.mainRoot))
  if (name === null) return named(unsortedProject, source, repository.root)
  if (options.remember) await git.run(repository.root, ['config', '--local', 'engram.project', name], gitTimeoutMs)
  return named(name, source, repository.root)
}

/** The repository's name in a remote's address: `git@host:team/name.git`, `https://host/team/name`, a path. */
export function remoteName(url: string): string | null {
  // The host, and with it any password, is no name.
  const path = url.trim().replace(/^[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/[^/]*/, '')
  const last = path
    .split(/[/\\:]/)
    .filter((part) => part !== '')
    .at(-1)
  const name = (last ?? '').replace(/\.git$/i, '')
  return name === '' ? null : name
}

async function outsideGit(
  doors: Doors,
  here: string,
  options: { readonly remember: boolean },
): Promise<DetectedProject> {
  const children = await childRepositories(doors, here)
  const [only] = children
  if (only === undefined) return named(basename(here), 'dir_basename', here)
  if (children.length === 1) return onlyChild(doors, here, only, options)
  const found = named(basename(here), 'ambiguous', here)
  const message =
    `${here} holds several repositories; saved under the folder's own name ${found.project}. ` +
    `Use \`engram projects move <id> --to <name>\` to file it elsewhere.`
  const available = children.map((child) => usableName(child) ?? unsortedProject)
  return { ...found, available, warnings: [{ code: 'ambiguous_project', message }] }
}

/** Named as it is from within, so that one repository has one name. */
async function onlyChild(
  doors: Doors,
  here: string,
  only: string,
  options: { readonly remember: boolean },
): Promise<DetectedProject> {
  const found = await detectProject(doors, join(here, only), options)
  const message = `${here} is no repository; its one child repository ${only} names the project.`
  return { ...found, source: 'git_child', warnings: [...found.warnings, { code: 'git_child', message }] }
}

/** Folders right below that are repositories. Where time runs out none are named: one alone would be a guess. */
async function childRepositories(doors: Doors, here: string): Promise<readonly string[]> {
  const entries = (await doors.files.list(here).catch(() => null)) ?? []
  const found: string[] = []
  const untilMs = doors.clock.monotonicMs() + childrenTimeoutMs
  for (const entry of entries) {
    if (entry.kind !== 'directory' || entry.name.startsWith('.') || notProjects.has(entry.name)) continue
    if (doors.clock.monotonicMs() > untilMs) return found.length > 1 ? found : []
    if ((await doors.files.facts(join(here, entry.name, '.git')).catch(() => null)) !== null) found.push(entry.name)
  }
  return found
}

type Configured = { readonly found: DetectedProject | null; readonly warnings: readonly Warning[] }

async function fromConfig(doors: Doors, folders: readonly string[]): Promise<Configured> {
  const warnings: Warning[] = []
  for (const folder of folders) {
    const path = join(folder, '.engram', 'config.json')
    const facts = await doors.files.facts(path).catch(() => null)
    if (facts === null) continue
    const isReadable = facts.kind === 'file' && facts.size <= configBytesMax
    const bytes = isReadable ? await doors.files.readBytes(path).catch(() => null) : null
    const name = bytes === null ? null : configuredName(bytes)
    if (name !== null) return { found: { ...named(name, 'config', path), warnings }, warnings }
    const message = `${path} holds no usable "project_name"; the next way of finding the project is used.`
    warnings.push({ code: 'invalid_project_config', message, details: { path } })
  }
  return { found: null, warnings }
}

/** The name a `.engram/config.json` gives, or null when it gives none that can be used. */
export function configuredName(bytes: Uint8Array): string | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof parsed !== 'object' || parsed === null || !('project_name' in parsed)) return null
    return typeof parsed.project_name === 'string' ? usableName(parsed.project_name) : null
  } catch {
    return null
  }
}

/** The likely project of a directory that no longer exists: worktree shapes, else the base name (ING-PRJ-2). */
export function goneName(directory: string): string {
  const parts = directory.split(/[/\\]/).filter((part) => part !== '')
  for (const [index, part] of parts.entries()) {
    const before = parts[index - 1]
    const holdsOne = index + 1 < parts.length
    if (before !== undefined && holdsOne && part === '.worktrees') return before
    const isClaude = part === '.claude' && parts[index + 1] === 'worktrees' && index + 2 < parts.length
    if (before !== undefined && isClaude) return before
    const beside = /^(.{1,255})[-.]worktrees$/.exec(part)?.[1]
    if (beside !== undefined && holdsOne) return beside
  }
  return parts.at(-1) ?? ''
}

/** Names of folders are taken as they come: what no project may be called is filed as unsorted. */
const named = (given: string, source: ProjectSource, path: string): DetectedProject => ({
  project: usableName(given) ?? unsortedProject,
  source,
  path,
  available: [],
  warnings: [],
  isGone: false,
})

/** The project name a text gives, or null when no project may be called so. */
export function usableName(given: string): string | null {
  if (given.trim() === '') return null
  try {
    return nameProject(given).name
  } catch (error) {
    if (error instanceof EngramError) return null
    throw error
  }
}
