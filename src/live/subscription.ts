import type { Delivery, FeedEvent, FeedPolicy, FeedSubscription, SubscribeRequest } from '../model/live-feed.ts'
import { limits } from '../model/limits.ts'
import type { LogPlace } from '../model/log-store.ts'
import { matcher } from './feed-event.ts'
import type { Outbox } from './outbox.ts'
import { slowReader, type SlowReader } from './slow-reader.ts'

/** What a subscription needs of the hub and of its connection. */
export type SubscriptionDoor = {
  readonly cursorOf: (contextId: string, seq: number) => string
  readonly allCursorOf: (gseq: number) => string
  readonly head: () => number
  readonly outbox: Pick<Outbox<unknown>, 'isFull' | 'hasWaiting' | 'flushes'>
  readonly offer: (delivery: Delivery) => void
  readonly nowMs: () => number
  /** It stands behind the end and has room: read for it. */
  readonly wantsReading: (subscription: Subscription) => void
  readonly contextsChanged: (subscription: Subscription) => void
  readonly leave: (subscription: Subscription) => void
  readonly ended: (subscription: Subscription) => void
}

/**
 * A reader of the log: a place, and what it wants from there on (COL-1101).
 *
 *     new ──start──▶ behind ──read up to the end──▶ live ──no room──▶ behind (pause) · keeps or counts (conflate, drop)
 *                      │  ▲                                           · goes (disconnect)
 *                      └──┘ a page of the log, in turn with the others, while there is room
 */
export class Subscription implements FeedSubscription {
  readonly #door: SubscriptionDoor
  readonly #policy: FeedPolicy
  readonly #slow: SlowReader
  readonly maxPauseMs: number
  readonly matches: (event: FeedEvent) => boolean
  contexts: readonly string[] | 'all'
  state: 'new' | 'behind' | 'live' | 'ended' = 'new'
  /** Everything up to here was delivered or left out by the filter, in the order of all and within the one context. */
  #gseq: number
  #seq: number
  readonly #outbox: SubscriptionDoor['outbox']
  /** Where the subscriber itself stood before the first of what it was offered since that flush. */
  #offered: LogPlace
  #offeredAtFlush = -1
  /** Where it stands while events are kept for it, or left out and not told yet. */
  #beforeMissed: LogPlace | null = null
  #n = 0
  #credits: number
  #hasTold = false
  #pausedSinceMs: number | null = null
  /** Counts changes of what it hears, so that a page read for the old wish is not taken. */
  wish = 0

  constructor(door: SubscriptionDoor, request: SubscribeRequest, place: LogPlace) {
    this.#door = door
    this.#outbox = door.outbox
    this.#policy = request.policy ?? { kind: 'pause' }
    this.#slow = slowReader(this.#policy, { keysMax: limits.conflatedKeysMax, bytesMax: limits.outboxBytesMax })
    this.maxPauseMs = request.maxPauseMs ?? limits.feedPauseMsMax
    this.matches = matcher(request)
    this.contexts = request.contexts
    this.#gseq = place.gseq
    this.#seq = place.seq
    this.#offered = place
    this.#credits = request.credits ?? Number.POSITIVE_INFINITY
  }

  get isLive(): boolean {
    return this.state === 'live'
  }

  get gseq(): number {
    return this.#gseq
  }

  get seq(): number {
    return this.#seq
  }

  /** The one context it reads, where it was made for just one: then it stands at a `seq`. */
  get only(): string | undefined {
    return this.wish === 0 && this.contexts !== 'all' && this.contexts.length === 1 ? this.contexts[0] : undefined
  }

  /** What is read for it: one context by its own numbers only where it stands at one of them. */
  get readContexts(): readonly string[] | 'all' {
    return this.only === undefined && this.contexts.length === 1 ? 'all' : this.contexts
  }

  /** Resuming here misses nothing and repeats nothing: what waits in the outbox is not behind it. */
  get cursor(): string {
    const hasWaiting = this.#outbox.hasWaiting && this.#offeredAtFlush === this.#outbox.flushes
    return this.#cursorOf(hasWaiting ? this.#offered : this.#place())
  }

