import type { EngineDeps } from './engine/handler.ts'
import { contextAnswer, refusalAnswer } from './engine/hook-answers.ts'
import type { HookContext, Told } from './engine/hook-context.ts'
import type { HookCall } from './engine/hook-event.ts'
import { drainHeard, type Heard, isWrittenAtOnce, spoolHeard, writeHeard } from './engine/hook-spool.ts'
import { keptDirectory } from './engine/places.ts'
import { rememberInjection, toldTo } from './engine/hook-why.ts'
import { hookDoors, type HookDoors, type HookSurroundings, openHookStore } from './hook-deps.ts'
import { cutCodePoints } from './model/text.ts'
import { formatTime } from './model/times.ts'

/** After this what was heard goes to the spool: the agent waits for the hook. */
const writeMsMax = 40
/** To fold a log that has grown takes a moment now and then; behind others it is left to them. */
const leaveMsMax = 250
/** What other hooks left waiting gets so much of it. */
const drainMsMax = 10
/** Longer than that an edit never waits for what locks say; only where somebody holds a file is anything asked. */
const editMsMax = 250
/** Who switched on that prompts are answered waits for a search. */
const recallMsMax = 250
const startTokensMax = 800
const promptTokensMax = 400
const promptCharactersMax = 2_000
const promptCharactersMin = 10

/** Does what an event asks for; what it answers, or '' where there is nothing to say. */
export async function actOnHook(call: HookCall, dataDir: string, around: HookSurroundings): Promise<string> {
  const doors = await hookDoors(dataDir, around)
  const heard = heardIn(doors, call)
  if (heard === 'nothing') return ''
  const deps = await openedOrKept(doors, heard)
  const answer = heard === null ? await act(deps, call, around) : await hear(deps, call, heard)
  await within(deps.store.leave(), leaveMsMax)
  return answer
}

/** Where the store cannot be opened, what was heard waits in a file; the failure is told all the same. */
async function openedOrKept(doors: HookDoors, heard: Heard | null): Promise<EngineDeps> {
  try {
    return openHookStore(doors)
  } catch (error) {
    if (heard !== null) await spoolHeard(doors, heard, doors.ids.ulid())
    throw error
  }
}

