import { join } from 'node:path'
import type { Injection } from '../api/hooks.ts'
import { EngramError } from '../model/errors.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { writeAtomic } from '../platform/files.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { hooksDirectory } from './hook-folder.ts'

export const hookHandlers: Handlers<'hook.why'> = {
  'hook.why': async (deps, input) => {
    const path = input.session_id === undefined ? lastPath(deps) : pathOf(deps, input.session_id)
    const bytes = await deps.files.readBytes(path)
    const injection = bytes === null ? null : injectionIn(bytes)
    if (injection !== null) return injection
    const whom = input.session_id === undefined ? 'any session' : `session ${JSON.stringify(input.session_id)}`
    throw new EngramError('not_found', `No hook has put anything before ${whom}.`)
  },
}

const lastPath = (deps: Pick<EngineDeps, 'dataDir'>): string => join(hooksDirectory(deps), 'last.json')

/** One file for each of 4,096 groups of sessions: the newest of a group stays, so that the folder cannot grow. */
const pathOf = (deps: Pick<EngineDeps, 'dataDir'>, sessionId: string): string =>
  join(hooksDirectory(deps), `why-${sha256Hex(sessionId).slice(0, 3)}.json`)

/** Keeps what was put before an agent; ids and scores, no content (MEM-1611). */
export async function rememberInjection(
  deps: Pick<EngineDeps, 'dataDir' | 'files' | 'ids'>,
  injection: Injection,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(injection))
  await deps.files.makeDirectory(hooksDirectory(deps), 0o700)
  const options = { permissions: 0o600, unique: deps.ids.ulid() }
  await writeAtomic(deps.files, pathOf(deps, injection.session_id), bytes, options)
  await writeAtomic(deps.files, lastPath(deps), bytes, options)
}

function injectionIn(bytes: Uint8Array): Injection | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    const isOurs = typeof value === 'object' && value !== null && 'items' in value && Array.isArray(value.items)
    // Written by `rememberInjection` alone, whole or not at all.
    return isOurs ? (value as Injection) : null
  } catch {
    return null
  }
}
