import type { Duplex } from 'node:stream'
import type { WebSocket } from './web-socket.ts'

/** A WebSocket that was let in. */
export type Arrived = {
  readonly socket: WebSocket
  readonly raw: Duplex
  readonly query: URLSearchParams
  /** Its caller has shown the token already. */
  readonly isTrusted: boolean
  /** Its place is free again. */
  readonly left: () => void
}
