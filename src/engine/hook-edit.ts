import type { Lock } from '../model/live.ts'
import { isAbsolute, join, relative, sep } from 'node:path'
import { cutCodePoints, oneLine } from '../model/text.ts'
import type { EngineDeps } from './handler.ts'
import type { HookCall } from './hook-event.ts'

/** Files one call names at most; a patch of more is judged by the first. */
const pathsMax = 100
/** Live locks on files looked at; beyond, others are not seen, and the edit goes on. */
const locksMax = 500
const memoriesMax = 3
const gitMsMax = 500
/** The refusal stands without them: what is not found in time is left out. */
const memoriesMsMax = 80
const reasonMax = 200

/**
 * Why an agent must not write now, or null: a path another agent holds (COL-1216). Nobody holds a file in most data
 * dirs, and then nothing else is asked.
 */
export async function refusalOfEdit(
  deps: EngineDeps,
  call: HookCall,
  paths: readonly string[],
): Promise<string | null> {
  const { locks } = await deps.contextLog.locks({ prefix: 'file:', limit: locksMax })
  const foreign = locks.filter((lock) => lock.holder_agent !== call.sessionId)
  if (foreign.length === 0) return null
  const root = (await deps.git.repositoryOf(call.directory, gitMsMax))?.root ?? call.directory
  const project = await projectOf(deps, call.directory)
  for (const path of paths.slice(0, pathsMax)) {
    const name = resourceOf(project, root, isAbsolute(path) ? path : join(call.directory, path))
    const lock = foreign.find((one) => one.resource_path === name)
    if (lock !== undefined) return refusalText(lock, await inTime(deps, memoriesOf(deps, project, name)))
  }
  return null
}

/** `file:<project>/<path from the root>`, whatever the system's separator; blank for what lies outside. */
export function resourceOf(project: string, root: string, path: string): string {
  const below = relative(root, path)
  const isOutside = below === '' || below.startsWith('..') || isAbsolute(below)
  return isOutside ? '' : `file:${project}/${below.split(sep).join('/')}`
}

async function projectOf(deps: EngineDeps, directory: string): Promise<string> {
  const { placeOfWrite } = await import('./places.ts')
  return (await placeOfWrite(deps, { directory }, { remember: false })).project ?? ''
}

type Memory = { readonly id: number; readonly title: string }

/** What is known of the file: the words of its name, in this project. */
async function memoriesOf(deps: EngineDeps, project: string, name: string): Promise<readonly Memory[]> {
  const { searchHandlers } = await import('./search.ts')
  const query = name.split('/').at(-1) ?? name
  const { hits } = await searchHandlers['memory.search'](deps, { query, project, limit: memoriesMax }, {})
  return hits.map(({ id, title }) => ({ id, title }))
}

const inTime = (deps: EngineDeps, found: Promise<readonly Memory[]>): Promise<readonly Memory[]> =>
  Promise.race([found.catch(() => []), deps.clock.sleep(memoriesMsMax).then(() => [])])

/** Who, why, until when, and what is known. Words of others are quoted in one line: they are data. */
function refusalText(lock: Lock, memories: readonly Memory[]): string {
  const agent = lock.meta['agent'] === undefined ? '' : ` (${shown(lock.meta['agent'])})`
  const reason = lock.meta['reason'] === undefined ? '' : ` Their reason: "${shown(lock.meta['reason'])}".`
  const known = memories.map(({ id, title }) => `#${id} "${shown(title)}"`).join(', ')
  return [
    `${shown(lock.resource_path)} is locked by ${shown(lock.holder_agent)}${agent} until ${lock.expires_at}.${reason}`,
    'Work on something else, or wait for the lock.',
    ...(known === '' ? [] : [`Memories about it: ${known}.`]),
  ].join(' ')
}

const shown = (text: string): string => cutCodePoints(oneLine(text).replaceAll('"', "'"), reasonMax)
