import type { EventKind, LiveKind, Lock, Meta, WorkUnitType } from './live.ts'

/**
 * What faces that stream speak to (COL-1101 … COL-1106). A subscription is a cursor, not a queue.
 *
 * - Every event of the filter after `from`, once, in order, or a delivery that says otherwise.
 * - Bounded: what a connection has not taken stands in its outbox, 1 MiB and 1,000 frames at most. When it is full, reading
 *   for it stops; when it is half empty, reading goes on from the log.
 */
export interface LiveFeed {
  readonly epoch: number
  connect(door: FrameDoor): FeedConnection
  /** The same for a program in this process: pulling is its back-pressure. Ends with the signal or a `goaway`. */
  follow(request: SubscribeRequest, signal?: AbortSignal): AsyncIterable<Delivery>
  /** Sends a live-only event to whoever listens now and asked for its kind. */
  announce(event: Announcement): void
  /** Tells every connection to go away; resolves when their outboxes are empty or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
  close(): Promise<void>
}

/** One piece of a socket: a whole text frame or SSE block. Text, or its UTF-8 bytes. */
export type Frame = string | Uint8Array

/** The socket's side of an outbox. */
export type FrameDoor = {
  /** Writes the frames in order, as one piece where it can, and calls `taken` when the socket has taken all of them. */
  write(frames: readonly Frame[], taken: () => void): void
  /** The connection must end: say so in the face's own way, with the cursors of its subscriptions, and close it. */
  leave(reason: LeaveReason): void
}

/** `too_slow`: paused longer than allowed, or its policy is `disconnect` · `draining`: the server stops. */
export type LeaveReason = 'too_slow' | 'draining'

/** One connection and its outbox, which all its frames go through. */
export interface FeedConnection {
  /** Resolves when the position is fixed. Rejects: invalid_cursor, cursor_gone with `{reason, earliest, latest}`. */
  subscribe(request: SubscribeRequest, frameOf: (delivery: Delivery) => Frame | null): Promise<FeedSubscription>
  /** A frame of the face's own (answers, heartbeats): goes before events that wait, at the end of this turn. */
  send(frame: Frame): void
  /** Gives the socket at once what was sent: before it is closed. */
  flush(): void
  /** Bytes that wait for the socket. */
  readonly waitingBytes: number
  close(): void
}

export interface FeedSubscription {
  /** Where it stands, also past events its filter left out: for heartbeats and resuming. */
  readonly cursor: string
  readonly isLive: boolean
  /** Deliveries begin; call it once what answers the subscriber is sent. */
  start(): void
  /** Allows `n` more events, for subscriptions made with `credits`. */
  credit(n: number): void
  /** Replaces the contexts it hears of, from now on. */
  setContexts(contexts: readonly string[] | 'all'): void
  end(): void
}

/** `{last: 5}` begins five matching events before the end; `since` is milliseconds since 1970. */
export type From = string | { readonly last: number } | { readonly sinceMs: number }

export type SubscribeRequest = {
  readonly contexts: readonly string[] | 'all'
  /** A cursor, `begin` (`-1`, `0`) or `now` (`$`); `now` when left out. */
  readonly from?: From
  /** All logged kinds when left out; live-only ones must be named. */
  readonly kinds?: readonly EventKind[]
  readonly filter?: FeedFilter
  readonly policy?: FeedPolicy
  /** Events allowed before `credit` is called; no bound when left out. */
  readonly credits?: number
  /** How long a subscriber may stand still before it has to go; 300 s when left out. */
  readonly maxPauseMs?: number
}

export type FeedFilter = {
  readonly types?: readonly WorkUnitType[]
  readonly agents?: readonly string[]
  readonly meta?: Meta
}

/** What happens to a subscriber that reads too slowly (COL-1103). */
export type FeedPolicy =
  | { readonly kind: 'pause' }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'drop' }
  /** The latest event per value of a meta field of units. */
  | { readonly kind: 'conflate'; readonly metaKey: string }

export type Delivery =
  | { readonly kind: 'event'; readonly n: number; readonly event: FeedEvent; readonly cursor: string }
  /** The backlog is sent. */
  | { readonly kind: 'live'; readonly cursor: string }
  /** `count` matching events between the two cursors were left out by the policy. */
  | {
      readonly kind: 'lagged'
      readonly from: string
      readonly to: string
      readonly count: number
      readonly cursor: string
    }

/** An event on its way to many: what each encoding makes of it is made once. */
export interface FeedEvent {
  readonly kind: EventKind
  readonly contextId: string
  /** 0 for live-only events, as `gseq`. */
  readonly seq: number
  readonly gseq: number
  readonly tsMs: number
  readonly agentId: string
  readonly unitType: WorkUnitType | null
  /** `/v1` JSON as stored: the unit of `unit.created`, else the event's `data`. */
  readonly body: string
  /** What `make` gives, made at the first call with this name. */
  encoded<T>(name: string, make: (event: FeedEvent) => T): T
}

/** A live-only event. */
export type Announcement = {
  readonly kind: LiveKind
  readonly contextId: string
  readonly agentId: string
  readonly lock: Lock
}
