import type { ServerResponse } from 'node:http'
import { EngramError } from '../../model/errors.ts'
import type { Delivery, FeedConnection, FeedEvent, FeedSubscription, SubscribeRequest } from '../../model/live-feed.ts'
import type { Context } from '../../model/live.ts'
import { eventText } from '../../protocol/event-json.ts'
import type { RouteRequest } from '../route.ts'
import { parsedUnit, unitIn, encodingOf, type Encoding } from './encoding.ts'
import { contextsOf, filterOf, fromQuery, kindsOf, listOf, subscribeAnyway, type Gone } from './stream-request.ts'
import { frameDoor, noFrame, reconnectAfterMs, type Streams } from './streams.ts'

/** How one stream writes what it delivers (COL-901, COL-902). */
type Dialect = {
  readonly request: SubscribeRequest
  readonly event: (event: FeedEvent, cursor: string) => Buffer
  readonly live: (cursor: string) => string | null
  /** Shows progress while idle; asked at every heartbeat, of which it lets all but each so many pass. */
  readonly beatsApart: number
  readonly beat: (cursor: string, serverTime: string) => string | null
}

const block = (parts: { readonly id?: string; readonly event?: string; readonly data?: unknown }): string =>
  [
    ...(parts.id === undefined ? [] : [`id: ${parts.id}\n`]),
    ...(parts.event === undefined ? [] : [`event: ${parts.event}\n`]),
    ...(parts.data === undefined ? [] : [`data: ${JSON.stringify(parts.data)}\n`]),
    '\n',
  ].join('')

/** The `/v1` stream: events by their kind. */
export function v1Dialect(request: RouteRequest): Dialect {
  const kinds = kindsOf(listOf(request, 'kinds'))
  const filter = filterOf(request)
  return {
    request: {
      contexts: contextsOf(listOf(request, 'contexts')),
      from: fromQuery(request),
      ...(kinds === undefined ? {} : { kinds }),
      ...(filter === undefined ? {} : { filter }),
    },
    event: (event, cursor) =>
      event.encoded(`sse-v1-${cursor.slice(0, 2)}`, () =>
        Buffer.from(
          `${event.gseq === 0 ? '' : `id: ${cursor}\n`}event: ${event.kind}\ndata: ${eventText(event, cursor)}\n\n`,
        ),
      ),
    live: (cursor) => block({ id: cursor, event: 'live', data: { cursor } }),
    beatsApart: 1,
    beat: (cursor, server_time) => block({ id: cursor, event: 'heartbeat', data: { cursor, server_time } }),
  }
}

/** Programs of the Go server count events, so idle progress on their stream is a block without data (COL-903). */
const seedBeats = 3

/** The un-prefixed streams: bare units, by no name or `workunit`. */
export function seedDialect(request: RouteRequest, named: 'message' | 'workunit'): Dialect {
  const given = request.query.get('event')
  const name = given === 'message' || given === 'workunit' ? given : named
  const encoding: Encoding = encodingOf(request, 'v3')
  const head = name === 'workunit' ? 'event: workunit\n' : ''
  let beats = 0
  return {
    request: {
      contexts: contextsOf(request.queryAll('context').filter((one) => one !== '')),
      from: fromQuery(request),
      kinds: ['unit.created'],
    },
    event: (event, cursor) =>
      event.encoded(`sse-${name}-${encoding}-${cursor.slice(0, 2)}`, () => {
        const data = encoding === 'v1' ? event.body : JSON.stringify(unitIn(parsedUnit(event.body), 'v3'))
        return Buffer.from(`id: ${cursor}\n${head}data: ${data}\n\n`)
      }),
    live: () => null,
    beatsApart: seedBeats,
    beat: (cursor) => (++beats % seedBeats === 0 ? `id: ${cursor}\n: still here\n\n` : null),
  }
}

const onResetOf = (request: RouteRequest): 'earliest' | 'latest' | 'fail' => {
  const given = request.query.get('on_reset')
  return given === 'latest' || given === 'fail' ? given : 'earliest'
}

