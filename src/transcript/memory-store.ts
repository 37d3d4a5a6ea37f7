import { EngramError } from '../model/errors.ts'
import { systemClock } from '../platform/clock.ts'
import type { Clock } from '../platform/clock.ts'
import {
  checkKeepLast,
  checkList,
  checkNotes,
  checkPosition,
  checkRange,
  checkSummary,
  linesOfBatch,
  linesOfHistory,
} from './arguments.ts'
import { bounds } from './bounds.ts'
import { checkKey } from './keys.ts'
import { decodeLine } from './line.ts'
import { pageOfSessions, sortOf, sortedSessions } from './listing.ts'
import { MessageIds } from './message-ids.ts'
import { lineOf } from './message.ts'
import type { Line, LineOptions } from './message.ts'
import type { Redact } from './redaction.ts'
import { checkAborted } from './session.ts'
import { timeText } from './store-context.ts'
import type {
  AppendOptions,
  Appended,
  BatchAppended,
  BatchItem,
  BatchOptions,
  CallOptions,
  HistoryOptions,
  HistoryPage,
  HistoryRange,
  ListOptions,
  PositionedMessage,
  SessionListing,
  SessionPage,
  TranscriptArchive,
  TranscriptMessage,
  TranscriptNotes,
} from './store.ts'

export type MemoryStoreOptions = {
  /** Per session; beyond it the oldest messages are dropped and counted (TRN-107). */
  readonly messagesMax?: number
  readonly clock?: Clock
  readonly redact?: Redact
  readonly keepThoughts?: boolean
}

/** Lines as they would stand in a file, so that what is read is never what was handed in. */
type Kept = {
  lines: Line[]
  /** Position before the first line. */
  base: number
  /** Lines hidden from the top. */
  skip: number
  ids: MessageIds
  summary: string
  notes: TranscriptNotes
  readonly createdAt: string
  updatedAt: string
}

/** Transcripts without files, for sub-agents and tests: the same contract, gone with the process. */
export class MemoryTranscriptStore implements TranscriptArchive {
  readonly #sessions = new Map<string, Kept>()
  readonly #messagesMax: number
  readonly #clock: Clock
  readonly #redact: Redact | null
  readonly #keepsThoughts: boolean
  #dropped = 0
  #isClosed = false

  constructor(options: MemoryStoreOptions = {}) {
    this.#messagesMax = options.messagesMax ?? Infinity
    this.#clock = options.clock ?? systemClock
    this.#redact = options.redact ?? null
    this.#keepsThoughts = options.keepThoughts ?? false
  }

  /** Messages dropped because a session held `messagesMax`. */
  get dropped(): number {
    return this.#dropped
  }

  addMessage(sessionKey: string, role: string, content: string, options: AppendOptions = {}): Promise<Appended> {
    return this.addFullMessage(sessionKey, { role, content }, options)
  }

  addFullMessage(sessionKey: string, message: TranscriptMessage, options: AppendOptions = {}): Promise<Appended> {
    return this.#call(sessionKey, options, () => {
      const { durability = 'full', messageId } = options
      const line = lineOf(message, { ...this.#lineOptions(), messageId })
      if (line === null) return { stored: false, duplicate: false, position: 0, redacted: 0, durability }
      const session = this.#make(sessionKey)
      const there = messageId === undefined ? null : session.ids.recent(messageId)
      if (there !== null) return { stored: false, duplicate: true, position: there, redacted: 0, durability }
      const position = this.#append(session, line)
      return { stored: true, duplicate: false, position, redacted: line.redacted, durability }
    })
  }

