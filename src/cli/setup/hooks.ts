import type { Change } from './edit.ts'

/** How the program is started: absolute paths, then options such as `--data-dir`. */
export type Started = { readonly executable: readonly string[]; readonly dataDirOptions: readonly string[] }

/** An event as the agent calls it, as `engram hook` does, and the calls it is about where only some matter. */
export type HookedEvent = readonly [name: string, event: string, matcher?: string]

const ourTools = 'mcp__(plugin_engram_)?engram__.*'

export const claudeEvents: readonly HookedEvent[] = [
  ['SessionStart', 'session-start'],
  ['UserPromptSubmit', 'user-prompt-submit'],
  ['PreToolUse', 'pre-tool-use', `Edit|Write|MultiEdit|NotebookEdit|${ourTools}`],
  ['SubagentStop', 'subagent-stop'],
  ['Stop', 'stop'],
  ['SessionEnd', 'session-end'],
]

/** The same names as Claude Code's; files are written by `apply_patch`. */
export const codexEvents: readonly HookedEvent[] = [
  ['SessionStart', 'session-start'],
  ['UserPromptSubmit', 'user-prompt-submit'],
  ['PreToolUse', 'pre-tool-use', 'apply_patch|mcp__engram__.*'],
  ['SubagentStop', 'subagent-stop'],
  ['Stop', 'stop'],
  ['SessionEnd', 'session-end'],
]

/** Tools of servers are called `mcp_engram_…` in some releases and `mcp__engram__…` in others. */
export const geminiEvents: readonly HookedEvent[] = [
  ['SessionStart', 'session-start'],
  ['BeforeAgent', 'user-prompt-submit'],
  ['BeforeTool', 'pre-tool-use', 'write_file|replace|mcp_+engram_+.*'],
  ['AfterAgent', 'stop'],
  ['SessionEnd', 'session-end'],
]

export const cursorEvents: readonly HookedEvent[] = [
  ['sessionStart', 'session-start'],
  ['beforeSubmitPrompt', 'user-prompt-submit'],
  ['preToolUse', 'pre-tool-use', 'Write|Delete|MCP:(mem|ctx|lock)_.*'],
  ['subagentStop', 'subagent-stop'],
  ['stop', 'stop'],
  ['sessionEnd', 'session-end'],
]

const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replaceAll(/(["\\$`])/g, '\\$1')}"`

/** The whole hook may take so long; Codex gives the end of a session no more than three seconds. */
const secondsMax = 10
const endSecondsMax = 3

/**
 * One hook for each event, in the lists under `hooks`. `grouped` is the shape of Claude Code, which Codex and Gemini CLI
 * took over, the latter with milliseconds; Cursor's is `flat`.
 */
export function hookItems(
  agent: string,
  events: readonly HookedEvent[],
  started: Started,
  shape: { readonly kind: 'grouped' | 'flat'; readonly perSecond: number },
): readonly Change[] {
  return events.map(([name, event, matcher]) => {
    const words = [...started.executable, 'hook', agent, event, ...started.dataDirOptions]
    const seconds = event === 'session-end' ? endSecondsMax : secondsMax
    const hook = { command: words.map(quoted).join(' '), timeout: seconds * shape.perSecond }
    const matched = matcher === undefined ? {} : { matcher }
    const value =
      shape.kind === 'flat' ? { ...hook, ...matched } : { ...matched, hooks: [{ type: 'command', ...hook }] }
    return { kind: 'json-item', path: ['hooks', name], value, mark: `hook ${agent} ${event}` }
  })
}
