import { dial, type Peer, reading, startPeer } from './process.ts'

/** Redis with an append-only file: `everysec` survives a killed process, `always` a power cut. */
export const startRedis = (directory: string, appendfsync: 'everysec' | 'always'): Promise<Peer> =>
  startPeer('redis-server', (port) => {
    const settings = { port: String(port), bind: '127.0.0.1', dir: directory, save: '', appendonly: 'yes', appendfsync }
    return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  })

export type Reply = string | number | null | readonly Reply[]

export type RedisClient = {
  /** In order; many may be under way. */
  command(...parts: readonly string[]): Promise<Reply>
  /** Told of each message of a channel, once subscribed. */
  onMessage(hear: () => void): void
  close(): void
}

/** The protocol, as far as the bench speaks it (RESP2). */
export async function redisClient(port: number): Promise<RedisClient> {
  const socket = await dial(port)
  const waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void }[] = []
  let hear: (() => void) | null = null
  reading(socket, (bytes, from) => {
    const read = replyAt(bytes, from)
    if (read === null) return 0
    const { reply, end } = read
    if (hear !== null && Array.isArray(reply) && reply[0] === 'message') hear()
    else if (reply instanceof Error) waiting.shift()?.reject(reply)
    else waiting.shift()?.resolve(reply)
    return end - from
  })
  return {
    command: (...parts) => {
      const text = parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')
      socket.write(`*${parts.length}\r\n${text}`)
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    onMessage: (told) => {
      hear = told
    },
    close: () => socket.destroy(),
  }
}

type Read = { readonly reply: Reply | Error; readonly end: number }

function replyAt(bytes: Buffer, from: number): Read | null {
  const lineEnd = bytes.indexOf('\r\n', from)
  if (lineEnd === -1) return null
  const line = bytes.toString('latin1', from + 1, lineEnd)
  const end = lineEnd + 2
  switch (bytes.toString('latin1', from, from + 1)) {
    case '+':
      return { reply: line, end }
    case '-':
      return { reply: new Error(line), end }
    case ':':
      return { reply: Number(line), end }
    case '$':
      return bulkAt(bytes, end, Number(line))
    default:
      return listAt(bytes, end, Number(line))
  }
}

function bulkAt(bytes: Buffer, from: number, length: number): Read | null {
  if (length < 0) return { reply: null, end: from }
  const end = from + length + 2
  return end > bytes.byteLength ? null : { reply: bytes.toString('utf8', from, end - 2), end }
}

function listAt(bytes: Buffer, from: number, length: number): Read | null {
  const list: Reply[] = []
  let end = from
  for (let at = 0; at < length; at++) {
    const read = replyAt(bytes, end)
    if (read === null) return null
    if (!(read.reply instanceof Error)) list.push(read.reply)
    end = read.end
  }
  return { reply: list, end }
}
