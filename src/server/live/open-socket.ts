import type { Duplex } from 'node:stream'
import type { FeedConnection, LeaveReason, LiveFeed } from '../../model/live-feed.ts'
import { closeCodes } from '../../protocol/frames.ts'
import { textFrameOf } from './socket-frame.ts'
import type { WebSocket } from './web-socket.ts'
import { frameDoor, noFrame, type Streams } from './streams.ts'

/** A socket whose frames all go through one outbox. */
export type OpenSocket = {
  readonly connection: FeedConnection
  readonly signal: AbortSignal
  /** One text frame, before events that wait. */
  send(text: string): void
  close(code: number, reason: string): void
}

export type SocketOptions = {
  readonly streams: Streams
  readonly feed: LiveFeed
  readonly socket: WebSocket
  /** What the WebSocket was made of: whole frames are written to it directly. */
  readonly raw: Duplex
  /** The last frame before the close; null for none. */
  readonly lastWord: (reason: LeaveReason) => string | null
  /** At every heartbeat. */
  readonly beat: () => void
  readonly onText: (text: string) => void
  readonly onBinary: () => void
  readonly onClose: () => void
}

/** Frames that may be missed before a peer counts as gone; one that has bytes waiting was not asked yet (COL-806). */
const missedPongsMax = 2

export function openSocket(options: SocketOptions): OpenSocket {
  const { streams, feed, socket, raw } = options
  const held: { connection?: FeedConnection } = {}
  const connection = feed.connect(
    frameDoor({
      write: (bytes, taken) => {
        if (raw.writable) writeTo(raw, bytes, taken)
      },
      last: (reason) => {
        streams.options.watch.left('websocket', reason)
        const word = options.lastWord(reason)
        return word === null ? Buffer.alloc(0) : textFrameOf(word)
      },
      end: (reason) => {
        if (reason === 'draining') socket.close(closeCodes.goingAway, 'Server shutting down')
        else socket.close(closeCodes.tooSlow, 'Too slow')
      },
      cut: () => socket.terminate(),
      kick: () => held.connection?.send(noFrame),
    }),
  )
  held.connection = connection
  const gone = new AbortController()
  const stopBeat = watchLife(options, connection)
  socket.on('message', (data, isBinary) => {
    if (isBinary) options.onBinary()
    else options.onText(textOf(data))
  })
  // What is wrong with the peer's bytes the library tells the peer; the close follows.
  socket.on('error', () => undefined)
  socket.on('close', () => {
    stopBeat()
    gone.abort()
    connection.close()
    options.onClose()
  })
  return {
    connection,
    signal: gone.signal,
    send: (text) => connection.send(textFrameOf(text)),
    close: (code, reason) => {
      // What was said goes before the close, and nothing behind it.
      connection.flush()
      connection.close()
      socket.close(code, reason)
    },
  }
}

/**
 * Most sockets take a frame at once, and then say so at once: a callback of each write would cost a fifth of it. Where
 * something is left, an empty write behind it tells when it is gone.
 */
function writeTo(raw: Duplex, bytes: Uint8Array, taken: () => void): void {
  raw.write(bytes)
  if (raw.writableLength === 0) taken()
  else raw.write(nothing, () => taken())
}

const nothing = Buffer.alloc(0)

const textOf = (data: unknown): string =>
  Buffer.isBuffer(data) ? data.toString('utf8') : Array.isArray(data) ? Buffer.concat(data).toString('utf8') : ''

/** Asks at every heartbeat whether the peer lives; a peer whose socket takes nothing is the outbox's business. */
function watchLife({ streams, socket, raw, beat }: SocketOptions, connection: FeedConnection): () => void {
  const { maxIdleMs, heartbeatMs } = streams.options.settings
  const missedMax = Math.max(1, Math.min(missedPongsMax, Math.floor(maxIdleMs / heartbeatMs)))
  let missed = 0
  const alive = (): void => {
    missed = 0
  }
  socket.on('pong', alive)
  socket.on('message', alive)
  return streams.onBeat(() => {
    const isStuck = connection.waitingBytes > 0 || raw.writableLength > 0
    if (isStuck) return
    if (missed >= missedMax) {
      socket.close(closeCodes.goingAway, 'No answer')
      return
    }
    missed++
    socket.ping()
    beat()
  })
}
