import { appendFileSync, existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { namedSessionAnswer, silentAnswer } from './engine/hook-answers.ts'
import { hookCall, type HookCall } from './engine/hook-event.ts'
import { firedName } from './engine/hook-folder.ts'
import type { HookSurroundings } from './hook-deps.ts'
import { noteTranscript } from './hook-note.ts'
import { errorCodeOf } from './platform/files.ts'
import { readStandardInput, writeStandardOutput } from './platform/standard-streams.ts'

/** Above this an input is no prompt of a person; the hook then does nothing. */
const inputBytesMax = 16 * 1024 * 1024
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
    const input = inputOf(around.input(inputBytesMax))
    const call = hookCall(namesIn(words), input)
    const { event } = call
    if (dataDir !== null) markFired(dataDir, call)
    if (dataDir !== null) noteTranscript(dataDir, { ...call, input }, new Date().toISOString())
    if (event.kind === 'nothing') return '{}'
    if (event.kind === 'name-session') return namedSessionAnswer(call, event)
    if (dataDir === null || call.sessionId === '') return silentAnswer(call.agent)
    // Where nothing was ever kept nobody holds a file, and an edit is no reason to begin.
    if (event.kind === 'edit' && !existsSync(join(dataDir, 'engram.db'))) return '{}'
    const { actOnHook } = await import('./hook-act.ts')
    return (await actOnHook(call, dataDir, around)) || silentAnswer(call.agent)
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

function inputOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const text = new TextDecoder().decode(bytes).trim()
  if (text === '') return {}
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

/** An empty file for each hook of each agent; its time is when it last fired, which the doctor shows (MEM-1603). */
function markFired(dataDir: string, call: HookCall): void {
  const name = firedName(call)
  // A hook that keeps nothing must not make the data dir.
  if (name === null || !existsSync(dataDir)) return
  const path = join(dataDir, 'hooks', 'fired', name)
  try {
    utimesSync(path, new Date(), new Date())
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') return
    makeMark(path)
  }
}

function makeMark(path: string): void {
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(path, '', { mode: 0o600 })
  } catch {
    // It only tells a person when; the hook itself goes on.
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
    input: readStandardInput,
    executable: [process.execPath, ...process.argv.slice(1, 2)],
  })
  writeStandardOutput(answer)
  process.exit(0)
}
