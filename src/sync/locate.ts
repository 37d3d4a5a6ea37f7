import { dirname, join } from 'node:path'
import type { Files } from '../platform/files.ts'
import type { Git } from '../platform/git.ts'

const gitWaitMs = 5_000

/**
 * The sync dir of a working directory (CHK-1001): its own `.engram`; when it has none, the nearest one upwards within the
 * git root that has a manifest.
 */
export async function findSyncDir(files: Files, git: Git, directory: string): Promise<string> {
  const own = join(directory, '.engram')
  if ((await files.facts(own)) !== null) return own
  const root = (await git.run(directory, ['rev-parse', '--show-toplevel'], gitWaitMs))?.trim() ?? ''
  if (root === '') return own
  for (let at = directory; at !== dirname(at) && at !== root;) {
    at = dirname(at)
    if ((await files.facts(join(at, '.engram', 'manifest.json'))) !== null) return join(at, '.engram')
  }
  return own
}
