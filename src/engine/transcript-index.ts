import type { ArchivedMessage, ConversationPage, ListedConversation, SearchedConversations } from '../model/ports.ts'
import { cutCodePoints } from '../model/text.ts'
import { formatTime, parseTime } from '../model/times.ts'
import {
  clearTranscriptIndex,
  dropTranscript,
  dropTranscriptMessages,
  filedTranscripts,
  indexedEnds,
  isTranscriptIndexFresh,
  messageHash,
  putTranscriptSource,
  transcriptProject,
  transcriptSource,
  transcriptSources,
  writeTranscriptMessage,
  type FiledTranscript,
  type IndexedMessage,
} from '../store/transcript-index.ts'
import type { WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'

/** Conversations there are, and those that answer nothing now: not read to their end as they stand. */
export type TranscriptsRead = { readonly total: number; readonly unread: number; readonly without: readonly number[] }

/** One transaction: some milliseconds, so that no save waits long for it (RET-104). */
const pageMessages = 100
const neighboursMax = 2
const neighbourCodePointsMax = 300
/** Of one message; what a tool said is told by its beginning (RET-101). */
const textCharsMax = 200_000
const toolCodePointsMax = 500
/** What a search spends on what was written since the last one; the rest is for the next, or for who waits for all. */
export const searchBudgetMs = 400

/**
 * Brings the words of archived conversations up to the archive, those written last first, one page a transaction, until
 * `budgetMs` is over; any number of processes may do it at once. What is gone leaves the index first. Whoever searches
 * afterwards leaves out `without`: a conversation that changed answers again when it was read again.
 */
export async function catchUpTranscripts(
  deps: EngineDeps,
  budgetMs: number,
  options: { readonly signal?: AbortSignal | undefined; onRead?: (done: number, total: number) => void } = {},
): Promise<TranscriptsRead> {
  const { conversations, store, clock } = deps
  if (conversations === null) return { total: 0, unread: 0, without: [] }
  const untilMs = clock.monotonicMs() + budgetMs
  const listed = await conversations.list()
  if (store.mode !== 'read-only') {
    await dropGone(deps, listed)
    const unread = unreadOf(deps, listed)
    for (const [at, one] of unread.entries()) {
      options.signal?.throwIfAborted()
      options.onRead?.(listed.length - unread.length + at, listed.length)
      if (!(await readConversation(deps, conversations, one, untilMs))) break
    }
  }
  return stateOf(deps, listed)
}

function stateOf({ store }: EngineDeps, listed: readonly ListedConversation[]): TranscriptsRead {
  const stamps = new Map(listed.map(({ key, stamp }) => [key, stamp]))
  return store.read((tx) => {
    const [all, isFresh] = [filedTranscripts(tx), isTranscriptIndexFresh(tx)]
    const without = all.filter((one) => !isFresh || !isRead(one, stamps.get(one.key))).map(({ number }) => number)
    return { total: listed.length, unread: listed.length - (all.length - without.length), without }
  })
}

/** To its end as it stands, and under the project it belongs to now. */
const isRead = (one: FiledTranscript, stamp: string | undefined): boolean =>
  one.is_read === 1 && one.stamp === stamp && one.current_project === one.project

/** Rows made by other rules, and conversations that are not there any more. */
async function dropGone({ store }: EngineDeps, listed: readonly ListedConversation[]): Promise<void> {
  const isFresh = store.read(isTranscriptIndexFresh)
  if (!isFresh) await store.write(clearTranscriptIndex, { durability: 'derived' })
  const keys = new Set(listed.map(({ key }) => key))
  const gone = store.read((tx) => transcriptSources(tx).filter(({ key }) => !keys.has(key)))
  for (const { number } of gone) await store.write((tx) => dropTranscript(tx, number), { durability: 'derived' })
}

function unreadOf({ store }: EngineDeps, listed: readonly ListedConversation[]): readonly ListedConversation[] {
  return store.read((tx) => {
    const known = new Map(filedTranscripts(tx).map((one) => [one.key, one]))
    return listed.filter(({ key, stamp }) => {
      const one = known.get(key)
      return one === undefined || !isRead(one, stamp)
    })
  })
}

/** Reads a conversation on from where it was left; false when time is over before its end. */
async function readConversation(
  deps: EngineDeps,
  conversations: SearchedConversations,
  listed: ListedConversation,
  untilMs: number,
): Promise<boolean> {
  const { store, clock } = deps
  const about = await conversations.about(listed.key)
  let place = await placeToRead(deps, conversations, listed, about)
  for (;;) {
    if (clock.monotonicMs() >= untilMs) return false
    const page = await conversations.page(listed.key, place.after, pageMessages)
    const next = { ...place, page, listed, about }
    place = await store.write((tx) => writePage(tx, next), { durability: 'derived' })
    if (page.next === null) return true
    await clock.sleep(0)
  }
}

type About = { readonly project: string; readonly sessionId: string }
/** `after`: the page begins behind it · `position`: what was read before; null = from the beginning. */
type Place = { readonly after: number; readonly position: number | null }

/**
 * Behind the last message that was read, reaching back to the two before it, whose text stands beside the next. From the
 * beginning where what was read is not what stands there now: hidden, replaced, begun again, or of another project.
 */
async function placeToRead(
  { store }: EngineDeps,
  conversations: SearchedConversations,
  { key, begunAt }: ListedConversation,
  about: About,
): Promise<Place> {
  const fromStart: Place = { after: 0, position: null }
  const known = store.read((tx) => {
    const source = transcriptSource(tx, key)
    if (source === undefined) return null
    const project = transcriptProject(tx, about.sessionId, about.project)
    return { source, project, ends: indexedEnds(tx, source.number, neighboursMax) }
  })
  if (known === null || known.source.project !== known.project || known.source.begun_at !== begunAt) return fromStart
  const { first, last } = known.ends
  if (first === undefined) return fromStart
  if ((await firstSaid(conversations, key)) !== first.position) return fromStart
  for (const end of last) {
    const { messages } = await conversations.page(key, end.position - 1, 1)
    const [found] = messages
    if (found?.position !== end.position || messageHash(textOf(found.message)) !== end.hash) return fromStart
  }
  return { after: (last[0]?.position ?? 1) - 1, position: known.source.position }
}

/** Position of the first message with something to search: what was hidden since stands before it. */
async function firstSaid(conversations: SearchedConversations, key: string): Promise<number | null> {
  for (let after: number | null = 0; after !== null;) {
    const page: ConversationPage = await conversations.page(key, after, neighboursMax)
    const said = page.messages.find(({ message }) => textOf(message) !== '')
    if (said !== undefined) return said.position
    after = page.next
  }
  return null
}

type PageToWrite = Place & {
  readonly page: ConversationPage
  readonly listed: ListedConversation
  readonly about: About
}

function writePage(tx: WriteTx, { page, listed, about, position }: PageToWrite): Place {
  const project = transcriptProject(tx, about.sessionId, about.project)
  const known = transcriptSource(tx, listed.key)
  if (position === null && known !== undefined) dropTranscriptMessages(tx, known.number)
  // Another process was here meanwhile: what it has written stays.
  const from = position === null ? 0 : Math.max(position, known?.position ?? 0)
  const read = Math.max(from, page.messages.at(-1)?.position ?? 0)
  const number = putTranscriptSource(tx, {
    key: listed.key,
    begun_at: listed.begunAt,
    stamp: listed.stamp,
    project,
    named_project: about.project,
    session_id: about.sessionId,
    position: read,
    is_read: page.next === null ? 1 : 0,
  })
  const texts = page.messages.flatMap(({ position: at, message }) => {
    const text = textOf(message)
    return text === '' ? [] : [{ position: at, message, text }]
  })
  for (const [at, { position: place, message, text }] of texts.entries()) {
    if (place <= from) continue
    const before = texts.slice(Math.max(0, at - neighboursMax), at).map((one) => beginningOf(one.text))
    writeTranscriptMessage(tx, { number, project }, indexed(place, message, text, before))
  }
  // The next page begins with the two whose text stands beside its first.
  const after = texts.at(-neighboursMax)?.position ?? read + 1
  return { after: Math.min(after - 1, read), position: read }
}

const beginningOf = (text: string): string => cutCodePoints(text, neighbourCodePointsMax, '')

function indexed(position: number, message: ArchivedMessage, text: string, before: readonly string[]): IndexedMessage {
  const at = message.created_at === undefined ? null : parseTime(message.created_at)
  return { position, role: message.role, createdAt: at === null ? '' : formatTime(at), text, before }
}

/** What is searched of a message: what the person and the agent said, and the beginning of what a tool answered. */
export function textOf({ role, content }: ArchivedMessage): string {
  if (role === 'user' || role === 'assistant') return content.slice(0, textCharsMax)
  return role === 'tool' ? cutCodePoints(content, toolCodePointsMax, '') : ''
}

/** A message as it stands now; null when it is not the one that was indexed. */
export async function messageAt(
  conversations: SearchedConversations,
  place: { readonly key: string; readonly position: number; readonly hash: string },
): Promise<ArchivedMessage | null> {
  const { messages } = await conversations.page(place.key, place.position - 1, 1)
  const [found] = messages
  if (found === undefined || found.position !== place.position) return null
  return messageHash(textOf(found.message)) === place.hash ? found.message : null
}

/** Forgets the words of a conversation at once, as when it is deleted. */
export async function forgetTranscript({ store }: Pick<EngineDeps, 'store'>, key: string): Promise<void> {
  const known = store.mode === 'read-only' ? undefined : store.read((tx) => transcriptSource(tx, key))
  if (known !== undefined) await store.write((tx) => dropTranscript(tx, known.number))
}
