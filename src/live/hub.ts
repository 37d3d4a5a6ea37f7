import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type {
  Announcement,
  Delivery,
  FeedConnection,
  FeedSubscription,
  Frame,
  FrameDoor,
  LeaveReason,
  LiveFeed,
  SubscribeRequest,
} from '../model/live-feed.ts'
import type { LogStore, StoredEvent } from '../model/log-store.ts'
import type { Clock } from '../platform/clock.ts'
import { atEndOfTurn } from '../platform/end-of-turn.ts'
import { every, type Every } from '../platform/every.ts'
import { allCursor } from '../protocol/cursor.ts'
import { announcedEvent, feedEvent } from './feed-event.ts'
import { follow } from './follow.ts'
import { Hearers } from './hearers.ts'
import { lookAgainMs, News, pageBytesMax } from './news.ts'
import type { OpenConnection, OpenDoor } from './open-connection.ts'
import { Outbox } from './outbox.ts'
import { Ring } from './ring.ts'
import { Subscription, type SubscriptionDoor } from './subscription.ts'

export type HubOptions = {
  readonly log: LogStore
  readonly clock: Clock
  /** Told of failures nobody waits for. */
  readonly failed?: (error: unknown) => void
}

/** Slow subscribers are looked for so often, and the end of the log is, should a hint have been lost. */
const lookMs = 1_000
/** One connection as the hub sees it. */
type Connection = {
  isDirty: boolean
  readonly subscriptions: Set<Subscription>
  readonly flush: () => void
  readonly leave: (reason: LeaveReason) => void
  readonly emptied: () => Promise<void>
  readonly close: () => void
}

/**
 * Who hears of what (COL-1101). The end of the log is read once for everybody who keeps up; who does not reads the log for
 * himself, in turn with the others, and joins at the end: no gap, no repeat.
 */
export class Hub implements LiveFeed {
  readonly #options: HubOptions
  readonly #ring = new Ring(limits.feedRingEvents)
  readonly #connections = new Set<Connection>()
  readonly #hearers = new Hearers()
  readonly #news: News
  /** Those with frames that were not given to their sockets yet. */
  #dirty: Connection[] = []
  #isFlushDue = false
  #behind: Subscription[] = []
  #count = 0
  #looking: Every | null = null
  #isCatchingUp = false
  #isClosed = false

