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
  /** The event's name as hooks are set up by it. */
  readonly name: string
  readonly event: HookEvent
}

const nothing: HookEvent = { kind: 'nothing' }

/** Spellings of the Go program: agent and event in one word. */
const joined = /^(claude|codex)-(.+)$/
const agents: Readonly<Record<string, string>> = { claude: 'claude-code', gemini: 'gemini-cli' }
/** Tools of our server, under each name agents give them: Claude Code and Codex, Gemini CLI, Cursor, OpenCode. */
const ourTool = /^(?:mcp__(?:plugin_engram_)?engram__|mcp_engram_|MCP:|engram_)((?:mem|ctx|lock)_\w+)$/
/** Those that write, with the field in which they take the session. */
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
  const name = kebab(split?.[2] ?? (second || textIn(input, 'hook_event_name')))
  return {
    agent: agents[agent] ?? agent,
    sessionId: textIn(input, 'session_id', 'conversation_id', 'parent_conversation_id'),
    directory: textIn(input, 'cwd', 'directory') || firstRoot(input['workspace_roots']),
    name,
    event: eventOf(name, input),
  }
}

/** Cursor names the folders that are open, the first one first. */
const firstRoot = (roots: unknown): string =>
  Array.isArray(roots) ? textIn({ root: roots[0] as unknown }, 'root') : ''

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
    case 'before-submit-prompt':
      return { kind: 'prompt', prompt: textIn(input, 'prompt') }
    case 'pre-tool-use':
    case 'before-tool':
      return toolEvent(input)
    case 'subagent-stop':
      return { kind: 'captured', text: textIn(input, 'last_assistant_message', 'stdout', 'output', 'summary') }
    case 'stop':
    case 'after-agent':
    case 'pre-compact':
    case 'pre-compress':
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
const fileWriters =
  /^(?:Edit|Write|MultiEdit|NotebookEdit|Delete|apply_patch|write_file|replace|edit|write|multiedit|patch)$/
const patchedFile = /^\*\*\* (?:Add|Update|Delete) File: (.+)$/gm
const patchCharsMax = 1_048_576

/** The files a call names, alone or in a patch. */
function pathsIn(toolInput: Readonly<Record<string, unknown>>): readonly string[] {
  const named = textIn(toolInput, 'file_path', 'notebook_path', 'path', 'filePath', 'target_file')
  const patch = textIn(toolInput, 'input', 'patch', 'patchText', 'command').slice(0, patchCharsMax)
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
