import type { FeedSubscription, LiveFeed } from '../../model/live-feed.ts'
import { legacyFrames, parseLegacyFrame } from '../../protocol/legacy-frames.ts'
import { closeCodes } from '../../protocol/frames.ts'
import { parsedUnit, unitIn, type Encoding } from './encoding.ts'
import { messageGate } from './message-gate.ts'
import { openSocket, type OpenSocket } from './open-socket.ts'
import { textFrameOf } from './socket-frame.ts'
import { contextsOf, subscribeAnyway } from './stream-request.ts'
import type { Arrived } from './arrived.ts'
import type { Streams } from './streams.ts'

/** Paused for longer, a client of the Go program has to go (COL-802). */
const pauseMsMax = 60_000

/** The WebSocket of the Go program: bare units, whatever is said about them in frames with a `type` (COL-801). */
export async function serveLegacy(streams: Streams, feed: LiveFeed, arrived: Arrived): Promise<void> {
  const held: { subscription?: FeedSubscription } = {}
  const mayRead = messageGate(streams)
  const open: OpenSocket = openSocket({
    streams,
    feed,
    socket: arrived.socket,
    raw: arrived.raw,
    lastWord: () => null,
    beat: () => open.send(JSON.stringify(legacyFrames.heartbeat(streams.nowText()))),
    onBinary: () => undefined,
    onText: (text) => {
      if (mayRead()) hear(text, open, held.subscription)
      else open.close(closeCodes.policy, 'rate_limited')
    },
    onClose: arrived.left,
  })
  const encoding: Encoding = arrived.query.get('encoding') === 'v1' ? 'v1' : 'v3'
  const cursor = arrived.query.get('cursor')
  const { watch, nowMs } = streams.options
  const { subscription, gone } = await subscribeAnyway(
    (wanted) =>
      open.connection.subscribe(wanted, (delivery) => {
        if (delivery.kind !== 'event') return null
        watch.published('websocket')
        return delivery.event.encoded(`ws-legacy-${encoding}`, ({ body, tsMs }) => {
          watch.delayed(nowMs() - tsMs)
          return textFrameOf(encoding === 'v1' ? body : JSON.stringify(unitIn(parsedUnit(body), 'v3')))
        })
      }),
    {
      contexts: contextsOf(arrived.query.getAll('context').filter((one) => one !== '')),
      kinds: ['unit.created'],
      maxPauseMs: pauseMsMax,
      ...(cursor === null || cursor === '' ? {} : { from: cursor }),
    },
  )
  held.subscription = subscription
  open.send(JSON.stringify(legacyFrames.connected(streams.options.newId())))
  if (gone !== null) {
    watch.reset(gone.reason)
    open.send(JSON.stringify({ type: 'reset', ...gone }))
  }
  subscription.start()
}

function hear(text: string, open: OpenSocket, subscription: FeedSubscription | undefined): void {
  const frame = parseLegacyFrame(text)
  switch (frame.kind) {
    case 'nothing':
      return
    case 'heartbeat':
      return open.send(JSON.stringify(legacyFrames.heartbeatAck()))
    case 'error':
      return open.send(JSON.stringify(legacyFrames.error(frame.error)))
    case 'subscribe':
      subscription?.setContexts(frame.contexts.includes('*') ? 'all' : frame.contexts)
      if (frame.wantsAck) open.send(JSON.stringify(legacyFrames.subscribeAck(frame.contexts)))
  }
}
