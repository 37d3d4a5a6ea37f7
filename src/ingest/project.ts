import type { Caller } from '../api/caller.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { utf8Bytes } from '../model/text.ts'

/** Where sessions without a folder of their own are filed (ING-PRJ-3). */
export const unsorted = 'unsorted'

/** The project of a session, by the session itself when memory knows it, else by its folder (ING-PRJ-1, ING-PRJ-4). */
export type Projects = { of(sessionId: string, cwd: string | null): Promise<string> }

/** Each folder is looked at once: git is asked for it. */
export function createProjects(caller: Caller): Projects {
  const byFolder = new Map<string, string>()
  const ofFolder = async (directory: string): Promise<string> => {
    const known = byFolder.get(directory)
    if (known !== undefined) return known
    const { project } = await caller.call('project.resolve', { directory })
    byFolder.set(directory, project)
    return project
  }
  return {
    of: async (sessionId, cwd) => {
      const known = await projectOfSession(caller, sessionId)
      if (known !== null) return known
      return cwd === null || !isFolder(cwd) ? unsorted : ofFolder(cwd)
    },
  }
}

async function projectOfSession(caller: Caller, sessionId: string): Promise<string | null> {
  try {
    const { project } = await caller.call('session.get', { id: sessionId })
    return project === '' ? null : project
  } catch (error) {
    if (error instanceof EngramError && error.row.http === 404) return null
    throw error
  }
}

/** An absolute path, of this system or another: what is relative would mean a folder of ours. */
export const isFolder = (cwd: string): boolean =>
  /^(?:[/\\]|[A-Za-z]:[\\/])/.test(cwd) && !cwd.includes('\0') && utf8Bytes(cwd) <= limits.directoryBytesMax
