import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { EngramError, toEngramError } from '../model/errors.ts'
import { defaultServerSettings, type ConnectionTimeouts } from '../model/server-settings.ts'
import { errorCodeOf } from '../platform/files.ts'
import { every } from '../platform/every.ts'
import type { Log } from '../platform/log.ts'
import { Connections } from './connections.ts'
import { errorAnswer, type PlainAnswer } from './error-answer.ts'
import type { Arrival, FrontDoor } from './front-door.ts'
import type { FetchHandler, NodeSide } from './route.ts'
import { checkEveryMs, lingerOver, SlowBodies } from './slow-body.ts'

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Made for its owner alone (0600). */
  | { readonly kind: 'unix'; readonly path: string }

export type ListenOptions = {
  readonly address: ListenAddress
  readonly door: FrontDoor
  readonly handler: FetchHandler
  readonly log: Log
  /** Those of {@link defaultServerSettings} when left out. */
  readonly timeouts?: ConnectionTimeouts
  readonly newRequestId: () => string
  /** Takes over what asks for another protocol; without it such a request is answered as any other. */
  readonly upgrade?: UpgradeHandler
}

/** Takes the socket over, or throws what its caller is told. */
export type UpgradeHandler = (incoming: IncomingMessage, socket: Socket, head: Buffer) => void

