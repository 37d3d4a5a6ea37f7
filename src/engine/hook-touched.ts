import { join } from 'node:path'
import { writeAtomic } from '../platform/files.ts'
import type { EngineDeps } from './handler.ts'
import { hooksDirectory } from './hook-folder.ts'
import { groupOf } from './hook-why.ts'

type Doors = Pick<EngineDeps, 'dataDir' | 'files' | 'clock'>
type Touched = {
  readonly session_id: string
  readonly files: readonly { readonly path: string; readonly atMs: number }[]
}

/** Files an agent worked on within so long belong to what it is asked (RET-309). */
const latelyMs = 10 * 60_000
const filesMax = 20

const pathOf = (deps: Doors, sessionId: string): string =>
  join(hooksDirectory(deps), `touched-${groupOf(sessionId)}.json`)

/** Notes which files a session is about to write; only where prompts are answered is anybody interested. */
export async function noteTouched(deps: Doors, sessionId: string, paths: readonly string[]): Promise<void> {
  const atMs = deps.clock.nowMs()
  const known = (await touched(deps, sessionId)).filter(({ path }) => !paths.includes(path))
  const files = [...paths.map((path) => ({ path, atMs })), ...known].slice(0, filesMax)
  const bytes = new TextEncoder().encode(JSON.stringify({ session_id: sessionId, files } satisfies Touched))
  await deps.files.makeDirectory(hooksDirectory(deps), 0o700)
  const options = { permissions: 0o600, unique: String(deps.clock.monotonicMs()), isSynced: false }
  await writeAtomic(deps.files, pathOf(deps, sessionId), bytes, options)
}

/** Paths a session wrote in the last ten minutes, the last first. */
export async function touchedLately(deps: Doors, sessionId: string): Promise<readonly string[]> {
  const sinceMs = deps.clock.nowMs() - latelyMs
  return (await touched(deps, sessionId)).flatMap(({ path, atMs }) => (atMs >= sinceMs ? [path] : []))
}

async function touched(deps: Doors, sessionId: string): Promise<Touched['files']> {
  const bytes = await deps.files.readBytes(pathOf(deps, sessionId))
  try {
    const value: unknown = bytes === null ? null : JSON.parse(new TextDecoder().decode(bytes))
    // Written by `noteTouched` alone, whole or not at all; of a group the last session's.
    const noted = value as Touched | null
    return noted?.session_id === sessionId ? noted.files : []
  } catch {
    return []
  }
}
