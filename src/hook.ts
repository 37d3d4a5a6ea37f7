import { appendFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { EngineDeps } from './engine/handler.ts'
import { contextAnswer, hookCall, namedSessionAnswer, refusalAnswer, type HookCall } from './engine/hook-event.ts'
import type { Heard } from './engine/hook-spool.ts'
import type { HookSurroundings } from './hook-deps.ts'
import { cutCodePoints } from './model/text.ts'

/** Above this an input is no prompt of a person; the hook then does nothing. */
const inputBytesMax = 16 * 1024 * 1024
/** After this what was heard goes to the spool: the agent waits for the hook. */
const writeMsMax = 60
/** Longer than that an edit never waits for what locks say; only where somebody holds a file is anything asked. */
const editMsMax = 250
const budgetTokens = 800
const promptCharactersMax = 2_000
const promptCharactersMin = 10
const logBytesMax = 64 * 1024

/**
 * One hook of an agent (MEM-1601): what it answers is written to standard output, empty where there is nothing to say.
 *
 * - Fails open: whatever goes wrong is one line in `hooks/hook.log`, and the agent goes on.
 * - No model, no network. What is not needed for one event is not read: this starts at every step of an agent.
 */
export async function runHook(words: readonly string[], around: HookSurroundings): Promise<string> {
  const dataDir = dataDirOf(words, around)
  try {
    const call = hookCall(namesIn(words), await readInput(around.input))
    const { event } = call
    if (event.kind === 'nothing') return '{}'
    if (event.kind === 'name-session') return namedSessionAnswer(call, event)
    if (dataDir === null || call.sessionId === '') return ''
    return await withStore(call, dataDir, around)
  } catch (error) {
    if (dataDir !== null) logFailure(dataDir, words, error)
    return ''
  }
}

function dataDirOf(words: readonly string[], { environment, homeDir }: HookSurroundings): string | null {
  const at = words.indexOf('--data-dir')
  const flag = at === -1 ? words.find((word) => word.startsWith('--data-dir='))?.slice(11) : words[at + 1]
  const given = flag ?? environment['ENGRAM_DATA_DIR']?.trim() ?? ''
  const dataDir = given === '' ? join(homeDir, '.engram') : given
  return isAbsolute(dataDir) ? dataDir : null
}

const namesIn = (words: readonly string[]): readonly string[] =>
  words.filter((word, index) => !word.startsWith('--') && words[index - 1] !== '--data-dir')

async function readInput(input: AsyncIterable<Uint8Array>): Promise<Readonly<Record<string, unknown>>> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of input) {
    bytes += part.byteLength
    if (bytes > inputBytesMax) throw new Error(`the input is larger than ${inputBytesMax} bytes`)
    parts.push(part)
  }
  const text = Buffer.concat(parts).toString('utf8').trim()
  if (text === '') return {}
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

async function withStore(call: HookCall, dataDir: string, around: HookSurroundings): Promise<string> {
  // Where nothing was ever kept nobody holds a file, and an edit is no reason to begin.
  if (call.event.kind === 'edit' && statSync(join(dataDir, 'engram.db'), { throwIfNoEntry: false }) === undefined)
    return '{}'
  const { openHookDeps } = await import('./hook-deps.ts')
  // Never closed: closing folds the log into the file, and the agent would wait for that. Whoever comes next does it.
  return act(await openHookDeps(dataDir, around), call, around.agentPid)
}

async function act(deps: EngineDeps, call: HookCall, agentPid: number): Promise<string> {
  const { event } = call
  switch (event.kind) {
    case 'session-start':
      return startSession(deps, call, event.source, agentPid)
    case 'register':
      await register(deps, call, agentPid)
      return ''
    case 'prompt':
      await hear(deps, call, 'prompt', event.prompt)
      return ''
    case 'edit': {
      const { refusalOfEdit } = await import('./engine/hook-edit.ts')
      const reason = await within(refusalOfEdit(deps, call, event.paths), editMsMax)
      return reason === null ? '{}' : refusalAnswer(reason)
    }
    case 'captured':
      await hear(deps, call, 'captured', event.text)
      return ''
    case 'alive':
      await register(deps, call, agentPid)
      return ''
    case 'session-end': {
      const { sessionHandlers } = await import('./engine/sessions.ts')
      await sessionHandlers['session.end'](deps, { id: call.sessionId }, { durability: 'normal' })
      return ''
    }
    case 'name-session':
    case 'nothing':
      return ''
  }
}

