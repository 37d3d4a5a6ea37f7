import { actionOf } from './codex/calls.ts'
import { createCodexSession } from './codex/session.ts'
import type { CodexNames } from './codex/session.ts'
import { codexStateFrom } from './codex/state.ts'
import type { CodexState } from './codex/state.ts'
import type { FileMatch, Reader, SessionOptions } from './reader.ts'
import { isObject } from './record.ts'

const agent = 'codex'
const version = 1
const rollout = /^rollout-.{1,200}\.jsonl(\.zst)?$/
const uuidAtEnd = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$/i

/** Codex's `sessions/YYYY/MM/DD/rollout-….jsonl` and `archived_sessions/` (ING-DIS-2). */
export const codexReader: Reader = {
  agent,
  version,
  roots: (env, home) => {
    const configured = env.CODEX_HOME?.trim() ?? ''
    const base = configured === '' ? `${home}/.codex` : configured.replace(/\/+$/, '')
    return [`${base}/sessions`, `${base}/archived_sessions`]
  },
  enters: () => true,
  matches: matchPath,
  actionOf,
  start: (options) => createCodexSession(options, namesOf(options), null),
  resume: (options, state) => {
    const saved = savedState(state)
    return saved === null ? null : createCodexSession(options, namesOf(options), saved)
  },
}

function savedState(text: string): CodexState | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && value.version === version ? codexStateFrom(value) : null
  } catch {
    return null
  }
}

const namesOf = (options: SessionOptions): CodexNames => ({
  agent,
  version,
  sessionId: uuidAtEnd.exec(options.path)?.[1] ?? null,
})

function matchPath(path: string): FileMatch | null {
  const parts = path.split(/[/\\]/)
  const name = rollout.exec(parts.at(-1) ?? '')
  if (name === null) return null
  if (name[1] !== undefined) return { kind: 'skip', reason: 'compressed' }
  return { kind: 'transcript', isCertain: true, folder: parts.slice(0, -1).join('/'), sidechainOf: null, agentId: null }
}
