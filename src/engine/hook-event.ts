/** What an agent tells a hook (MEM-1602), understood; `nothing` is whatever is not ours to act on. */
export type HookEvent =
  | { readonly kind: 'session-start'; readonly source: string }
  | { readonly kind: 'register' }
  | { readonly kind: 'prompt'; readonly prompt: string }
  | { readonly kind: 'name-session'; readonly toolInput: Readonly<Record<string, unknown>>; readonly field: string }
  | { readonly kind: 'edit'; readonly paths: readonly string[] }
  | { readonly kind: 'captured'; readonly text: string }
  | { readonly kind: 'alive' }
  | { readonly kind: 'session-end' }
  | { readonly kind: 'nothing' }

export type HookCall = {
  readonly agent: string
  readonly sessionId: string
  readonly directory: string
  readonly event: HookEvent
}

const nothing: HookEvent = { kind: 'nothing' }

/** Spellings of the Go program: agent and event in one word. */
const joined = /^(claude|codex)-(.+)$/
const agents: Readonly<Record<string, string>> = { claude: 'claude-code', gemini: 'gemini-cli' }
/** Writers of our server, under each name agents give it. */
const ourTool = /^mcp__(?:plugin_engram_)?engram__((?:mem|ctx|lock)_\w+)$/
const writers: Readonly<Record<string, string>> = {
  mem_save: 'session_id',
  mem_session_summary: 'session_id',
  mem_capture_passive: 'session_id',
  mem_save_prompt: 'session_id',
  mem_judge: 'session_id',
  mem_session_start: 'id',
  mem_session_end: 'id',
  ctx_post: 'session_id',
  lock_acquire: 'session_id',
  lock_renew: 'session_id',
  lock_release: 'session_id',
}

/** The call as the words and the input tell it; missing and odd fields make it `nothing`, never an error. */
export function hookCall(words: readonly string[], input: Readonly<Record<string, unknown>>): HookCall {
  const [first = '', second = ''] = words
  const split = second === '' ? joined.exec(first) : null
  const agent = split?.[1] ?? first
  return {
    agent: agents[agent] ?? agent,
    sessionId: textIn(input, 'session_id', 'conversation_id'),
    directory: textIn(input, 'cwd', 'directory'),
    event: eventOf(kebab(split?.[2] ?? (second || textIn(input, 'hook_event_name'))), input),
  }
}

/** `SessionStart`, `session_start` and `session-start` are one. */
const kebab = (name: string): string =>
  name
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()

function eventOf(name: string, input: Readonly<Record<string, unknown>>): HookEvent {
  switch (name) {
    case 'session-start':
      return { kind: 'session-start', source: textIn(input, 'source') }
    case 'register':
      return { kind: 'register' }
    case 'user-prompt-submit':
    case 'before-agent':
      return { kind: 'prompt', prompt: textIn(input, 'prompt') }
    case 'pre-tool-use':
      return toolEvent(input)
    case 'subagent-stop':
      return { kind: 'captured', text: textIn(input, 'last_assistant_message', 'stdout', 'output') }
    case 'stop':
    case 'pre-compact':
      return { kind: 'alive' }
    case 'session-end':
      return { kind: 'session-end' }
    default:
      return nothing
  }
}

function toolEvent(input: Readonly<Record<string, unknown>>): HookEvent {
  const tool = ourTool.exec(textIn(input, 'tool_name'))?.[1] ?? ''
  const field = Object.hasOwn(writers, tool) ? writers[tool] : undefined
  const given = input['tool_input']
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return nothing
  const toolInput = given as Readonly<Record<string, unknown>>
  if (field !== undefined) return { kind: 'name-session', toolInput, field }
  return fileWriters.test(textIn(input, 'tool_name')) ? { kind: 'edit', paths: pathsIn(toolInput) } : nothing
}

/** Tools of agents that write files (COL-1216). */
const fileWriters = /^(?:Edit|Write|MultiEdit|NotebookEdit|apply_patch|write_file|replace)$/
const patchedFile = /^\*\*\* (?:Add|Update|Delete) File: (.+)$/gm
const patchCharsMax = 1_048_576

/** The files a call names, alone or in a patch. */
function pathsIn(toolInput: Readonly<Record<string, unknown>>): readonly string[] {
  const named = textIn(toolInput, 'file_path', 'notebook_path', 'path')
  const patch = textIn(toolInput, 'input', 'patch', 'command').slice(0, patchCharsMax)
  const patched = Array.from(patch.matchAll(patchedFile), ([, path = '']) => path.trim())
  return [...(named === '' ? [] : [named]), ...patched]
}

function textIn(input: Readonly<Record<string, unknown>>, ...names: readonly string[]): string {
  for (const name of names) {
    const value = input[name]
    if (typeof value === 'string' && value.trim() !== '') return value
  }
  return ''
}

/** The agent's own session id put into the arguments of a writer (MEM-704); Codex wants to hear that it may go on. */
export function namedSessionAnswer(
  { agent, sessionId }: HookCall,
  event: Extract<HookEvent, { kind: 'name-session' }>,
): string {
  if (sessionId === '') return '{}'
  const allowed = agent === 'codex' ? { permissionDecision: 'allow' } : {}
  const updatedInput = { ...event.toolInput, [event.field]: sessionId }
  return JSON.stringify({ hookSpecificOutput: { hookEventName: 'PreToolUse', ...allowed, updatedInput } })
}

/** The one thing a hook of ours ever refuses, with the reason for the agent. */
export const refusalAnswer = (reason: string): string =>
  JSON.stringify({
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: reason,
    },
  })

export const contextAnswer = (text: string): string =>
  text === '' ? '' : JSON.stringify({ hookSpecificOutput: { hookEventName: 'SessionStart', additionalContext: text } })
