import { EngramError } from '../model/errors.ts'
import type { LiveEvent } from '../model/live.ts'
import { errorOf, type Connection } from './http.ts'
import type { Wanted } from './sse-transport.ts'
import { heartbeatMsDefault, silentBeatsMax, type Heard, type StartAt, type Transport } from './subscription.ts'

/** Its frames are checked by `protocol/frames.ts`, whose schemas a browser need not load. */
const subprotocol = 'engram.v1'
/** Events under way at once; each one read allows another, so a program that stops reading stops the server (COL-2204). */
const credits = 256
const creditStep = 64

type Frame = Readonly<Record<string, unknown>> & { readonly op: string }

/** One WebSocket with one subscription of `engram.v1`. */
export const socketTransport =
  (connection: Connection, wanted: Wanted): Transport =>
  async (options) => {
    const socket = new WebSocket(`${connection.baseUrl.replace(/^http/, 'ws')}/v1/stream`, [subprotocol])
    const close = (): void => socket.close()
    options.signal.addEventListener('abort', close, { once: true })
    try {
      await session(socket, connection, wanted, options)
    } finally {
      options.signal.removeEventListener('abort', close)
      socket.close()
    }
  }

function session(
  socket: WebSocket,
  connection: Connection,
  wanted: Wanted,
  { from, hear, ready, signal }: Parameters<Transport>[0],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const send = (frame: object): void => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
    }
    let quiet: ReturnType<typeof setTimeout> | undefined
    let beatMs = heartbeatMsDefault
    const alive = (): void => {
      clearTimeout(quiet)
      quiet = setTimeout(() => socket.close(), beatMs * silentBeatsMax)
    }
    let taken = 0
    // One after the other, as they came: taking one may have to wait for room.
    let line: Promise<void> = Promise.resolve()
    const over = (error?: EngramError): void => {
      clearTimeout(quiet)
      void line.then(() => (error === undefined ? resolve() : reject(error)))
    }
    const take = async (text: string): Promise<void> => {
      try {
        await onFrame(JSON.parse(text) as Frame)
      } catch (cause) {
        clearTimeout(quiet)
        reject(new EngramError('internal', `${connection.baseUrl} sent what is no frame of ${subprotocol}.`, { cause }))
      }
    }
    const onFrame = async (frame: Frame): Promise<void> => {
      switch (frame.op) {
        case 'welcome':
          beatMs = Number(frame['heartbeat_ms'])
          return send({ op: 'subscribe', id: 2, ...subscription(wanted, from) })
        case 'result':
          if (frame['id'] === 2) ready((frame['output'] as { readonly cursor: string }).cursor)
          return
        case 'error':
          // A place that is gone was told by `reset`; what follows begins anew from there.
          return over(frame['code'] === 'cursor_gone' ? undefined : errorOf(frame))
        default: {
          const heard = heardIn(frame)
          if (heard === null || signal.aborted) return
          await hear(heard)
          if (heard.kind === 'event' && ++taken % creditStep === 0) send({ op: 'credit', sub, n: creditStep })
        }
      }
    }
    socket.addEventListener('open', () =>
      send({
        op: 'hello',
        agent_id: connection.agentId,
        ...(connection.token === undefined ? {} : { token: connection.token }),
      }),
    )
    socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      alive()
      if (typeof data === 'string') line = line.then(() => take(data))
    })
    socket.addEventListener('close', () => over())
    socket.addEventListener('error', () => over(new EngramError('offline', `${connection.baseUrl} does not answer.`)))
    alive()
  })
}

const sub = 's'

const subscription = ({ contexts, kinds }: Wanted, from: StartAt): object => ({
  sub,
  contexts: contexts === 'all' ? '*' : contexts,
  ...(kinds.length === 0 ? {} : { kinds }),
  from,
  credits,
})

function heardIn(frame: Frame): Heard | null {
  const cursor = String(frame['cursor'])
  switch (frame.op) {
    case 'event': {
      const { op: _op, sub: _sub, n: _n, ...event } = frame
      return { kind: 'event', event: event as unknown as LiveEvent }
    }
    case 'live':
      return { kind: 'live', cursor }
    case 'heartbeat': {
      const place = (frame['subs'] as Readonly<Record<string, string>>)[sub]
      return place === undefined ? null : { kind: 'progress', cursor: place }
    }
    case 'lagged':
      return { kind: 'lagged', count: Number(frame['count']), cursor }
    case 'reset':
      return { kind: 'reset', reason: String(frame['reason']), cursor: String(frame['earliest']) }
    default:
      return null
  }
}