async function act(deps: EngineDeps, call: HookCall, around: HookSurroundings): Promise<string> {
  const { event } = call
  switch (event.kind) {
    case 'session-start':
      return startSession(deps, call, event.source, around)
    case 'register':
    case 'alive':
      await within(register(deps, call, around.agentPid), writeMsMax)
      return ''
    case 'edit': {
      const { refusalOfEdit } = await import('./engine/hook-edit.ts')
      const reason = await within(refusalOfEdit(deps, call, event.paths), editMsMax)
      if (deps.settings.hooksInject === 'prompt') await within(touched(deps, call, event.paths), writeMsMax)
      return reason === null ? '{}' : refusalAnswer(call.agent, reason)
    }
    case 'prompt':
    case 'captured':
    case 'session-end':
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

async function startSession(
  deps: EngineDeps,
  call: HookCall,
  source: string,
  around: HookSurroundings,
): Promise<string> {
  const registered = await within(register(deps, call, around.agentPid), writeMsMax)
  await within(importChunks(deps, call, around), writeMsMax)
  if (deps.settings.hooksInject === 'none') return ''
  const { hookContext } = await import('./engine/hook-context.ts')
  const project = registered ?? (await projectOf(deps, call))
  const sessionId = source === 'compact' ? call.sessionId : null
  // A conversation that is resumed still holds what it was told; any other begins anew.
  const told = source === 'resume' ? await toldTo(deps, call.sessionId) : {}
  const made = deps.store.read((tx) =>
    hookContext(tx, { project, sessionId, budgetTokens: startTokensMax, nowMs: deps.clock.nowMs(), told }),
  )
  await remember(deps, call, made, told, {
    event: source === '' ? 'session-start' : `session-start (${source})`,
    project,
    budget_tokens: startTokensMax,
  })
  return contextAnswer(call.agent, made.text, true)
}

const remember = (
  deps: EngineDeps,
  { sessionId, agent }: HookCall,
  made: HookContext,
  told: Told,
  about: { readonly event: string; readonly project: string; readonly budget_tokens: number },
): Promise<void> =>
  rememberInjection(
    deps,
    {
      session_id: sessionId,
      agent,
      event: about.event,
      project: about.project,
      at: formatTime(deps.clock.nowMs()),
      budget_tokens: about.budget_tokens,
      tokens: made.tokens,
      items: made.items,
      left_out: made.leftOut,
    },
    told,
  )

/** Chunks that came with the repository are read by a process of its own: nobody waits for it (MEM-1602). */
async function importChunks(deps: EngineDeps, call: HookCall, { executable }: HookSurroundings): Promise<void> {
  const { chunksToImport } = await import('./engine/hook-chunks.ts')
  if (!deps.settings.hooksImport || !(await chunksToImport(deps, call.directory))) return
  const [command = '', ...first] = executable
  const words = [...first, 'sync', '--import', `--data-dir=${deps.dataDir}`]
  // Asked for here: it is a tenth of a hook, and most never start a process.
  const { spawn } = process.getBuiltinModule('node:child_process')
  const child = spawn(command, words, { cwd: call.directory, detached: true, stdio: 'ignore', windowsHide: true })
  child.on('error', () => undefined)
  child.unref()
}

async function projectOf(deps: EngineDeps, { directory }: HookCall): Promise<string> {
  const { placeOfWrite } = await import('./engine/places.ts')
  return (await placeOfWrite(deps, { directory }, { remember: false })).project ?? ''
}

/** What was said, as it may be kept: null for an event in which nothing is, `nothing` where it is not worth it. */
function heardIn({ redactor }: HookDoors, { event, sessionId, ...call }: HookCall): Heard | null | 'nothing' {
  const directory = keptDirectory({ redactor }, call.directory)
  if (event.kind === 'session-end') return { kind: 'ended', session_id: sessionId, directory, text: '' }
  if (event.kind !== 'prompt' && event.kind !== 'captured') return null
  // Cleaned before it is cut: half a secret is none that anybody would know again.
  const cleaned = redactor.clean(event.kind === 'prompt' ? event.prompt : event.text).text.trim()
  const text = event.kind === 'prompt' ? cutCodePoints(cleaned, promptCharactersMax, '') : cleaned
  const isWorthIt = event.kind === 'prompt' ? text.length > promptCharactersMin : text !== ''
  return isWorthIt ? { kind: event.kind, session_id: sessionId, directory, text } : 'nothing'
}

/** Stores what was said, in the time an agent can spare; else it waits in a file. */
async function hear(deps: EngineDeps, call: HookCall, heard: Heard): Promise<string> {
  if (heard.kind !== 'prompt' || !isRepeated(deps, heard)) await keep(deps, heard)
  if (heard.kind !== 'prompt' || deps.settings.hooksInject !== 'prompt') return ''
  return (await within(recall(deps, call, heard.text), recallMsMax)) ?? ''
}

async function keep(deps: EngineDeps, heard: Heard): Promise<void> {
  const id = deps.ids.ulid()
  const isWritten =
    isWrittenAtOnce(heard) &&
    (await within(
      writeHeard(deps, heard, id).then(() => true),
      writeMsMax,
    ))
  if (isWritten !== true) await spoolHeard(deps, heard, id)
  else await within(drainHeard(deps, { filesMax: 4, msMax: drainMsMax, areSmall: true }), writeMsMax)
}

/** What is known about the prompt (`hooks.inject: prompt`). */
async function recall(deps: EngineDeps, call: HookCall, prompt: string): Promise<string> {
  const { promptContext } = await import('./engine/hook-recall.ts')
  const project = await projectOf(deps, call)
  const told = await toldTo(deps, call.sessionId)
  const { touchedLately } = await import('./engine/hook-touched.ts')
  const around = { files: await touchedLately(deps, call.sessionId), branch: await branchOf(deps, call), error: '' }
  const made = await promptContext(deps, { project, prompt, told, budgetTokens: promptTokensMax, ...around })
  if (made.text !== '')
    await remember(deps, call, made, told, { event: 'user-prompt-submit', project, budget_tokens: promptTokensMax })
  return contextAnswer(call.agent, made.text, false)
}

async function touched(deps: EngineDeps, call: HookCall, paths: readonly string[]): Promise<void> {
  const { noteTouched } = await import('./engine/hook-touched.ts')
  await noteTouched(deps, call.sessionId, paths)
}

const gitMsMax = 100

const branchOf = async (deps: EngineDeps, { directory }: HookCall): Promise<string> =>
  (await deps.git.run(directory, ['branch', '--show-current'], gitMsMax))?.trim() ?? ''

/** The very same words as this session's last prompt. */
function isRepeated(deps: EngineDeps, { session_id, text }: Heard): boolean {
  const last = deps.store.read((tx) =>
    tx.get<{ content: string }>(
      'SELECT content FROM prompts WHERE session_id = ? ORDER BY created_at DESC, hlc DESC, id DESC LIMIT 1',
      session_id,
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
