import type { CallAction, ReadCounts, Usage } from '../../entries.ts'
import { isObject, nameAt, objectAt } from '../record.ts'
import { factsFrom } from '../session-head.ts'
import type { HeadFacts } from '../session-head.ts'
import { countsFrom } from '../tally.ts'
import { heldFrom } from './held.ts'
import type { Held } from './held.ts'
import { mirrorsFrom } from './turn.ts'

/** A call of this file, and whether its result came. */
export type KnownCall = { readonly action: CallAction['kind']; readonly isAnswered: boolean }

/** What a session saves of what it read, so that the rest of the file can be read alone. */
export type CodexState = {
  readonly facts: HeadFacts
  readonly counts: ReadCounts
  readonly usage: Usage
  readonly messages: number
  readonly model: string | null
  readonly cwd: string | null
  /** The session that started this one as its sub-agent. */
  readonly parent: string | null
  /** The file has `user_message` events: only what they name is human (ING-CX-8). */
  readonly hasUserMessages: boolean
  readonly held: readonly Held[]
  readonly calls: readonly (readonly [string, KnownCall])[]
  readonly users: readonly (readonly [string, number])[]
  readonly agentEvents: readonly (readonly [string, number])[]
  readonly agentItems: readonly (readonly [string, number])[]
}

export function codexStateFrom(value: unknown): CodexState | null {
  if (!isObject(value)) return null
  const facts = factsFrom(value.facts)
  const counts = countsFrom(value.counts)
  const held = heldFrom(value.held)
  const calls = callsFrom(value.calls)
  const users = mirrorsFrom(value.users)
  const agentEvents = mirrorsFrom(value.agentEvents)
  const agentItems = mirrorsFrom(value.agentItems)
  if (facts === null || counts === null || held === null || calls === null) return null
  if (users === null || agentEvents === null || agentItems === null) return null
  return {
    facts,
    counts,
    usage: usageFrom(objectAt(value, 'usage') ?? {}),
    messages: typeof value.messages === 'number' ? value.messages : 0,
    model: nameAt(value, 'model'),
    cwd: nameAt(value, 'cwd'),
    parent: nameAt(value, 'parent'),
    hasUserMessages: value.hasUserMessages === true,
    held,
    calls,
    users,
    agentEvents,
    agentItems,
  }
}

export const noUsage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

function usageFrom(value: { readonly [key: string]: unknown }): Usage {
  const at = (key: string): number => {
    const count = value[key]
    return typeof count === 'number' ? count : 0
  }
  return {
    inputTokens: at('inputTokens'),
    outputTokens: at('outputTokens'),
    cacheReadTokens: at('cacheReadTokens'),
    cacheWriteTokens: at('cacheWriteTokens'),
  }
}

function callsFrom(value: unknown): CodexState['calls'] | null {
  if (!Array.isArray(value)) return null
  const isCall = (each: unknown): each is readonly [string, KnownCall] =>
    Array.isArray(each) && typeof each[0] === 'string' && isObject(each[1]) && typeof each[1].isAnswered === 'boolean'
  return value.every(isCall) ? value : null
}
