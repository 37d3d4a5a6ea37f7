import type { IncomingMessage } from 'node:http'
import { EngramError } from '../../model/errors.ts'
import { closeCodes, subprotocol } from '../../protocol/frames.ts'
import { carriesToken } from '../bearer.ts'
import type { UpgradeHandler } from '../listen.ts'
import { serveLegacy } from './legacy-socket.ts'
import { serveSession, type SessionDoors } from './session.ts'
import type { Arrived } from './arrived.ts'
import type { Streams } from './streams.ts'
import { createSocketServer } from './web-socket.ts'

export type UpgradeOptions = SessionDoors & {
  readonly streams: Streams
  /** Where every route wants the token, a legacy socket shows it in its header; the other may say it in `hello`. */
  readonly guardAll: boolean
}

const paths = ['/stream', '/v1/stream']

/** Upgrades to WebSocket: who may is settled before, by the front door and here. */
export function upgradeHandler(options: UpgradeOptions): UpgradeHandler {
  const server = createSocketServer()
  return (incoming, raw, head) => {
    const url = new URL(incoming.url ?? '/', 'http://localhost')
    if (!paths.includes(url.pathname)) throw new EngramError('not_found', 'not found')
    if (incoming.headers.upgrade?.toLowerCase() !== 'websocket') {
      throw new EngramError('invalid_request', 'Upgrade: expected websocket.')
    }
    const isSession = url.pathname === '/v1/stream' || asks(incoming)
    const isTrusted = isTrustedCaller(incoming, options.token())
    if (options.guardAll && !isTrusted && !isSession) {
      throw new EngramError('unauthorized', 'Expected `Authorization: Bearer` with the token of this server.')
    }
    const left = options.streams.admit('websocket')
    raw.once('close', left)
    server.handleUpgrade(incoming, raw, head, (socket) => {
      const arrived: Arrived = { socket, raw, query: url.searchParams, isTrusted, left }
      void begin(options, arrived, isSession)
    })
  }
}

const asks = (incoming: IncomingMessage): boolean =>
  (incoming.headers['sec-websocket-protocol'] ?? '').split(',').some((one) => one.trim() === subprotocol)

const isTrustedCaller = (incoming: IncomingMessage, token: string | undefined): boolean =>
  token !== undefined && carriesToken(incoming.headers.authorization ?? null, token)

async function begin(options: UpgradeOptions, arrived: Arrived, isSession: boolean): Promise<void> {
  const { socket } = arrived
  // What comes before the hub is at hand waits in the kernel.
  socket.pause()
  try {
    const feed = await options.streams.options.feed()
    if (isSession) serveSession(options, feed, arrived)
    else await serveLegacy(options.streams, feed, arrived)
  } catch (error) {
    const isOurs = error instanceof EngramError && error.row.http < 500
    socket.close(isOurs ? closeCodes.protocol : closeCodes.internal, isOurs ? error.code : 'internal')
  } finally {
    socket.resume()
  }
}