async function register(deps: EngineDeps, call: HookCall, agentPid: number): Promise<string> {
  const { sessionHandlers } = await import('./engine/sessions.ts')
  const { project } = await sessionHandlers['session.start'](
    deps,
    {
      id: call.sessionId,
      directory: call.directory,
      agent: call.agent,
      agent_pid: agentPid,
      ownership_mode: 'shared',
      // An agent that resumes an old conversation goes on under its id.
      resume: true,
    },
    { durability: 'normal' },
  )
  return project
}

async function startSession(deps: EngineDeps, call: HookCall, source: string, agentPid: number): Promise<string> {
  const { hookContext } = await import('./engine/hook-context.ts')
  const registered = within(register(deps, call, agentPid), writeMsMax)
  const project = (await registered) ?? (await projectOf(deps, call))
  const made = deps.store.read((tx) =>
    hookContext(tx, {
      project,
      sessionId: source === 'compact' ? call.sessionId : null,
      budgetTokens,
      nowMs: deps.clock.nowMs(),
    }),
  )
  const { rememberInjection } = await import('./engine/hook-why.ts')
  const { formatTime } = await import('./model/times.ts')
  await rememberInjection(deps, {
    session_id: call.sessionId,
    agent: call.agent,
    event: source === '' ? 'session-start' : `session-start (${source})`,
    project,
    at: formatTime(deps.clock.nowMs()),
    budget_tokens: budgetTokens,
    tokens: made.tokens,
    items: made.items,
    left_out: made.leftOut,
  })
  return contextAnswer(made.text)
}

async function projectOf(deps: EngineDeps, { directory }: HookCall): Promise<string> {
  const { placeOfWrite } = await import('./engine/places.ts')
  return (await placeOfWrite(deps, { directory }, { remember: false })).project ?? ''
}

/** Stores what was said, in the time an agent can spare; else it waits in a file. */
async function hear(deps: EngineDeps, call: HookCall, kind: Heard['kind'], said: string): Promise<void> {
  const { drainHeard, spoolHeard, writeHeard } = await import('./engine/hook-spool.ts')
  // Cleaned before it is cut: half a secret is none that anybody would know again.
  const cleaned = deps.redactor.clean(said).text.trim()
  const text = kind === 'prompt' ? cutCodePoints(cleaned, promptCharactersMax, '') : cleaned
  if (kind === 'prompt' && (text.length <= promptCharactersMin || isRepeated(deps, call, text))) return
  const heard: Heard = { kind, session_id: call.sessionId, directory: call.directory, text }
  const id = deps.ids.ulid()
  const written = await within(
    writeHeard(deps, heard, id).then(() => true),
    writeMsMax,
  )
  if (written === null) await spoolHeard(deps, heard, id)
  else await within(drainHeard(deps, 4), writeMsMax)
}

/** The very same words as this session's last prompt. */
function isRepeated(deps: EngineDeps, call: HookCall, text: string): boolean {
  const last = deps.store.read((tx) =>
    tx.get<{ content: string }>(
      'SELECT content FROM prompts WHERE session_id = ? ORDER BY created_at DESC, hlc DESC, id DESC LIMIT 1',
      call.sessionId,
    ),
  )
  return last !== undefined && last.content === text
}

/** What the work answers, or null when it fails or takes longer. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | null> {
  const timer: { id: NodeJS.Timeout | undefined } = { id: undefined }
  const late = new Promise<null>((resolve) => {
    timer.id = setTimeout(() => resolve(null), ms)
  })
  try {
    return await Promise.race([work.catch(() => null), late])
  } finally {
    clearTimeout(timer.id)
  }
}

function logFailure(dataDir: string, words: readonly string[], error: unknown): void {
  try {
    const directory = join(dataDir, 'hooks')
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const path = join(directory, 'hook.log')
    const message = error instanceof Error ? error.message : String(error)
    const line = `${new Date().toISOString()} ${words.slice(0, 2).join(' ')}: ${message.slice(0, 500)}\n`
    const isFull = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax
    if (isFull) writeFileSync(path, line, { mode: 0o600 })
    else appendFileSync(path, line, { mode: 0o600 })
  } catch {
    // There is nobody left to tell, and the agent must go on.
  }
}

/** The process: `engram hook <agent> <event>`. It ends at once, whatever still waits: the agent waits for it. */
export async function main(): Promise<void> {
  const answer = await runHook(process.argv.slice(3), {
    environment: process.env,
    homeDir: homedir(),
    agentPid: process.ppid,
    input: process.stdin,
  })
  process.stdout.write(answer, () => process.exit(0))
}
