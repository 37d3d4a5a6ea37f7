import type { Entry, Origin } from '../../entries.ts'
import { noFacts, withRecord } from '../session-head.ts'
import { createTally } from '../tally.ts'
import type { Fate, Tally } from '../tally.ts'
import type { JsonObject } from '../record.ts'
import { heldMax } from './held.ts'
import type { Held } from './held.ts'
import { noUsage } from './state.ts'
import type { CodexState, KnownCall } from './state.ts'
import { createMirrors, isOwnText } from './turn.ts'
import type { Mirrors } from './turn.ts'

/** One record of either log, as its handler sees it. */
export type Item = { readonly payload: JsonObject; readonly origin: Origin; readonly type: string }

export type Handler = (item: Item) => readonly Entry[]

export type Handlers = readonly (readonly [type: string, handler: Handler])[]

export type About = {
  -readonly [Key in 'facts' | 'usage' | 'messages' | 'model' | 'cwd' | 'parent' | 'hasUserMessages']: CodexState[Key]
}

/** What the handlers of one file share: what is known of it, what is held, and what came of each record. */
export type Conversation = {
  readonly tally: Tally
  readonly about: About
  /** Texts given as what the user typed, what the agent's events and what its items said; each in this turn. */
  readonly users: Mirrors
  readonly agentEvents: Mirrors
  readonly agentItems: Mirrors
  /** A record that gives nothing; gives nothing. */
  note(fate: Fate): readonly Entry[]
  ignore(name: string): readonly Entry[]
  give(...entries: readonly Entry[]): readonly Entry[]
  hold(held: Held): readonly Entry[]
  /** Takes what is held for a mirror that came. */
  takeHeld(kind: Held['kind'], key: string): Held | null
  /** The record taken from what was held is its mirror's and gives nothing of its own. */
  drop(name: string): void
  /** Nothing came that says more of what is due: it is what it looks like. */
  settle(isDue: (held: Held) => boolean): readonly Entry[]
  settleAll(): readonly Entry[]
  settleUsers(): readonly Entry[]
  settleAgent(): readonly Entry[]
  /** What is held as the user's, human or not. */
  userEntry(held: Held): Entry
  callOf(callId: string): KnownCall | null
  open(callId: string, action: KnownCall['action']): void
  answer(callId: string): void
  /** Forgets the texts of the turn. */
  endTurn(): void
  save(): CodexState
}

/** Calls whose result may still come, and those it came for. */
const callsMax = 512

const fresh: About = {
  facts: noFacts,
  usage: noUsage,
  messages: 0,
  model: null,
  cwd: null,
  parent: null,
  hasUserMessages: false,
}

export const noRecord = { sessionId: null, version: null, branch: null, cwd: null, at: null } as const

const isUsers = ({ kind }: Held): boolean => kind === 'user-item' || kind === 'user-event'

export function createConversation(state: CodexState | null): Conversation {
  const tally = createTally(state?.counts)
  const about = aboutFrom(state ?? fresh)
  const users = createMirrors(state?.users ?? [])
  const agentEvents = createMirrors(state?.agentEvents ?? [])
  const agentItems = createMirrors(state?.agentItems ?? [])
  const calls = new Map(state?.calls)
  let held: readonly Held[] = state?.held ?? []

  const note = (fate: Fate): readonly Entry[] => {
    tally.note(fate)
    return []
  }
  const settle = (isDue: (each: Held) => boolean): readonly Entry[] => {
    const due = held.filter(isDue)
    held = held.filter((each) => !due.includes(each))
    return due.map((each) => {
      tally.settle({ kind: 'decoded' })
      if (each.kind === 'agent-event') agentEvents.add(each.key)
      if (each.kind === 'output') answer(each.key)
      return isUsers(each) ? userEntry(each) : each.entry
    })
  }
  const userEntry = ({ kind, key, entry }: Held): Entry => {
    if (entry.kind !== 'human') return entry
    const isHuman = kind === 'user-event' || (!about.hasUserMessages && !isOwnText(entry.text))
    if (!isHuman || about.parent !== null)
      return { kind: 'note', origin: entry.origin, note: 'other', text: entry.text }
    if (kind === 'user-item') users.add(key)
    agentEvents.clear()
    agentItems.clear()
    about.facts = withRecord(about.facts, { ...noRecord, cwd: entry.origin.cwd, at: entry.origin.at }, true)
    return entry
  }
  const setCall = (callId: string, call: KnownCall): void => {
    calls.delete(callId)
    calls.set(callId, call)
    for (const oldest of calls.keys()) {
      if (calls.size <= callsMax) break
      calls.delete(oldest)
    }
  }
  const answer = (callId: string): void =>
    setCall(callId, { action: calls.get(callId)?.action ?? 'other', isAnswered: true })

  return {
    tally,
    about,
    users,
    agentEvents,
    agentItems,
    note,
    ignore: (name) => note({ kind: 'ignored', name }),
    give: (...entries) => {
      tally.note({ kind: 'decoded' })
      return entries
    },
    hold: (each) => {
      tally.note({ kind: 'waiting' })
      held = [...held, each]
      return held.length > heldMax ? settle(() => true) : []
    },
    takeHeld: (kind, key) => {
      const found = held.find((each) => each.kind === kind && each.key === key) ?? null
      held = held.filter((each) => each !== found)
      return found
    },
    drop: (name) => tally.settle({ kind: 'ignored', name }),
    settle,
    settleAll: () => settle(() => true),
    settleUsers: () => settle(isUsers),
    settleAgent: () => settle((each) => !isUsers(each)),
    userEntry,
    callOf: (callId) => calls.get(callId) ?? null,
    open: (callId, action) => setCall(callId, { action, isAnswered: false }),
    answer,
    endTurn: () => [users, agentEvents, agentItems].forEach((mirrors) => mirrors.clear()),
    save: () => ({
      ...about,
      counts: tally.counts(),
      held,
      calls: [...calls],
      users: users.save(),
      agentEvents: agentEvents.save(),
      agentItems: agentItems.save(),
    }),
  }
}

const aboutFrom = ({ facts, usage, messages, model, cwd, parent, hasUserMessages }: Readonly<About>): About => ({
  facts,
  usage,
  messages,
  model,
  cwd,
  parent,
  hasUserMessages,
})
