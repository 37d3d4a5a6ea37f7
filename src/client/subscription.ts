import { EngramError } from '../model/errors.ts'
import type { LiveEvent } from '../model/live.ts'
import { fromWire } from '../protocol/member-names.ts'
import { pause } from './http.ts'
import type { ClientEvent } from './records.ts'
import { jittered, nowMs } from './surroundings.ts'

/** Where a stream begins: a cursor, `now`, `begin`, or the last so many events. */
export type StartAt = string | { readonly last: number } | { readonly since: string }

/** What a transport tells of one connection. */
export type Heard =
  | { readonly kind: 'event'; readonly event: LiveEvent }
  /** Nothing new, but the place moved. */
  | { readonly kind: 'progress'; readonly cursor: string }
  | { readonly kind: 'live'; readonly cursor: string }
  | { readonly kind: 'reset'; readonly reason: string; readonly cursor: string }
  | { readonly kind: 'lagged'; readonly count: number; readonly cursor: string }

/**
 * One connection: calls `ready` when its position is fixed, then `hear` for what comes, and resolves when it is over.
 * Rejects when it could not be made. `hear` resolves when there is room for more.
 */
export type Transport = (options: {
  readonly from: StartAt
  readonly signal: AbortSignal
  readonly ready: (cursor: string) => void
  readonly hear: (heard: Heard) => Promise<void>
}) => Promise<void>

export type Subscription = {
  readonly events: AsyncIterable<ClientEvent>
  /** The place after the last event that was given out, and what passed the filter by behind it: never beyond one that still waits to be read. */
  readonly cursor: string
  close(): void
}

/** How often the server shows that it lives, until it says so itself; nothing for so many of them is a dead connection. */
export const heartbeatMsDefault = 5_000
export const silentBeatsMax = 3

/** Events that wait for a program that does not read; then reading from the socket stops (COL-2204). */
const bufferMax = 256
const firstPauseMs = 100
const pauseMsMax = 5_000

/**
 * A stream that mends itself: after every cut it goes on from the last cursor, so that events come in order and once.
 * Resolves when the position is fixed: what commits afterwards is delivered.
 */
export async function subscribed(transport: Transport, wish: SubscribeWish): Promise<Subscription> {
  const ended = new AbortController()
  const signal = wish.signal === undefined ? ended.signal : AbortSignal.any([ended.signal, wish.signal])
  const inbox = boundedInbox(signal)
  const place: Place = { from: wish.from, cursor: '' }
  await new Promise<void>((resolve, reject) => {
    const giveUpAtMs = nowMs() + wish.firstMs
    void keepConnected(transport, place, inbox, { signal, giveUpAtMs, fixed: resolve }).then(
      () => inbox.end(),
      (error: unknown) => {
        inbox.fail(error)
        reject(error)
      },
    )
  })
  return {
    events: inbox.events,
    get cursor() {
      return inbox.given
    },
    close: () => ended.abort(),
  }
}

export type SubscribeWish = {
  readonly from: StartAt
  /** How long the first connection may take; those after it are tried for as long as it takes. */
  readonly firstMs: number
  readonly signal?: AbortSignal
}

/** What was heard so far, and where the next connection begins. */
type Place = { from: StartAt; cursor: string }
type Keeping = { readonly signal: AbortSignal; readonly giveUpAtMs: number; readonly fixed: () => void }

async function keepConnected(
  transport: Transport,
  place: Place,
  inbox: Inbox,
  { signal, giveUpAtMs, fixed }: Keeping,
): Promise<void> {
  let pauseMs = firstPauseMs
  let isFixed = false
  while (!signal.aborted) {
    try {
      await transport({
        from: place.from,
        signal,
        ready: (cursor) => {
          pauseMs = firstPauseMs
          isFixed = true
          moveTo(place, cursor)
          inbox.passBy(place.cursor)
          fixed()
        },
        hear: (heard) => take(heard, place, inbox),
      })
      if (!isFixed && nowMs() > giveUpAtMs) throw new EngramError('offline', 'Every connection ended before it began.')
    } catch (error) {
      if (signal.aborted) break
      const isFinal = error instanceof EngramError && !error.row.retryable
      if (isFinal || (!isFixed && nowMs() > giveUpAtMs)) throw error
    }
    await pause(jittered(pauseMs), signal).catch(() => undefined)
    pauseMs = Math.min(pauseMs * 2, pauseMsMax)
  }
  fixed()
}

