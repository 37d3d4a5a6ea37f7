import { parseTime } from '../model/times.ts'
import type { BatchItem, TranscriptMessage } from '../transcript/store.ts'
import type { AssistantEntry, CallEntry, Entry, Origin, ThinkingEntry } from './entries.ts'
import { messageIdOf } from './identity.ts'

/** What the agent wrote on one line: its texts, thoughts and calls make one message. */
type Spoken = AssistantEntry | ThinkingEntry | CallEntry

type Group = { readonly spoken: Spoken[]; characters: number } | { readonly other: Exclude<Entry, Spoken> }

/** Above this, what stands on one line becomes several messages, so that none meets the store's line limit. */
const charactersMax = 1024 * 1024
const nameCharsMax = 256

/** Entries as messages of the transcript store (ING-ARC-2), each with the id it has in every run. */
export function messagesOf(agent: string, entries: readonly Entry[]): readonly BatchItem[] {
  return groupsOf(entries).map((group) =>
    'other' in group ? otherMessage(agent, group.other) : spokenMessage(agent, group.spoken),
  )
}

function groupsOf(entries: readonly Entry[]): readonly Group[] {
  const groups: Group[] = []
  for (const entry of entries) {
    if (!isSpoken(entry)) {
      groups.push({ other: entry })
      continue
    }
    const characters = sizeOf(entry)
    const last = groups.at(-1)
    const first = last !== undefined && 'spoken' in last ? last.spoken[0] : undefined
    const isSame = first !== undefined && isSameLine(first.origin, entry.origin)
    if (last !== undefined && 'spoken' in last && isSame && last.characters + characters <= charactersMax) {
      last.spoken.push(entry)
      last.characters += characters
    } else groups.push({ spoken: [entry], characters })
  }
  return groups
}

const isSpoken = (entry: Entry): entry is Spoken =>
  entry.kind === 'assistant' || entry.kind === 'thinking' || entry.kind === 'call'

const isSameLine = (a: Origin, b: Origin): boolean => a.line === b.line && a.uuid === b.uuid

const sizeOf = (entry: Spoken): number =>
  entry.kind === 'call' ? JSON.stringify(entry.input).length : entry.text.length

function spokenMessage(agent: string, spoken: readonly Spoken[]): BatchItem {
  const [first] = spoken
  const texts = spoken.flatMap((entry) => (entry.kind === 'assistant' ? [entry.text] : []))
  const thoughts = spoken.flatMap((entry) => (entry.kind === 'thinking' ? [entry.text] : []))
  const calls = spoken.flatMap((entry) => (entry.kind === 'call' ? [toToolCall(entry)] : []))
  const model = spoken.find((entry) => entry.kind === 'assistant' && entry.model !== null)
  const origin = first?.origin ?? noOrigin
  const message: TranscriptMessage = {
    role: 'assistant',
    content: texts.join('\n\n'),
    ...(model?.kind === 'assistant' && model.model !== null ? { model_name: cut(model.model) } : {}),
    ...timeOf(origin),
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join('\n\n') }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    source: { ...sourceOf(origin, first?.kind ?? 'assistant'), message_id: cut(first?.messageId ?? '') },
  }
  return { message, messageId: messageIdOf(agent, origin) }
}

const toToolCall = (entry: CallEntry) => ({
  id: cut(entry.callId),
  type: 'function',
  function: { name: cut(entry.name), arguments: JSON.stringify(entry.input) },
})

function otherMessage(agent: string, entry: Exclude<Entry, Spoken>): BatchItem {
  const { origin } = entry
  const time = timeOf(origin)
  switch (entry.kind) {
    case 'human': {
      const source = { ...sourceOf(origin, 'human'), ...(entry.queued ? { queued: true } : {}) }
      return { message: { role: 'user', content: entry.text, ...time, source }, messageId: messageIdOf(agent, origin) }
    }
    case 'result': {
      const exit = entry.exitCode === null ? {} : { exit_code: entry.exitCode }
      const source = { ...sourceOf(origin, 'result'), outcome: entry.outcome, ...exit }
      const message = { role: 'tool', content: entry.text, ...time, tool_call_id: cut(entry.callId), source }
      return { message, messageId: messageIdOf(agent, origin) }
    }
    case 'note': {
      const left = entry.abandoned === undefined ? {} : { abandoned: entry.abandoned }
      const source = { ...sourceOf(origin, entry.note), ...left }
      // A record left out may still come whole under its own id.
      const mark = entry.note === 'skipped' ? 'left-out' : null
      const message = { role: 'system', content: entry.text, ...time, source }
      return { message, messageId: messageIdOf(agent, origin, mark) }
    }
  }
}

const sourceOf = (origin: Origin, kind: string): Readonly<Record<string, unknown>> => ({
  uuid: cut(origin.uuid),
  ...(origin.parent === null ? {} : { parent: cut(origin.parent) }),
  line: origin.line,
  kind,
})

/** As it stands in the record; what is no time is left to the store, which puts its own. */
const timeOf = ({ at }: Origin): { readonly created_at?: string } =>
  at !== null && isRfc3339(at) ? { created_at: at } : {}

const isRfc3339 = (at: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(at) && parseTime(at) !== null

const cut = (name: string): string => name.slice(0, nameCharsMax)

const noOrigin: Origin = {
  uuid: '',
  parent: null,
  line: 0,
  offset: 0,
  at: null,
  cwd: null,
  branch: null,
  sidechain: false,
  agentId: null,
}
