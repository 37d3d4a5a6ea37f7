import { connect, type Socket } from 'node:net'

/** What came back on a connection of bytes until the server closed it, or until `forMs` had passed. */
export type RawAnswer = {
  readonly text: string
  /** 0 when nothing came. */
  readonly status: number
  readonly closed: boolean
  readonly tookMs: number
}

export type RawOptions = {
  readonly forMs?: number
  /** The address to connect to; 127.0.0.1 unless given. */
  readonly host?: string
  /** Gets the connection once the first bytes are sent. */
  readonly during?: (socket: Socket) => void
}

/** Speaks to a server without any client's help, so that what no client would send can be sent. */
export function sendRaw(port: number, bytes: string | Uint8Array, options: RawOptions = {}): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const started = performance.now()
    const parts: Buffer[] = []
    const socket = connect(port, options.host ?? '127.0.0.1', () => {
      socket.write(bytes)
      options.during?.(socket)
    })
    const end = (closed: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      const text = Buffer.concat(parts).toString('latin1')
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
      resolve({ text, status, closed, tookMs: performance.now() - started })
    }
    const timer = setTimeout(() => end(false), options.forMs ?? 5_000)
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('error', () => undefined)
    socket.on('close', () => end(true))
  })
}

/** A request as bytes; the connection ends after it unless its headers say otherwise. */
export function rawRequest(target: string, headers: readonly string[], method = 'GET', body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  return [`${method} ${target} HTTP/1.1`, ...headers, ...length, 'Connection: close', '', body].join('\r\n')
}