async function take(heard: Heard, place: Place, inbox: Inbox): Promise<void> {
  const about = { contextId: '', seq: 0, ts: '', agentId: '' }
  switch (heard.kind) {
    case 'progress':
      moveTo(place, heard.cursor)
      return inbox.passBy(place.cursor)
    case 'live':
      moveTo(place, heard.cursor)
      return inbox.put({ ...about, kind: 'stream.live', cursor: heard.cursor })
    case 'lagged':
      moveTo(place, heard.cursor)
      return inbox.put({ ...about, kind: 'stream.lagged', cursor: heard.cursor, count: heard.count })
    case 'reset':
      // The old place is gone, so this one counts, although it is before it.
      place.cursor = heard.cursor
      place.from = heard.cursor
      return inbox.put({ ...about, kind: 'stream.reset', cursor: heard.cursor, reason: heard.reason })
    case 'event': {
      const { event } = heard
      if (event.cursor !== undefined && !isAfter(event.cursor, place.cursor)) return
      if (event.cursor !== undefined) moveTo(place, event.cursor)
      const { data, ...rest } = fromWire<{ readonly data: object } & Omit<ClientEvent, 'unit'>>(event)
      return inbox.put({ ...rest, seq: rest.seq ?? 0, cursor: event.cursor ?? place.cursor, ...data })
    }
  }
}

/** Cursors of one kind and epoch have the order of the log; of others nothing is known. */
const isAfter = (cursor: string, last: string): boolean => cursor.slice(0, -16) !== last.slice(0, -16) || cursor > last

function moveTo(place: Place, cursor: string): void {
  if (cursor === '' || !isAfter(cursor, place.cursor)) return
  place.cursor = cursor
  place.from = cursor
}

type Inbox = {
  readonly events: AsyncIterable<ClientEvent>
  /** The place behind what was given out. */
  readonly given: string
  /** Resolves when there is room again. */
  put(event: ClientEvent): Promise<void>
  /** Nothing to give out up to here. */
  passBy(cursor: string): void
  fail(error: unknown): void
  end(): void
}

type Waiting = { readonly event: ClientEvent; place: string }

function boundedInbox(signal: AbortSignal): Inbox {
  const waiting: Waiting[] = []
  let given = ''
  let [wake, room] = [(): void => undefined, (): void => undefined]
  let failure: { readonly error: unknown } | null = null
  let isOver = false
  signal.addEventListener('abort', () => {
    wake()
    room()
  })
  async function* read(): AsyncGenerator<ClientEvent> {
    while (!signal.aborted) {
      const next = waiting.shift()
      if (next !== undefined) {
        given = next.place
        if (waiting.length * 2 <= bufferMax) room()
        yield next.event
      } else if (failure !== null) throw failure.error
      else if (isOver) return
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return {
    events: { [Symbol.asyncIterator]: read },
    get given() {
      return given
    },
    put: async (event) => {
      waiting.push({ event, place: event.cursor })
      wake()
      if (waiting.length >= bufferMax && !signal.aborted) await new Promise<void>((resolve) => (room = resolve))
    },
    passBy: (cursor) => {
      const last = waiting.at(-1)
      if (last === undefined) given = cursor
      else last.place = cursor
    },
    fail: (error) => {
      failure = { error }
      wake()
    },
    end: () => {
      isOver = true
      wake()
    },
  }
}
