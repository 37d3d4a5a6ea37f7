import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import { limits } from '../../model/limits.ts'
import { subprotocol } from '../../protocol/frames.ts'

export type { WebSocket }

/** A peer that does not answer a close is cut. */
const closeMsMax = 2_000

/** The handshake and the frames that come in; which request becomes a socket is decided before. */
export function createSocketServer(): WebSocketServer {
  // Known to the library, not yet to its types.
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.socketFrameBytesMax,
    closeTimeout: closeMsMax,
    handleProtocols: (asked) => (asked.has(subprotocol) ? subprotocol : false),
  }
  return new WebSocketServer(options)
}
