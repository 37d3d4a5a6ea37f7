import { join } from 'node:path'
import type { Injection } from '../api/hooks.ts'
import { EngramError } from '../model/errors.ts'
import { writeAtomic } from '../platform/files.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { hooksDirectory } from './hook-folder.ts'

export const hookHandlers: Handlers<'hook.why'> = {
  'hook.why': async (deps, input) => {
    const path = input.session_id === undefined ? await lastPath(deps) : pathOf(deps, input.session_id)
    const bytes = path === null ? null : await deps.files.readBytes(path)
    const injection = bytes === null ? null : injectionIn(bytes)
    const isAsked = input.session_id === undefined || injection?.session_id === input.session_id
    if (injection !== null && isAsked) return injection
    const whom = input.session_id === undefined ? 'any session' : `session ${JSON.stringify(input.session_id)}`
    throw new EngramError('not_found', `No hook has put anything before ${whom}.`)
  },
}

/** The file written last: who asks has the time to look, a hook has none to note it. */
async function lastPath(deps: Pick<EngineDeps, 'dataDir' | 'files'>): Promise<string | null> {
  const entries = (await deps.files.list(hooksDirectory(deps))) ?? []
  const names = entries.flatMap(({ name }) => (/^why-[0-9a-f]{3}\.json$/.test(name) ? [name] : []))
  const paths = names.map((name) => join(hooksDirectory(deps), name))
  const facts = await deps.files.factsOfMany(paths)
  const times = facts.map((one) => one?.mtimeNs ?? 0n)
  const newest = times.reduce((best, time, index) => (time > (times[best] ?? 0n) ? index : best), 0)
  return paths[newest] ?? null
}

/** One file for each of 4,096 groups of sessions: the newest of a group stays, so that the folder cannot grow. */
const pathOf = (deps: Pick<EngineDeps, 'dataDir'>, sessionId: string): string =>
  join(hooksDirectory(deps), `why-${groupOf(sessionId)}.json`)

/** One of 4,096 groups, three hex digits. FNV-1a: it only spreads, and a hook has no time to load a real hash. */
export function groupOf(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return ((hash >>> 0) & 0xfff).toString(16).padStart(3, '0')
}

/** Beyond so many, the oldest may be told again. */
const toldMax = 500

/** What a session was told since its conversation began, by id (RET-705); nothing where another one's file took its place. */
export async function toldTo(
  deps: Pick<EngineDeps, 'dataDir' | 'files'>,
  sessionId: string,
): Promise<Readonly<Record<string, string>>> {
  const bytes = await deps.files.readBytes(pathOf(deps, sessionId))
  const last = bytes === null ? null : injectionIn(bytes)
  return last?.session_id === sessionId ? (last.told ?? {}) : {}
}

/**
 * Keeps what was put before an agent; ids and scores, no content (MEM-1611).
 *
 * @param told what the conversation holds besides: none where it begins anew
 */
export async function rememberInjection(
  deps: Pick<EngineDeps, 'dataDir' | 'files' | 'clock'>,
  injection: Injection,
  told: Readonly<Record<string, string>>,
): Promise<void> {
  const all = [...Object.entries(told), ...injection.items.map(({ id, version }) => [String(id), version] as const)]
  const noted = { ...injection, told: Object.fromEntries(all.slice(-toldMax)) }
  const bytes = new TextEncoder().encode(JSON.stringify(noted))
  await deps.files.makeDirectory(hooksDirectory(deps), 0o700)
  // Lost in a power cut it only explains nothing; the agent does not wait for the disk.
  const options = { permissions: 0o600, unique: String(deps.clock.monotonicMs()), isSynced: false }
  await writeAtomic(deps.files, pathOf(deps, injection.session_id), bytes, options)
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
