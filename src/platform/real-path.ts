import { realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { isMissing } from './files.ts'

/** The one name of a place, links followed as far as it exists; what does not exist yet keeps its own name. */
export async function realPath(path: string): Promise<string> {
  const absolute = resolve(path)
  try {
    return await realpath(absolute)
  } catch (error) {
    if (!isMissing(error) || dirname(absolute) === absolute) throw error
    return join(await realPath(dirname(absolute)), basename(absolute))
  }
}
