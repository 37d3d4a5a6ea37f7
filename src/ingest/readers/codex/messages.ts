import type { Entry, Origin } from '../../entries.ts'
import { cutMiddle, kept } from '../cut.ts'
import { nameAt, textAt } from '../record.ts'
import type { Conversation, Handler, Handlers, Item } from './conversation.ts'
import { contentText, reasoningText } from './items.ts'
import { environmentCwd } from './turn.ts'

/** What either side said, of which both logs tell (ING-CX-3, ING-CX-4, ING-CX-8). */
export function messageItems(talk: Conversation): Handlers {
  return [
    ['message', onMessage(talk)],
    ['reasoning', onReasoning(talk)],
  ]
}

export function messageEvents(talk: Conversation): Handlers {
  return [
    ['user_message', onUserMessage(talk)],
    ['agent_message', onAgentMessage(talk)],
  ]
}

function onMessage(talk: Conversation): Handler {
  return (item) => {
    const role = nameAt(item.payload, 'role') ?? 'untyped'
    if (role !== 'user' && role !== 'assistant') return talk.ignore(`message:${role}`)
    const text = contentText(item.payload.content)
    if (text.trim() === '') return talk.ignore('message:blank')
    return role === 'user' ? takeUserItem(talk, item, text) : takeAssistantItem(talk, item, text)
  }
}

function takeUserItem(talk: Conversation, { payload, origin }: Item, text: string): readonly Entry[] {
  const { about } = talk
  about.cwd = environmentCwd(text) ?? about.cwd
  const before = talk.settleAgent()
  const key = wordsOf(payload.content)
  const entry = human({ ...origin, cwd: about.cwd }, text)
  if (talk.takeHeld('user-event', key) === null) return [...before, ...talk.hold({ kind: 'user-item', key, entry })]
  talk.drop('event_msg:user_message')
  return [...before, ...talk.give(talk.userEntry({ kind: 'user-event', key, entry }))]
}

function onUserMessage(talk: Conversation): Handler {
  return ({ payload, origin }) => {
    const text = textAt(payload, 'message') ?? ''
    const key = text.trim()
    if (key === '') return talk.ignore('event_msg:user_message')
    talk.about.hasUserMessages = true
    const before = talk.settleAgent()
    const item = talk.takeHeld('user-item', key)
    if (item !== null) {
      talk.tally.settle({ kind: 'decoded' })
      talk.ignore('event_msg:user_message')
      const earlier = talk.settle((each) => each.entry.origin.line < item.entry.origin.line)
      return [...before, ...earlier, talk.userEntry({ ...item, kind: 'user-event' })]
    }
    if (talk.users.take(key)) return [...before, ...talk.ignore('event_msg:user_message')]
    return [...before, ...talk.hold({ kind: 'user-event', key, entry: human(origin, text) })]
  }
}

function takeAssistantItem(talk: Conversation, item: Item, text: string): readonly Entry[] {
  const key = text.trim()
  if (talk.takeHeld('agent-event', key) !== null) talk.drop('event_msg:agent_message')
  else if (talk.agentEvents.take(key)) return talk.ignore('message:mirror')
  else talk.agentItems.add(key)
  const before = talk.settleAll()
  talk.about.messages += 1
  return [...before, ...talk.give(assistant(talk, item, text))]
}

function onAgentMessage(talk: Conversation): Handler {
  return (item) => {
    const text = textAt(item.payload, 'message') ?? ''
    const key = text.trim()
    if (key === '' || talk.agentItems.take(key)) return talk.ignore('event_msg:agent_message')
    const before = talk.settleAll()
    return [...before, ...talk.hold({ kind: 'agent-event', key, entry: assistant(talk, item, text) })]
  }
}

function onReasoning(talk: Conversation): Handler {
  return ({ payload, origin }) => {
    const text = reasoningText(payload)
    if (text.trim() === '') return talk.ignore('response_item:reasoning')
    const messageId = nameAt(payload, 'id') ?? origin.uuid
    const before = talk.settleUsers()
    return [...before, ...talk.give({ kind: 'thinking', origin, messageId, text: cutMiddle(text, kept.proseBytesMax) })]
  }
}

const human = (origin: Origin, text: string): Entry => ({
  kind: 'human',
  origin,
  text: cutMiddle(text, kept.proseBytesMax),
  queued: false,
  command: false,
})

const assistant = (talk: Conversation, { payload, origin }: Item, text: string): Entry => ({
  kind: 'assistant',
  origin,
  messageId: nameAt(payload, 'id') ?? origin.uuid,
  model: talk.about.model,
  text: cutMiddle(text, kept.proseBytesMax),
})

/** Texts of an item alone, without what stands for its pictures: what a `user_message` repeats. */
function wordsOf(content: unknown): string {
  if (!Array.isArray(content)) return contentText(content).trim()
  return contentText(content.filter(isWords)).trim()
}

const isWords = (part: unknown): boolean =>
  typeof part === 'string' ||
  (typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string')
