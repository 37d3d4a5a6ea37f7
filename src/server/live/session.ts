import type { Caller } from '../../api/caller.ts'
import { EngramError, toEngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import type { Delivery, FeedEvent, FeedPolicy, FeedSubscription, LiveFeed } from '../../model/live-feed.ts'
import { eventText } from '../../protocol/event-json.ts'
import {
  clientFrame,
  closeCodes,
  frameText,
  type ClientFrame,
  type FrameId,
  type ServerFrame,
} from '../../protocol/frames.ts'
import { isDeeper } from '../json-body.ts'
import { sessionCall, type CallGuards } from './session-call.ts'
import { messageGate } from './message-gate.ts'
import { openSocket, type OpenSocket } from './open-socket.ts'
import { textFrame, textFrameOf } from './socket-frame.ts'
import { contextsOf, fromGiven, goneOf, typesOf } from './stream-request.ts'
import { reconnectAfterMs, type Streams } from './streams.ts'
import { sameText } from '../../platform/bytes.ts'
import type { Arrived } from './arrived.ts'

/**
 * A session of the subprotocol `engram.v1` (COL-803 … COL-809):
 *
 *     opened ──hello──▶ greeted ──subscribe, call, ping …──▶ closed
 *        └─ 10 s, or another frame first ──▶ 4400
 */
export type SessionDoors = {
  readonly caller: Caller
  readonly streams: Streams
  readonly token: () => string | undefined
  readonly guardAll: boolean
  /** What each operation's own route asks of its caller. */
  readonly guards: CallGuards
}

type Session = {
  readonly doors: SessionDoors
  readonly open: OpenSocket
  readonly subscriptions: Map<string, FeedSubscription | null>
  calls: number
  isGreeted: boolean
  isTrusted: boolean
  agentId: string | undefined
}

const helloMsMax = 10_000

export function serveSession(doors: SessionDoors, feed: LiveFeed, arrived: Arrived): void {
  const mayRead = messageGate(doors.streams)
  const subscriptions: Session['subscriptions'] = new Map()
  const open = openSocket({
    streams: doors.streams,
    feed,
    socket: arrived.socket,
    raw: arrived.raw,
    lastWord: (reason) =>
      frameText({
        op: 'goaway',
        reason,
        reconnect_after_ms: reconnectAfterMs,
        cursors: cursorsOf(subscriptions),
      }),
    beat: () =>
      open.send(frameText({ op: 'heartbeat', subs: cursorsOf(subscriptions), server_time: doors.streams.nowText() })),
    onBinary: () => fail(session, undefined, new EngramError('invalid_request', 'Expected frames of text.')),
    onText: (text) => {
      if (mayRead()) return hear(session, feed, text)
      fail(session, undefined, new EngramError('rate_limited', 'Too many messages.'))
      open.close(closeCodes.policy, 'rate_limited')
    },
    onClose: () => {
      clearTimeout(hello)
      arrived.left()
    },
  })
  const session: Session = {
    doors,
    open,
    subscriptions,
    calls: 0,
    isGreeted: false,
    isTrusted: arrived.isTrusted,
    agentId: undefined,
  }
  const hello = setTimeout(() => {
    if (!session.isGreeted) open.close(closeCodes.protocol, 'expected hello')
  }, helloMsMax)
  hello.unref()
}

const cursorsOf = (subscriptions: Session['subscriptions']): Readonly<Record<string, string>> =>
  Object.fromEntries([...subscriptions].flatMap(([sub, one]) => (one === null ? [] : [[sub, one.cursor] as const])))

function hear(session: Session, feed: LiveFeed, text: string): void {
  const frame = parsed(text)
  if (frame instanceof EngramError) {
    fail(session, idIn(text), frame)
    if (!session.isGreeted) session.open.close(closeCodes.protocol, 'expected hello')
    return
  }
  if (!session.isGreeted && frame.op !== 'hello') return session.open.close(closeCodes.protocol, 'expected hello')
  void answer(session, feed, frame).catch((error: unknown) => fail(session, frame.id, toEngramError(error)))
}

function parsed(text: string): ClientFrame | EngramError {
  if (isDeeper(text, limits.httpJsonDepthMax)) {
    return new EngramError('invalid_request', `Expected JSON of at most ${limits.httpJsonDepthMax} levels.`)
  }
  const result = clientFrame.safeParse(jsonOf(text))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.path.join('.') ?? ''
  return new EngramError('invalid_request', `${path === '' ? 'The frame' : path}: ${issue?.message ?? 'does not fit'}`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The id of a frame that is otherwise none, so that its sender gets its answer. */
function idIn(text: string): FrameId | undefined {
  if (isDeeper(text, limits.httpJsonDepthMax)) return undefined
  const frame = jsonOf(text)
  const id = typeof frame === 'object' && frame !== null && 'id' in frame ? frame.id : undefined
  return typeof id === 'number' || (typeof id === 'string' && id.length <= 128) ? id : undefined
}

async function answer(session: Session, feed: LiveFeed, frame: ClientFrame): Promise<void> {
  const { open, subscriptions } = session
  switch (frame.op) {
    case 'hello':
      return greet(session, feed, frame)
    case 'ping':
      return reply(session, { op: 'pong', ...(frame.id === undefined ? {} : { id: frame.id }) })
    case 'subscribe':
      return subscribe(session, frame)
    case 'unsubscribe':
      known(subscriptions, frame.sub).end()
      subscriptions.delete(frame.sub)
      return done(session, frame.id, {})
    case 'credit':
      known(subscriptions, frame.sub).credit(frame.n)
      return done(session, frame.id, {})
    case 'call': {
      if (session.calls >= limits.socketCallsMax) throw new EngramError('overloaded', 'Too many calls at once.')
      session.calls++
      try {
        const { doors, agentId, isTrusted } = session
        done(session, frame.id, await sessionCall(doors, frame, { agentId, isTrusted, signal: open.signal }))
      } finally {
        session.calls--
      }
    }
  }
}

function known(subscriptions: Session['subscriptions'], sub: string): FeedSubscription {
  const subscription = subscriptions.get(sub)
  if (subscription == null) throw new EngramError('invalid_request', `There is no subscription ${JSON.stringify(sub)}.`)
  return subscription
}

function greet(session: Session, feed: LiveFeed, frame: Extract<ClientFrame, { op: 'hello' }>): void {
  const { doors, open } = session
  const token = doors.token()
  if (frame.token !== undefined && token !== undefined) session.isTrusted = sameText(frame.token, token)
  if (doors.guardAll && !session.isTrusted) {
    fail(session, frame.id, new EngramError('unauthorized', 'Expected the token of this server.'))
    return open.close(closeCodes.unauthenticated, 'unauthorized')
  }
  session.isGreeted = true
  session.agentId = frame.agent_id
  reply(session, {
    op: 'welcome',
    ...(frame.id === undefined ? {} : { id: frame.id }),
    client_id: doors.streams.options.newId(),
    epoch: feed.epoch,
    server_time: doors.streams.nowText(),
    heartbeat_ms: doors.streams.options.settings.heartbeatMs,
    limits: {
      frame_bytes: limits.socketFrameBytesMax,
      subscriptions: limits.connectionSubscriptionsMax,
      calls: limits.socketCallsMax,
    },
  })
  if (frame.id !== undefined) done(session, frame.id, {})
}

async function subscribe(session: Session, frame: Extract<ClientFrame, { op: 'subscribe' }>): Promise<void> {
  const { open, subscriptions, doors } = session
  const { sub } = frame
  if (subscriptions.has(sub))
    throw new EngramError('conflict', `There is a subscription ${JSON.stringify(sub)} already.`)
  if (subscriptions.size >= limits.connectionSubscriptionsMax) {
    throw new EngramError('invalid_request', `Expected at most ${limits.connectionSubscriptionsMax} subscriptions.`)
  }
  subscriptions.set(sub, null)
  try {
    const { types, agents, meta } = frame.filter ?? {}
    const subscription = await open.connection.subscribe(
      {
        contexts: frame.contexts === '*' ? 'all' : contextsGiven(frame.contexts),
        from: fromGiven(frame.from),
        maxPauseMs: doors.streams.options.settings.maxPauseMs,
        ...(frame.kinds === undefined ? {} : { kinds: frame.kinds }),
        ...(frame.filter === undefined
          ? {}
          : {
              filter: {
                ...(types === undefined ? {} : { types: typesOf(types) }),
                ...(agents === undefined ? {} : { agents }),
                ...(meta === undefined ? {} : { meta }),
              },
            }),
        ...(frame.policy === undefined ? {} : { policy: policyOf(frame.policy) }),
        ...(frame.credits === undefined ? {} : { credits: frame.credits }),
      },
      frameOf(doors.streams, sub),
    )
    subscriptions.set(sub, subscription)
    done(session, frame.id, { sub, cursor: subscription.cursor })
    subscription.start()
  } catch (error) {
    subscriptions.delete(sub)
    const gone = goneOf(error)
    if (gone !== null) {
      doors.streams.options.watch.reset(gone.reason)
      reply(session, { op: 'reset', sub, ...gone })
    }
    throw error
  }
}

/** An empty list is nothing, not everything. */
const contextsGiven = (ids: readonly string[]): readonly string[] | 'all' => (ids.length === 0 ? [] : contextsOf(ids))

const policyOf = (policy: NonNullable<Extract<ClientFrame, { op: 'subscribe' }>['policy']>): FeedPolicy =>
  typeof policy === 'string' ? { kind: policy } : { kind: 'conflate', metaKey: policy.conflate.meta }

function frameOf(streams: Streams, sub: string): (delivery: Delivery) => Buffer {
  const name = JSON.stringify(sub)
  const { watch } = streams.options
  return (delivery) => {
    switch (delivery.kind) {
      case 'event':
        watch.published('websocket')
        return eventFrame(streams, `{"op":"event","sub":${name},"n":${delivery.n},`, delivery.event, delivery.cursor)
      case 'live':
        return textFrameOf(frameText({ op: 'live', sub, cursor: delivery.cursor }))
      case 'lagged': {
        const { from, to, count, cursor } = delivery
        watch.lagged('websocket', count)
        return textFrameOf(frameText({ op: 'lagged', sub, from, to, count, cursor }))
      }
    }
  }
}

/**
 * The event's own text is made once for all and kept with it. Subscribers who count alike share the whole frame; that one is kept
 * only until the next, since it is as large again.
 */
function eventFrame(streams: Streams, head: string, event: FeedEvent, cursor: string): Buffer {
  const { last } = streams
  if (last !== null && last.event === event && last.head === head && last.cursor === cursor) return last.frame
  const tail = event.encoded(`ws-v1-${cursor.slice(0, 2)}`, () => {
    streams.options.watch.delayed(streams.options.nowMs() - event.tsMs)
    return Buffer.from(eventText(event, cursor).slice(1))
  })
  const frame = textFrame(Buffer.from(head), tail)
  streams.last = { event, head, cursor, frame }
  return frame
}

function done(session: Session, id: FrameId | undefined, output: unknown): void {
  if (id !== undefined) reply(session, { op: 'result', id, output })
}

const reply = (session: Session, frame: ServerFrame): void => session.open.send(frameText(frame))

function fail(session: Session, id: FrameId | undefined, error: EngramError): void {
  reply(session, {
    op: 'error',
    ...(id === undefined ? {} : { id }),
    code: error.code,
    error: error.code === 'internal' ? 'internal error' : error.message,
    details: error.details,
    ...(error.row.retryable ? { retry_after_ms: 1_000 } : {}),
  })
}
