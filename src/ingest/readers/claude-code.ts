import type { FileMatch, Reader, SessionOptions } from './reader.ts'
import { isObject } from './record.ts'
import { actionOf } from './claude-code/calls.ts'
import { createSession, stateFrom } from './claude-code/session.ts'

const agent = 'claude-code'
const version = 1
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Claude Code's `projects/<folder>/<session>.jsonl` and the sub-agents' files below and beside them (ING-DIS-1). */
export const claudeCodeReader: Reader = {
  agent,
  version,
  roots: (env, home) => {
    const configured = env.CLAUDE_CONFIG_DIR?.trim() ?? ''
    return [`${configured === '' ? `${home}/.claude` : configured.replace(/\/+$/, '')}/projects`]
  },
  enters: (name) => name !== 'tool-results' && name !== 'workflows' && name !== 'memory',
  matches: matchPath,
  actionOf,
  start: (options) => createSession(options, namesOf(options), null),
  resume: (options, state) => {
    const saved = savedState(state)
    return saved === null ? null : createSession(options, namesOf(options), saved)
  },
}

function savedState(text: string): ReturnType<typeof stateFrom> {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && value.version === version ? stateFrom(value) : null
  } catch {
    return null
  }
}

function namesOf(options: SessionOptions): Parameters<typeof createSession>[1] {
  const name = baseName(options.path).replace(/\.jsonl$/, '')
  return { agent, version, sessionId: uuid.test(name) ? name : null }
}

const baseName = (path: string): string => path.slice(path.search(/[^/\\]*$/))

function matchPath(path: string): FileMatch | null {
  const parts = path.split(/[/\\]/)
  const name = parts.at(-1) ?? ''
  if (!name.endsWith('.jsonl')) return null
  // The compaction's own file repeats what it summed up (ING-CC-20).
  if (name.startsWith('agent-acompact-')) return { kind: 'skip', reason: 'compaction' }
  const subagent = /^agent-([\w-]{1,128})\.jsonl$/.exec(name)?.[1] ?? null
  const isBelow = subagent !== null && parts.at(-2) === 'subagents' && parts.length > 2
  return {
    kind: 'transcript',
    isCertain: subagent !== null || uuid.test(name.slice(0, -6)),
    folder: parts.slice(0, isBelow ? -3 : -1).join('/'),
    sidechainOf: isBelow ? (parts.at(-3) ?? null) : null,
    agentId: subagent,
  }
}
