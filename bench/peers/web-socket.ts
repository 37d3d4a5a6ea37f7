import { dial, reading } from './process.ts'

export type PlainSocket = { send(text: string): void; close(): void }

/**
 * A WebSocket client that does the least there is to do: it finds the ends of frames, and gives on their text only to whoever
 * wants it. What it measures is the server.
 */
export async function plainSocket(
  port: number,
  path: string,
  hear: (text: () => string) => void,
  subprotocol?: string,
): Promise<PlainSocket> {
  const socket = await dial(port)
  let isOpen = false
  const opened = new Promise<void>((resolve) => {
    reading(socket, (bytes, from) => {
      if (!isOpen) {
        const end = bytes.indexOf('\r\n\r\n', from)
        if (end === -1) return 0
        if (!bytes.toString('latin1', from, end).startsWith('HTTP/1.1 101')) throw new Error(`${path}: no upgrade`)
        isOpen = true
        resolve()
        return end + 4 - from
      }
      return frameAt(bytes, from, hear, (pong) => socket.write(pong))
    })
  })
  const asked = subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n${asked}\r\n`,
  )
  await opened
  return { send: (text) => socket.write(masked(0x81, Buffer.from(text))), close: () => socket.destroy() }
}

/** @returns bytes of the frame that begins here; 0 while it is not whole */
function frameAt(
  bytes: Buffer,
  from: number,
  hear: (text: () => string) => void,
  answer: (pong: Buffer) => void,
): number {
  const left = bytes.byteLength - from
  if (left < 2) return 0
  const short = (bytes[from + 1] ?? 0) & 0x7f
  const head = short < 126 ? 2 : short === 126 ? 4 : 10
  if (left < head) return 0
  const length =
    head === 2 ? short : head === 4 ? bytes.readUInt16BE(from + 2) : Number(bytes.readBigUInt64BE(from + 2))
  if (left < head + length) return 0
  const payload = bytes.subarray(from + head, from + head + length)
  const opcode = (bytes[from] ?? 0) & 0x0f
  if (opcode === 1) hear(() => payload.toString('utf8'))
  if (opcode === 9) answer(masked(0x8a, payload))
  return head + length
}

/** A client's frames are masked; a mask of zeros leaves the bytes as they are. */
function masked(first: number, payload: Buffer): Buffer {
  const { byteLength } = payload
  const head = Buffer.alloc(byteLength < 126 ? 6 : byteLength < 65_536 ? 8 : 14)
  head[0] = first
  if (byteLength < 126) head[1] = 0x80 | byteLength
  else if (byteLength < 65_536) {
    head[1] = 0x80 | 126
    head.writeUInt16BE(byteLength, 2)
  } else {
    head[1] = 0x80 | 127
    head.writeBigUInt64BE(BigInt(byteLength), 2)
  }
  return Buffer.concat([head, payload])
}