  appendBatch(sessionKey: string, messages: readonly BatchItem[], options: BatchOptions = {}): Promise<BatchAppended> {
    return this.#call(sessionKey, options, () => {
      const { idsAfter = 0 } = options
      checkRange({ after: idsAfter })
      const lines = linesOfBatch(messages, this.#lineOptions())
      const session = this.#make(sessionKey)
      const fresh: Line[] = []
      for (const line of lines) {
        if (line.messageId !== null && session.ids.anywhere(line.messageId, idsAfter) !== null) continue
        this.#append(session, line)
        fresh.push(line)
      }
      return {
        appended: fresh.length,
        duplicates: lines.length - fresh.length,
        position: session.base + session.lines.length,
        redacted: fresh.reduce((sum, line) => sum + line.redacted, 0),
      }
    })
  }

  getHistory(sessionKey: string, options: HistoryOptions = {}): Promise<readonly TranscriptMessage[]> {
    return this.#call(sessionKey, options, () => {
      const messages = this.#range(sessionKey, options, options.limit ?? Infinity).messages.map((one) => one.message)
      return options.last === undefined ? messages : options.last === 0 ? [] : messages.slice(-options.last)
    })
  }

  readHistory(sessionKey: string, options: HistoryRange = {}): Promise<HistoryPage> {
    const limit = Math.min(options.limit ?? bounds.pageMessages, bounds.pageMessagesMax)
    return this.#call(sessionKey, options, () => this.#range(sessionKey, options, limit))
  }

  getSummary(sessionKey: string, options: CallOptions = {}): Promise<string> {
    return this.#call(sessionKey, options, () => this.#sessions.get(sessionKey)?.summary ?? '')
  }

  setSummary(sessionKey: string, summary: string, options: CallOptions = {}): Promise<void> {
    return this.#call(sessionKey, options, () => {
      checkSummary(summary)
      const session = this.#make(sessionKey)
      session.summary = this.#redact?.(summary).text ?? summary
      session.updatedAt = timeText(this.#clock)
    })
  }

  truncateHistory(sessionKey: string, keepLast: number, options: CallOptions = {}): Promise<void> {
    return this.#call(sessionKey, options, () => {
      checkKeepLast(keepLast)
      const session = this.#sessions.get(sessionKey)
      if (session === undefined) return
      session.skip = Math.max(session.skip, session.lines.length - Math.max(keepLast, 0))
      session.updatedAt = timeText(this.#clock)
    })
  }

  setHistory(sessionKey: string, history: readonly TranscriptMessage[], options: CallOptions = {}): Promise<void> {
    return this.#call(sessionKey, options, () => {
      const lines = linesOfHistory(history, this.#lineOptions())
      const session = this.#make(sessionKey)
      session.base += session.lines.length
      session.lines = []
      session.skip = 0
      session.ids = new MessageIds(session.base)
      for (const line of lines) this.#append(session, line)
      session.updatedAt = timeText(this.#clock)
    })
  }

  compact(sessionKey: string, options: CallOptions = {}): Promise<void> {
    return this.#call(sessionKey, options, () => {
      const session = this.#sessions.get(sessionKey)
      if (session === undefined || session.skip === 0) return
      session.lines = session.lines.slice(session.skip)
      session.base += session.skip
      session.skip = 0
      this.#rememberIds(session)
    })
  }

  savepoint(sessionKey: string, options: CallOptions = {}): Promise<number> {
    return this.#call(sessionKey, options, () => endOf(this.#sessions.get(sessionKey)))
  }

  rewindHistory(sessionKey: string, position: number, options: CallOptions = {}): Promise<number> {
    return this.#call(sessionKey, options, () => {
      checkPosition(position)
      const session = this.#sessions.get(sessionKey)
      if (session === undefined || position >= endOf(session)) return endOf(session)
      session.lines = session.lines.slice(0, Math.max(position - session.base, 0))
      session.skip = Math.min(session.skip, session.lines.length)
      session.updatedAt = timeText(this.#clock)
      this.#rememberIds(session)
      return endOf(session)
    })
  }

  listSessions(options: ListOptions = {}): Promise<SessionPage> {
    return this.#call('', {}, () => {
      checkList(options)
      const all = Array.from(this.#sessions, ([key, session]) => listingOf(key, session, options.counts === true))
      return pageOfSessions(sortedSessions(all, sortOf(options)), options)
    })
  }

  notes(sessionKey: string, options: CallOptions = {}): Promise<TranscriptNotes> {
    return this.#call(sessionKey, options, () => structuredClone(this.#sessions.get(sessionKey)?.notes ?? {}))
  }

  setNotes(sessionKey: string, notes: TranscriptNotes, options: CallOptions = {}): Promise<void> {
    return this.#call(sessionKey, options, () => {
      checkNotes(notes)
      const session = this.#make(sessionKey)
      const given = Object.entries(structuredClone(notes)).filter(([, value]) => value !== undefined)
      const title = notes.title === undefined ? {} : { title: this.#redact?.(notes.title).text ?? notes.title }
      session.notes = { ...session.notes, ...Object.fromEntries(given), ...title }
      session.updatedAt = timeText(this.#clock)
    })
  }

  deleteSession(sessionKey: string, options: CallOptions & { readonly purge?: boolean } = {}): Promise<boolean> {
    return this.#call(sessionKey, options, () => this.#sessions.delete(sessionKey))
  }

  exists(sessionKey: string, options: CallOptions = {}): Promise<boolean> {
    return this.#call(sessionKey, options, () => this.#sessions.has(sessionKey))
  }

  count(sessionKey: string, options: CallOptions = {}): Promise<number> {
    return this.#call(sessionKey, options, () => {
      const session = this.#sessions.get(sessionKey)
      return session === undefined ? 0 : session.lines.length - session.skip
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    return Promise.resolve()
  }

  #call<T>(sessionKey: string, options: HistoryOptions, work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.#isClosed) throw new EngramError('store_closed', 'the transcript store was closed')
      checkKey(sessionKey)
      checkRange(options)
      checkAborted(options.signal)
      resolve(work())
    })
  }

  #lineOptions(): Omit<LineOptions, 'messageId'> {
    return { now: timeText(this.#clock), redact: this.#redact, hasSums: true, keepsThoughts: this.#keepsThoughts }
  }

  #make(key: string): Kept {
    const now = timeText(this.#clock)
    const session = this.#sessions.get(key) ?? {
      lines: [],
      base: 0,
      skip: 0,
      ids: new MessageIds(0),
      summary: '',
      notes: {},
      createdAt: now,
      updatedAt: now,
    }
    this.#sessions.set(key, session)
    return session
  }

  #append(session: Kept, line: Line): number {
    session.lines.push(line)
    session.updatedAt = timeText(this.#clock)
    const position = session.base + session.lines.length
    session.ids.note(line.messageId, position)
    if (session.lines.length > this.#messagesMax) this.#dropOldest(session)
    return position
  }

  #dropOldest(session: Kept): void {
    session.lines.shift()
    session.base++
    session.skip = Math.max(session.skip - 1, 0)
    this.#dropped++
  }

  #rememberIds(session: Kept): void {
    session.ids = new MessageIds(session.base)
    for (const [index, line] of session.lines.entries()) session.ids.note(line.messageId, session.base + index + 1)
  }

  #range(sessionKey: string, range: HistoryRange, limit: number): HistoryPage {
    const session = this.#sessions.get(sessionKey)
    const messages: PositionedMessage[] = []
    if (session === undefined || limit === 0) return { messages, next: null }
    const first = Math.max(session.skip, (range.after ?? 0) - session.base)
    const end = Math.min(session.lines.length, (range.before ?? Infinity) - session.base - 1)
    for (let index = first; index < end; index++) {
      if (messages.length >= limit) return { messages, next: session.base + index }
      const message = messageOf(session.lines[index])
      if (message !== null) messages.push({ position: session.base + index + 1, message })
    }
    return { messages, next: null }
  }
}

/** Position of the last message. */
const endOf = (session: Kept | undefined): number => (session === undefined ? 0 : session.base + session.lines.length)

function messageOf(line: Line | undefined): TranscriptMessage | null {
  const decoded = line === undefined ? null : decodeLine(line.bytes.subarray(0, -1))
  return decoded?.kind === 'message' ? decoded.message : null
}

const listingOf = (key: string, session: Kept, counts: boolean): SessionListing => ({
  key,
  createdAt: session.createdAt,
  updatedAt: session.updatedAt,
  bytes: session.lines.reduce((sum, line) => sum + line.bytes.length, 0),
  ...(counts ? { messages: session.lines.length - session.skip } : {}),
  ...(session.summary === '' ? {} : { summary: session.summary }),
  ...(session.notes.title === undefined ? {} : { title: session.notes.title }),
  aliases: [],
})
