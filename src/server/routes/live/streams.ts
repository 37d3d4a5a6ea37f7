import { EngramError } from '../../../model/errors.ts'
import { seedDialect, serveEvents, v1Dialect } from '../../live/sse.ts'
import type { Route, RouteRequest, StreamAnswer } from '../../route.ts'
import type { LiveDoors } from './doors.ts'

/** Streams of events; a WebSocket is upgraded before any route is looked for, so here its path says what it wants. */
export const streamRoutes = ({ streams }: LiveDoors): readonly Route[] => [
  stream('/stream-sse', (request, ...rest) => serveEvents(streams, seedDialect(request, 'message'), request, ...rest)),
  stream('/stream/sse', (request, ...rest) => serveEvents(streams, seedDialect(request, 'workunit'), request, ...rest)),
  stream('/v1/events/stream', (request, ...rest) => serveEvents(streams, v1Dialect(request), request, ...rest)),
  upgradeWanted('/stream'),
  upgradeWanted('/v1/stream'),
]

const stream = (path: string, answer: StreamAnswer): Route => ({
  method: 'GET',
  path,
  operation: null,
  guard: 'open',
  stream: answer,
  answer: noNode,
  // Too many streams is a state of the server, not a fault of the caller (COL-1805).
  refusal: (error) => (error.code === 'overloaded' ? { error, status: 503 } : { error }),
})

/** Only where no socket is at hand. */
const noNode = (): Promise<never> => Promise.reject(new EngramError('internal', 'A stream needs its socket.'))

const upgradeWanted = (path: string): Route => ({
  method: 'GET',
  path,
  operation: null,
  guard: 'open',
  answer: (_caller, _request: RouteRequest) =>
    Promise.reject(new EngramError('invalid_request', 'Expected an upgrade to WebSocket.')),
  refusal: (error) => ({ error, status: 426 }),
})
