import { join } from 'node:path'
import { EngramError } from '../model/errors.ts'
import { nameProject } from '../model/project-name.ts'
import { writeAtomic } from '../platform/files.ts'
import type { EngineDeps } from './handler.ts'
import { configuredName, detectProject } from './project-detection.ts'

type InitInput = {
  readonly directory: string
  readonly name?: string | undefined
  readonly force?: boolean | undefined
}

/**
 * Writes `.engram/config.json`; besides chunks it is the only file put into a repository, and only on request (MEM-809).
 * Without a name it writes the one the directory has already, so that nothing saved so far is left behind.
 */
export async function initProject(deps: EngineDeps, input: InitInput) {
  if ((await deps.files.facts(input.directory)) === null) {
    throw new EngramError('not_found', `There is no directory ${input.directory}.`, {
      details: { directory: input.directory },
    })
  }
  const project = await nameToWrite(deps, input)
  const folder = join(input.directory, '.engram')
  const path = join(folder, 'config.json')
  const present = await deps.files.readBytes(path)
  if (present !== null && configuredName(present) === project) return { path, project, written: false }
  if (present !== null && input.force !== true) {
    throw new EngramError('conflict', `${path} exists and says something else.`, {
      details: { path },
      hint: 'Pass --force to replace it.',
    })
  }
  await deps.files.makeDirectory(folder, 0o755)
  const bytes = new TextEncoder().encode(`${JSON.stringify({ project_name: project })}\n`)
  await writeAtomic(deps.files, path, bytes, { permissions: 0o644, unique: deps.ids.ulid() })
  return { path, project, written: true }
}

async function nameToWrite(deps: EngineDeps, input: InitInput): Promise<string> {
  if (input.name !== undefined) return nameProject(input.name).name
  return (await detectProject(deps, input.directory, { remember: false })).project
}