export type Listening = {
  /** `127.0.0.1:7437` or the path of the socket. */
  readonly address: string
  readonly port: number | null
  /** Takes no more connections, lets running requests end, and cuts what is left after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
}

/** The head of a request is short: this part of the time is enough for it (R4). */
const headersShare = 2 / 5
const headersMsMax = 60_000
/** No byte either way for this long ends a connection: a caller that stops reading holds its answer in our memory. */
const silenceMsMax = 120_000
const headerBytesMax = 16 * 1024

/** Listens and answers; rejects with `address_in_use` when somebody else has the address. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const connections = new Connections()
  const timeouts = options.timeouts ?? defaultServerSettings.timeouts
  const server = createServer(
    {
      headersTimeout: Math.min(Math.ceil(timeouts.readMs * headersShare), headersMsMax),
      keepAliveTimeout: timeouts.idleMs,
      connectionsCheckingInterval: checkEveryMs,
      maxHeaderSize: headerBytesMax,
      // The front door wants one Host and says so in JSON.
      requireHostHeader: false,
    },
    requestListener(options, connections),
  )
  // Node drops what is above this number without a word, a second Host among it. The size bounds them, the door counts.
  server.maxHeadersCount = 0
  server.timeout = silenceMsMax
  server.on('connection', (socket: Socket) => connections.opened(socket))
  const { upgrade } = options
  if (upgrade !== undefined) {
    server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) =>
      takeOver(incoming, socket as Socket, head, upgrade, options, connections),
    )
  }
  server.on('clientError', (error: Error, socket: Socket) => answerBroken(error, socket, options, connections))
  await started(server, options.address)
  const slow = new SlowBodies(timeouts.readMs, ({ socket }) => cutSlow(socket, options, connections))
  const looking = every(checkEveryMs, () => {
    connections.limitUnread(timeouts.writeMs, silenceMsMax)
    slow.look(connections.unanswered())
  })
  server.on('close', () => looking.stop())
  server.on('error', (error) => options.log.error('the listener failed', { error: error.message }))
  const bound = server.address()
  return {
    address: describe(bound, options.address),
    port: typeof bound === 'object' && bound !== null ? bound.port : null,
    close: (timeoutMs) => stop(server, connections, timeoutMs),
  }
}

function requestListener(options: ListenOptions, connections: Connections) {
  const inner = getRequestListener((request, node) => options.handler(request, node as NodeSide), {
    overrideGlobalObjects: false,
    errorHandler: (error) => webResponse(failed(error, options)),
  })
  return (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { socket } = incoming
    connections.began(socket, outgoing)
    outgoing.once('finish', () => lingerOver(incoming))
    const refused = options.door(arrivalOf(incoming))
    if (refused === null) return void inner(incoming, outgoing)
    const { status, headers, body } = errorAnswer(refused.error, options.newRequestId(), refused)
    outgoing.writeHead(status, headers).end(body)
    incoming.resume()
  }
}

const arrivalOf = ({ rawHeaders, url, socket }: IncomingMessage): Arrival => ({
  rawHeaders,
  target: url ?? '',
  localAddress: socket.localAddress,
})

/** The same door as for every request; a refusal is one HTTP answer, and then the end. */
function takeOver(
  incoming: IncomingMessage,
  socket: Socket,
  head: Buffer,
  upgrade: UpgradeHandler,
  options: ListenOptions,
  connections: Connections,
): void {
  const onError = (): void => void socket.destroy()
  socket.on('error', onError)
  connections.upgraded(socket)
  try {
    const refused = options.door(arrivalOf(incoming))
    if (refused !== null) return refuse(socket, errorAnswer(refused.error, options.newRequestId(), refused))
    upgrade(incoming, socket, head)
  } catch (error) {
    const told = toEngramError(error)
    if (told.row.http >= 500 && told.code === 'internal') options.log.error('upgrade failed', { error: told.message })
    refuse(socket, errorAnswer(told, options.newRequestId()))
  }
}

function refuse(socket: Socket, answer: PlainAnswer): void {
  if (socket.writable) socket.write(rawResponse(answer))
  socket.destroySoon()
}

/** Only what the adapter itself cannot read arrives here: a path that is none. */
function failed(error: unknown, options: ListenOptions): PlainAnswer {
  const isBadTarget = error instanceof Error && error.name === 'RequestError'
  const told = isBadTarget ? new EngramError('invalid_request', 'Expected a well-formed path.') : toEngramError(error)
  if (!isBadTarget) options.log.error('request failed', { code: told.code, error: told.message })
  return errorAnswer(told, options.newRequestId())
}

const webResponse = ({ status, headers, body }: PlainAnswer): Response => new Response(body, { status, headers })

/** Statuses of requests that never became one. */
const brokenStatus: Readonly<Record<string, readonly [status: number, said: string]>> = {
  HPE_HEADER_OVERFLOW: [431, `Expected at most ${headerBytesMax} bytes of headers.`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Expected chunks without long extensions.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
}

function answerBroken(error: Error, socket: Socket, options: ListenOptions, connections: Connections): void {
  const [status, said] = brokenStatus[errorCodeOf(error)] ?? [400, 'Expected a well-formed HTTP/1.1 request.']
  endWith(socket, status, said, options, connections)
}

const cutSlow = (socket: Socket, options: ListenOptions, connections: Connections): void =>
  endWith(socket, 408, 'The body did not arrive in time.', options, connections)

function endWith(socket: Socket, status: number, said: string, options: ListenOptions, connections: Connections): void {
  if (socket.writable && !connections.hasBegunAnswer(socket)) {
    socket.write(rawResponse(errorAnswer(new EngramError('invalid_request', said), options.newRequestId(), { status })))
  }
  socket.destroySoon()
}

function rawResponse({ status, headers, body }: PlainAnswer): string {
  const lines = Object.entries({
    ...headers,
    Connection: 'close',
    'Content-Length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`
}

function started(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(listenFailure(error, address))
    server.once('error', onError)
    const onListening = (): void => {
      server.removeListener('error', onError)
      resolve()
    }
    if (address.kind === 'tcp') server.listen({ host: address.host, port: address.port }, onListening)
    else forOwnerAlone(() => server.listen({ path: address.path }, onListening))
  })
}

/** The socket is made in this call, and nobody may open it meanwhile; a change of mode afterwards would be too late. */
function forOwnerAlone(make: () => void): void {
  const before = process.umask(0o177)
  try {
    make()
  } finally {
    process.umask(before)
  }
}

/** Why nobody can listen there, by the code of the system's error. */
export function listenFailure(error: Error, address: ListenAddress): EngramError {
  const where = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`
  switch (errorCodeOf(error)) {
    case 'EADDRINUSE':
      return new EngramError('address_in_use', `${where} is already in use.`, {
        cause: error,
        details: { address: where },
      })
    case 'EACCES':
      return new EngramError('forbidden', `Not allowed to listen on ${where}.`, {
        cause: error,
        hint: address.kind === 'unix' ? 'Choose another path.' : 'Choose a port from 1024 up.',
      })
    default:
      return new EngramError('invalid_request', `Cannot listen on ${where}: ${error.message}.`, {
        cause: error,
        hint: 'Choose another address.',
      })
  }
}

function describe(bound: AddressInfo | string | null, address: ListenAddress): string {
  if (typeof bound !== 'object' || bound === null) return address.kind === 'unix' ? address.path : String(bound)
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`
}

/**
 * The close of an HTTP server would destroy connections whose answers are made but still on their way to a slow reader,
 * so only the listener is closed that way; connections are ours to end. Afterwards the other frees its timer.
 */
function stop(server: Server, connections: Connections, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => connections.cut(), timeoutMs)
    NetServer.prototype.close.call(server, () => {
      clearTimeout(timer)
      server.close()
      resolve()
    })
    connections.drain()
  })
}