/** One stream from its first byte to its last. What it throws before the first is answered as any failure. */
export async function serveEvents(
  streams: Streams,
  dialect: Dialect,
  request: RouteRequest,
  outgoing: ServerResponse,
  requestId: string,
): Promise<void> {
  const left = streams.admit('sse')
  const { options } = streams
  try {
    const feed = await options.feed()
    if (outgoing.destroyed) return left()
    const held: { connection?: FeedConnection; subscription?: FeedSubscription } = {}
    const connection = feed.connect(sseDoor(streams, outgoing, held))
    held.connection = connection
    const frameOf = framesOf(streams, dialect)
    const { subscription, gone } = await subscribeAnyway(
      (wanted) => connection.subscribe(wanted, frameOf),
      { ...dialect.request, maxPauseMs: options.settings.maxPauseMs },
      onResetOf(request),
    ).catch((error: unknown) => {
      connection.close()
      throw error
    })
    held.subscription = subscription
    const stopBeat = streams.onBeat(() => {
      const text = dialect.beat(subscription.cursor, streams.nowText())
      if (text !== null && connection.waitingBytes === 0) connection.send(text)
    })
    const ended = (): void => {
      stopBeat()
      connection.close()
      left()
    }
    outgoing.once('close', ended)
    if (outgoing.destroyed) return ended()
    const context = await onlyContext(streams, dialect.request)
    if (gone === null && isOver(context, dialect.request, subscription)) {
      outgoing.writeHead(204, { 'X-Request-Id': requestId }).end()
      return
    }
    begin(outgoing, requestId)
    if (gone !== null) options.watch.reset(gone.reason)
    const bounds = boundsOf(context, subscription)
    connection.send(firstBlocks(streams, dialect, subscription, { gone, bounds }))
    subscription.start()
  } catch (error) {
    left()
    throw error
  }
}

/** The one context a stream is about, where there is one and it exists. */
async function onlyContext(streams: Streams, { contexts }: SubscribeRequest): Promise<Context | null> {
  const [id, ...more] = contexts
  if (contexts === 'all' || id === undefined || more.length > 0) return null
  try {
    return (await streams.options.caller.call('context.get', { id })).context
  } catch (error) {
    if (error instanceof EngramError && error.row.http < 500) return null
    throw error
  }
}

/** The end of an archived context: nothing will come, so the client is told not to come back (COL-905). */
function isOver(context: Context | null, { from }: SubscribeRequest, { cursor }: FeedSubscription): boolean {
  if (context?.status !== 'archived' || typeof from !== 'string' || from === 'now') return false
  return Number.parseInt(cursor.slice(-16), 16) >= context.last_seq
}

/** The first place that misses nothing that is kept, and the last, as cursors of the same form as the stream's. */
function boundsOf(context: Context | null, { cursor }: FeedSubscription): object {
  if (context === null || !cursor.startsWith('c1_')) return {}
  const at = (seq: number): string => cursor.slice(0, -16) + seq.toString(16).padStart(16, '0')
  return { earliest: at(Math.max(0, context.earliest_seq - 1)), latest: at(context.last_seq) }
}

function begin(outgoing: ServerResponse, requestId: string): void {
  outgoing.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'X-Accel-Buffering': 'no',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
  })
  outgoing.socket?.setTimeout(0)
  outgoing.socket?.setNoDelay(true)
}

function firstBlocks(
  streams: Streams,
  { request: { from }, beatsApart }: Dialect,
  { cursor }: FeedSubscription,
  { gone, bounds }: { readonly gone: Gone | null; readonly bounds: object },
): string {
  const resumed = from !== undefined && from !== 'now' && gone === null
  const { newId, settings } = streams.options
  const times = { server_time: streams.nowText(), heartbeat_ms: settings.heartbeatMs * beatsApart }
  const connected = { client_id: newId(), resumed, cursor, ...bounds, ...times }
  return [
    ': engram\n\n',
    'retry: 1000\n\n',
    block({ id: cursor, event: 'connected', data: connected }),
    ...(gone === null ? [] : [block({ id: cursor, event: 'reset', data: gone })]),
  ].join('')
}

function framesOf(streams: Streams, dialect: Dialect): (delivery: Delivery) => Buffer | string | null {
  const { watch } = streams.options
  return (delivery) => {
    switch (delivery.kind) {
      case 'event':
        watch.published('sse')
        return dialect.event(delivery.event, delivery.cursor)
      case 'live':
        return dialect.live(delivery.cursor)
      case 'lagged': {
        const { from, to, count, cursor } = delivery
        watch.lagged('sse', count)
        return block({ id: cursor, event: 'lagged', data: { from, to, count } })
      }
    }
  }
}

type Held = { readonly connection?: FeedConnection; readonly subscription?: FeedSubscription }

const sseDoor = (streams: Streams, outgoing: ServerResponse, held: Held) =>
  frameDoor({
    write: (bytes, taken) => void outgoing.write(bytes, taken),
    last: (reason) => {
      streams.options.watch.left('sse', reason)
      const cursor = held.subscription?.cursor ?? ''
      return Buffer.from(block({ event: 'goaway', data: { cursor, reason, reconnect_after_ms: reconnectAfterMs } }))
    },
    end: () => void outgoing.end(),
    cut: () => void outgoing.destroy(),
    kick: () => held.connection?.send(noFrame),
  })
