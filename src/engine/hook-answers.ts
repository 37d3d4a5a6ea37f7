import type { HookCall, HookEvent } from './hook-event.ts'

/** The shapes in which agents read what a hook answers; an agent nobody knows gets Claude Code's, which most took over. */
type Dialect = {
  readonly named: (toolInput: Readonly<Record<string, unknown>>) => unknown
  readonly refused: (reason: string) => unknown
  /** `isStart`: at the start of a session, else for a prompt. */
  readonly context: (text: string, isStart: boolean) => unknown
  /** Said where there is nothing to say: some read every answer as JSON. */
  readonly silence: '' | '{}'
}

const preToolUse = (fields: Readonly<Record<string, unknown>>): unknown => ({
  hookSpecificOutput: { hookEventName: 'PreToolUse', ...fields },
})

const claude: Dialect = {
  named: (updatedInput) => preToolUse({ updatedInput }),
  refused: (reason) => preToolUse({ permissionDecision: 'deny', permissionDecisionReason: reason }),
  context: (additionalContext, isStart) => ({
    hookSpecificOutput: { hookEventName: isStart ? 'SessionStart' : 'UserPromptSubmit', additionalContext },
  }),
  silence: '',
}

const dialects: Readonly<Record<string, Dialect>> = {
  // Codex takes a changed input only together with its leave to go on.
  codex: { ...claude, named: (updatedInput) => preToolUse({ permissionDecision: 'allow', updatedInput }) },
  'gemini-cli': {
    named: (tool_input) => ({ hookSpecificOutput: { hookEventName: 'BeforeTool', tool_input } }),
    refused: (reason) => ({ decision: 'deny', reason }),
    context: (additionalContext, isStart) => ({
      hookSpecificOutput: { hookEventName: isStart ? 'SessionStart' : 'BeforeAgent', additionalContext },
    }),
    silence: '{}',
  },
  cursor: {
    named: (updated_input) => ({ permission: 'allow', updated_input }),
    refused: (reason) => ({ permission: 'deny', user_message: reason, agent_message: reason }),
    // Nothing can be told beside a prompt.
    context: (additional_context, isStart) => (isStart ? { additional_context } : {}),
    silence: '{}',
  },
}

const dialectOf = (agent: string): Dialect => (Object.hasOwn(dialects, agent) ? dialects[agent] : undefined) ?? claude

/** The agent's own session id put into the arguments of a writer (MEM-704). */
export function namedSessionAnswer(
  { agent, sessionId }: HookCall,
  event: Extract<HookEvent, { kind: 'name-session' }>,
): string {
  if (sessionId === '') return '{}'
  return JSON.stringify(dialectOf(agent).named({ ...event.toolInput, [event.field]: sessionId }))
}

/** The one thing a hook of ours ever refuses, with the reason for the agent. */
export const refusalAnswer = (agent: string, reason: string): string => JSON.stringify(dialectOf(agent).refused(reason))

export const contextAnswer = (agent: string, text: string, isStart: boolean): string =>
  text === '' ? silentAnswer(agent) : JSON.stringify(dialectOf(agent).context(text, isStart))

export const silentAnswer = (agent: string): string => dialectOf(agent).silence