  #place(): LogPlace {
    return this.#beforeMissed ?? { gseq: this.cursorPlace(), seq: this.#seq }
  }

  get hasRoom(): boolean {
    return this.#credits > 0 && !this.#outbox.isFull
  }

  /** How long the socket has taken nothing; waiting for credits is the subscriber's own wish and does not count. */
  pausedMs(): number {
    return this.#pausedSinceMs === null ? 0 : this.#door.nowMs() - this.#pausedSinceMs
  }

  start(): void {
    if (this.state !== 'new') return
    this.state = 'behind'
    this.#door.wantsReading(this)
  }

  credit(n: number): void {
    this.#credits += n
    this.room()
  }

  setContexts(contexts: readonly string[] | 'all'): void {
    if (this.state === 'ended') return
    // From now on, in the order of all: what the new contexts said before is not asked for.
    this.#gseq = this.cursorPlace()
    this.contexts = contexts
    this.wish++
    this.#door.contextsChanged(this)
  }

  end(): void {
    if (this.state === 'ended') return
    this.state = 'ended'
    this.#door.ended(this)
  }

  /** Where it stands in the order of all. */
  cursorPlace(): number {
    return this.state === 'live' ? Math.max(this.#gseq, this.#door.head()) : this.#gseq
  }

  /** There is room again: what waits goes out, or reading goes on. */
  room(): void {
    if (!this.hasRoom) return
    this.#pausedSinceMs = null
    if (this.state === 'behind') this.#door.wantsReading(this)
    else if (this.state === 'live') this.#release()
  }

  /** The next event of one of its contexts, as it happens. */
  hear(event: FeedEvent): void {
    if (event.gseq <= this.#gseq) return
    if (!this.matches(event)) return this.#pass(event)
    if (!this.#slow.isEmpty && this.hasRoom) this.#release()
    if (this.#slow.isEmpty && this.hasRoom) return this.#deliver(event)
    this.#pause()
    switch (this.#policy.kind) {
      case 'pause':
        this.state = 'behind'
        this.#gseq = event.gseq - 1
        return
      case 'disconnect':
        return this.#door.leave(this)
      case 'drop':
      case 'conflate': {
        const place = { gseq: this.#gseq, seq: this.#seq }
        this.#beforeMissed ??= place
        this.#pass(event)
        return this.#slow.miss(event, this.#cursorOf(place), this.cursorAt(event))
      }
    }
  }

  /** An event that is sent live only: whoever has no room does not hear it. */
  overhear(event: FeedEvent): void {
    if (this.state !== 'live' || !this.matches(event) || !this.hasRoom) return
    this.#credits--
    const { cursor } = this
    this.#offer({ kind: 'event', n: ++this.#n, event, cursor })
  }

  /** Events of a page or of the ring, until there is no room. @returns whether all were taken */
  take(events: readonly FeedEvent[]): boolean {
    for (const event of events) {
      if (event.gseq <= this.#gseq || !this.#hears(event.contextId)) continue
      if (!this.matches(event)) this.#pass(event)
      else if (this.hasRoom) this.#deliver(event)
      else {
        this.#pause()
        return false
      }
    }
    return true
  }

  /** Everything up to here is done. */
  reach(gseq: number, seq?: number): void {
    this.#gseq = Math.max(this.#gseq, gseq)
    if (seq !== undefined) this.#seq = Math.max(this.#seq, seq)
  }

  goLive(): void {
    this.state = 'live'
    if (this.#hasTold) return
    this.#hasTold = true
    // It goes behind what waits, so it may name the place after that.
    this.#offer({ kind: 'live', cursor: this.#cursorOf(this.#place()) })
  }

  /** The cursor after an event, of the form this stream uses. */
  cursorAt(event: FeedEvent): string {
    return this.only === undefined
      ? event.encoded('g1', ({ gseq }) => this.#door.allCursorOf(gseq))
      : event.encoded('c1', ({ contextId, seq }) => this.#door.cursorOf(contextId, seq))
  }

  #hears(contextId: string): boolean {
    return this.contexts === 'all' || this.contexts.includes(contextId)
  }

  #pass(event: FeedEvent): void {
    this.#gseq = event.gseq
    if (this.only !== undefined) this.#seq = event.seq
  }

  #deliver(event: FeedEvent): void {
    this.#notePlace()
    this.#pass(event)
    this.#send(event)
  }

  #send(event: FeedEvent): void {
    this.#credits--
    this.#offer({ kind: 'event', n: ++this.#n, event, cursor: this.cursorAt(event) })
  }

  #offer(delivery: Delivery): void {
    this.#notePlace()
    this.#door.offer(delivery)
  }

  /** Before the first offer since the last flush: whoever resumes gets what waits once more. */
  #notePlace(): void {
    if (this.#offeredAtFlush === this.#outbox.flushes) return
    this.#offeredAtFlush = this.#outbox.flushes
    // Not the end of the log: what is offered now may be in it already.
    this.#offered = this.#beforeMissed ?? { gseq: this.#gseq, seq: this.#seq }
  }

  /** What was kept for a slow reader, the notice of what was not before it. */
  #release(): void {
    const lag = this.#slow.takeLag()
    if (lag !== null) this.#offer({ kind: 'lagged', ...lag, cursor: lag.to })
    while (this.hasRoom) {
      const event = this.#slow.shift()
      if (event === undefined) break
      this.#send(event)
      this.#beforeMissed = { gseq: event.gseq, seq: event.seq }
    }
    if (this.#slow.isEmpty) this.#beforeMissed = null
  }

  #cursorOf({ gseq, seq }: LogPlace): string {
    const { only } = this
    return only === undefined ? this.#door.allCursorOf(gseq) : this.#door.cursorOf(only, seq)
  }

  #pause(): void {
    if (this.#credits > 0) this.#pausedSinceMs ??= this.#door.nowMs()
  }
}
