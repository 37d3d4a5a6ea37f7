import { join } from 'node:path'
import { EngramError, type ErrorCode } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { isBlank } from '../model/text.ts'
import { writeAtomic } from '../platform/files.ts'
import { createTextCleaner } from './clean-texts.ts'
import type { EngineDeps } from './handler.ts'
import { hooksDirectory } from './hook-folder.ts'

/** A prompt, a sub-agent's report, the end of a session. */
const kinds = ['prompt', 'captured', 'ended'] as const

/** What a hook heard and could not write in its time; redacted before it reaches the disk (MEM-1601). */
export type Heard = {
  readonly kind: (typeof kinds)[number]
  readonly session_id: string
  readonly directory: string
  readonly text: string
}

type Doors = Pick<EngineDeps, 'dataDir' | 'files' | 'ids' | 'redactor'>

const waitingDirectory = (deps: Pick<EngineDeps, 'dataDir'>): string => join(hooksDirectory(deps), 'waiting')

/** Writes what was heard as a file of its own; the first who can write takes it. */
export async function spoolHeard(deps: Doors, heard: Heard, id: string): Promise<void> {
  const text = createTextCleaner(deps.redactor).clean(heard.text)
  if (isBlank(text) && heard.kind !== 'ended') return
  const bytes = new TextEncoder().encode(JSON.stringify({ ...heard, text }))
  await deps.files.makeDirectory(waitingDirectory(deps), 0o700)
  await writeAtomic(deps.files, join(waitingDirectory(deps), `${id}.json`), bytes, { permissions: 0o600, unique: id })
}

/** Writes one thing heard. Its id makes a second arrival of the same prompt harmless. */
export async function writeHeard(deps: EngineDeps, heard: Heard, id: string): Promise<void> {
  const place = { directory: heard.directory, session_id: heard.session_id }
  const context = { durability: 'normal' } as const
  // Each brings its own half of the engine; a hook has time for one.
  if (heard.kind === 'prompt') {
    const { promptHandlers } = await import('./prompts.ts')
    await promptHandlers['prompt.save'](deps, { ...place, content: heard.text, source_inbox_id: `hook:${id}` }, context)
  } else if (heard.kind === 'ended') {
    const { sessionHandlers } = await import('./sessions.ts')
    await sessionHandlers['session.end'](deps, { id: heard.session_id }, context)
  } else {
    const { observationHandlers } = await import('./observations.ts')
    const captured = { ...place, content: heard.text, source: 'subagent-stop' }
    await observationHandlers['observation.capture'](deps, captured, context)
  }
}

/** Whether it can be written in the time of a hook: what a sub-agent learned is compared with all that is known. */
export const isWrittenAtOnce = ({ kind }: Heard): boolean => kind !== 'captured'

export type DrainOptions = {
  readonly filesMax: number
  readonly msMax: number
  /** Only what a hook has time for. */
  readonly areSmall?: boolean
}

/** Takes waiting files, oldest first, until the time is up; one that holds nothing of ours is set aside as `.bad`. */
export async function drainHeard(deps: EngineDeps, options: DrainOptions): Promise<number> {
  const untilMs = deps.clock.monotonicMs() + options.msMax
  let written = 0
  for (const name of (await waitingNames(deps)).slice(0, options.filesMax)) {
    if (deps.clock.monotonicMs() > untilMs) break
    if (await drainFile(deps, name, options)) written++
  }
  return written
}

/** What hooks heard and nobody wrote yet, oldest first. */
export const waitingNames = (deps: Pick<EngineDeps, 'dataDir' | 'files'>): Promise<readonly string[]> =>
  namesLike(deps, /^[0-9A-Z]{26}\.json$/)

/** What was set aside because nobody can read it. */
export const unreadableHeard = (deps: Pick<EngineDeps, 'dataDir' | 'files'>): Promise<readonly string[]> =>
  namesLike(deps, /[.]bad$/)

async function namesLike(deps: Pick<EngineDeps, 'dataDir' | 'files'>, shape: RegExp): Promise<readonly string[]> {
  const entries = (await deps.files.list(waitingDirectory(deps))) ?? []
  return entries.flatMap(({ kind, name }) => (kind === 'file' && shape.test(name) ? [name] : []))
}

/** What no later try would change: no such session, and what no session may be called. */
const hopeless: readonly ErrorCode[] = ['invalid_request', 'unknown_session']

async function drainFile(deps: EngineDeps, name: string, { areSmall = false }: DrainOptions): Promise<boolean> {
  const path = join(waitingDirectory(deps), name)
  const bytes = await deps.files.readBytes(path)
  if (bytes === null) return false
  const heard = heardIn(bytes)
  if (heard === null) {
    await deps.files.rename(path, `${path}.bad`)
    return false
  }
  if (areSmall && !isWrittenAtOnce(heard)) return false
  try {
    await writeHeard(deps, heard, name.slice(0, -'.json'.length))
  } catch (error) {
    if (!(error instanceof EngramError) || !hopeless.includes(error.code)) throw error
    await deps.files.rename(path, `${path}.bad`)
    return false
  }
  await deps.files.remove(path)
  return true
}

function heardIn(bytes: Uint8Array): Heard | null {
  const value = parsed(bytes)
  const { kind, session_id, directory, text } = value
  const known = kinds.find((one) => one === kind)
  if (known === undefined) return null
  if (typeof session_id !== 'string' || typeof directory !== 'string' || typeof text !== 'string') return null
  return text.length > limits.promptBytesMax * 4 ? null : { kind: known, session_id, directory, text }
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}