  constructor(options: HubOptions) {
    this.#options = options
    this.#news = new News({
      log: options.log,
      clock: options.clock,
      head: () => this.#ring.head,
      tell: (events, head) => this.#tell(events, head),
      failed: (error) => this.#failed(error),
    })
  }

  get epoch(): number {
    return this.#options.log.epoch
  }

  /** Subscriptions that are open. */
  get subscriptions(): number {
    return this.#count
  }

  connect(door: FrameDoor): FeedConnection {
    return this.open<Frame>(door, (frame) => (typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength))
  }

  /** A connection whose frames are of any kind. */
  open<F>(door: OpenDoor<F>, bytesOf: (frame: F) => number): OpenConnection<F> {
    const subscriptions = new Set<Subscription>()
    const outbox = new Outbox<F>({
      door,
      bytesOf,
      bytesMax: limits.outboxBytesMax,
      framesMax: limits.outboxFramesMax,
      onRoom: () => {
        for (const subscription of subscriptions) subscription.room()
        this.#flush()
      },
    })
    let hasLeft = false
    const connection: Connection = {
      isDirty: false,
      subscriptions,
      flush: () => outbox.flush(),
      leave: (reason) => {
        if (!hasLeft) door.leave(reason)
        hasLeft = true
      },
      emptied: () => outbox.emptied(),
      close: () => {
        for (const subscription of subscriptions) subscription.end()
        outbox.close()
        this.#connections.delete(connection)
      },
    }
    this.#connections.add(connection)
    // Not at once: whoever connects does not hold the connection yet.
    if (this.#isClosed) queueMicrotask(() => connection.leave('draining'))
    return {
      subscribe: (request, frameOf) => this.#subscribe(connection, outbox, request, frameOf),
      send: (frame) => {
        outbox.first(frame)
        this.#flushSoon(connection)
      },
      flush: () => outbox.flush(),
      get waitingBytes() {
        return outbox.bytes
      },
      close: connection.close,
    }
  }

  follow(request: SubscribeRequest, signal?: AbortSignal): AsyncIterable<Delivery> {
    return follow(this, request, signal)
  }

  announce(told: Announcement): void {
    if (this.#count === 0) return
    const event = announcedEvent(told, this.#options.clock.nowMs())
    for (const subscription of this.#hearers.of(event)) subscription.overhear(event)
    this.#flush()
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#isClosed = true
    const leaving = [...this.#connections]
    for (const connection of leaving) connection.leave('draining')
    const late = new AbortController()
    await Promise.race([
      Promise.all(leaving.map((connection) => connection.emptied())),
      this.#options.clock.sleep(timeoutMs, late.signal).catch(() => undefined),
    ])
    late.abort()
  }

  close(): Promise<void> {
    this.#isClosed = true
    for (const connection of this.#connections) connection.close()
    this.#stopWatching()
    return Promise.resolve()
  }

  async #subscribe<F>(
    connection: Connection,
    outbox: Outbox<F>,
    request: SubscribeRequest,
    frameOf: (delivery: Delivery) => F | null,
  ): Promise<FeedSubscription> {
    const { log, clock } = this.#options
    const place = await log.place(request.contexts, request.from ?? 'now')
    const door: SubscriptionDoor = {
      cursorOf: (contextId, seq) => log.cursorOf(contextId, seq),
      allCursorOf: (gseq) => allCursor(log.epoch, gseq),
      head: () => this.#ring.head,
      outbox,
      offer: (delivery) => {
        const frame = frameOf(delivery)
        if (frame === null) return
        outbox.offer(frame)
        this.#note(connection)
      },
      nowMs: () => clock.monotonicMs(),
      wantsReading: (subscription) => this.#readFor(subscription),
      contextsChanged: (subscription) => this.#reindex(subscription),
      leave: () => connection.leave('too_slow'),
      ended: (subscription) => this.#forget(connection, subscription),
    }
    if (this.#count === 0) await this.#begin()
    if (!this.#connections.has(connection)) throw new EngramError('aborted', 'The connection was closed.')
    const subscription = new Subscription(door, request, place)
    connection.subscriptions.add(subscription)
    this.#count++
    this.#hearers.add(subscription)
    if (this.#isClosed) subscription.end()
    return subscription
  }

  /** The first subscription: what happens from here on is read once for all. */
  async #begin(): Promise<void> {
    const { latest } = await this.#options.log.bounds()
    if (this.#news.isOpen || this.#isClosed) return
    this.#ring.reset(latest)
    this.#news.open()
    this.#looking = every(lookMs, () => {
      this.#dismissSlow()
      this.#news.hint()
    })
  }

  #forget(connection: Connection, subscription: Subscription): void {
    connection.subscriptions.delete(subscription)
    this.#hearers.remove(subscription)
    this.#behind = this.#behind.filter((one) => one !== subscription)
    this.#count--
    if (this.#count === 0) this.#stopWatching()
  }

  #stopWatching(): void {
    this.#news.close()
    this.#looking?.stop()
    this.#looking = null
    this.#ring.reset(this.#ring.head)
  }

  /** From the end of what it heard it goes on with its new contexts. */
  #reindex(subscription: Subscription): void {
    this.#hearers.remove(subscription)
    this.#hearers.add(subscription)
    if (subscription.state === 'new') return
    subscription.state = 'behind'
    this.#readFor(subscription)
  }

  #tell(stored: readonly StoredEvent[], head: number): void {
    const events = stored.map(feedEvent)
    this.#ring.add(events, head)
    // One event goes to each socket at once, while what is known of it is at hand; several go as one piece.
    const isAlone = events.length === 1
    for (const event of events) {
      for (const subscription of this.#hearers.of(event)) {
        if (subscription.isLive) subscription.hear(event)
        if (isAlone) this.#flush()
      }
    }
    this.#flush()
  }

  #readFor(subscription: Subscription): void {
    if (!this.#behind.includes(subscription)) this.#behind.push(subscription)
    if (!this.#isCatchingUp) void this.#catchUp()
  }

  /** One page for each that is behind, in turn, so that nobody waits for another's backlog. */
  async #catchUp(): Promise<void> {
    this.#isCatchingUp = true
    for (let next = this.#behind.shift(); next !== undefined; next = this.#behind.shift()) {
      try {
        await this.#step(next)
        if (next.state === 'behind' && next.hasRoom) this.#behind.push(next)
      } catch (error) {
        this.#failed(error)
        await this.#options.clock.sleep(lookAgainMs)
        if (next.state === 'behind') this.#behind.push(next)
      }
      this.#flush()
      await nextTurn()
    }
    this.#isCatchingUp = false
  }

  async #step(subscription: Subscription): Promise<void> {
    if (subscription.state !== 'behind') return
    if (subscription.gseq >= this.#ring.start) return this.#join(subscription)
    const { only, wish } = subscription
    const headBefore = this.#ring.head
    const page = await this.#options.log.read({
      contexts: subscription.readContexts,
      from: only === undefined ? subscription.gseq : subscription.seq,
      limit: limits.feedPageEvents,
      bytesMax: pageBytesMax,
    })
    if (subscription.state !== 'behind' || subscription.wish !== wish) return
    if (!subscription.take(page.events.map(feedEvent))) return
    if (only === undefined) subscription.reach(page.next)
    // Everything this context had before the page was read is done: what the ring holds up to then is, too.
    else subscription.reach(page.isAtEnd ? headBefore : subscription.gseq, page.next)
    if (subscription.gseq >= this.#ring.start) this.#join(subscription)
  }

  /** The rest is in the ring: taken in one go, so that nothing can come in between. */
  #join(subscription: Subscription): void {
    if (!subscription.take(this.#ring.after(subscription.gseq))) return
    subscription.reach(this.#ring.head)
    subscription.goLive()
  }

  #dismissSlow(): void {
    for (const connection of this.#connections) {
      const isTooSlow = [...connection.subscriptions].some((one) => one.pausedMs() > one.maxPauseMs)
      if (isTooSlow) connection.leave('too_slow')
    }
  }

  #note(connection: Connection): void {
    if (!connection.isDirty) this.#dirty.push(connection)
    connection.isDirty = true
  }

  /** Answers to calls that shared one commit come in one turn, and leave as one piece. */
  #flushSoon(connection: Connection): void {
    this.#note(connection)
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    atEndOfTurn(() => {
      this.#isFlushDue = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const connection of dirty) {
      connection.isDirty = false
      connection.flush()
    }
  }

  #failed(error: unknown): void {
    this.#options.failed?.(error)
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
