import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { EngramError } from '../model/errors.ts'
import { errorCodeOf } from '../platform/files.ts'

const partChars = 1024 * 1024

/**
 * Writes text in parts: the whole file or none of it, readable by its owner alone. A person asked for this path by
 * name, so what stood there is replaced.
 */
export async function writeTextFile(path: string, parts: Iterable<string>): Promise<number> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    const bytes = await writeParts(temporary, parts)
    await rename(temporary, path)
    return bytes
  } catch (error) {
    await rm(temporary, { force: true })
    throw failure(path, error)
  }
}

async function writeParts(path: string, parts: Iterable<string>): Promise<number> {
  const file = await open(path, 'wx', 0o600)
  let bytes = 0
  let waiting = ''
  const flush = async (): Promise<void> => {
    const block = Buffer.from(waiting)
    waiting = ''
    bytes += block.length
    await file.writeFile(block)
  }
  try {
    for (const part of parts) {
      waiting += part
      if (waiting.length >= partChars) await flush()
    }
    await flush()
    await file.sync()
  } finally {
    await file.close()
  }
  return bytes
}

function failure(path: string, error: unknown): EngramError {
  if (error instanceof EngramError) return error
  const code = errorCodeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new EngramError('storage_full', `${path} cannot be written: ${message}`)
  return new EngramError('usage', `${path} cannot be written: ${message}`, { hint: 'Give another path.', cause: error })
}
