import { WebSocket } from 'ws'

export type Frame = Readonly<Record<string, unknown>>

/** A client of a WebSocket that keeps what it hears and can wait for it. */
export type HeardSocket = {
  readonly socket: WebSocket
  readonly frames: Frame[]
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  send(frame: object | string): void
  /** Resolves when that many frames fit, or rejects with what came instead. */
  until(fits: (frame: Frame) => boolean, count?: number): Promise<readonly Frame[]>
  close(): void
}

const waitMsMax = 10_000

export function hear(
  url: string,
  protocols: readonly string[] = [],
  headers: Readonly<Record<string, string>> = {},
): HeardSocket {
  const socket = new WebSocket(url, [...protocols], { headers })
  const frames: Frame[] = []
  let wake: () => void = () => undefined
  socket.on('message', (data) => {
    frames.push(JSON.parse((data as Buffer).toString()) as Frame)
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      resolve({ code, reason: String(reason) })
      wake()
    })
    socket.on('error', () => undefined)
  })
  return {
    socket,
    frames,
    closed,
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    until: async (fits, count = 1) => {
      const deadline = performance.now() + waitMsMax
      for (;;) {
        const found = frames.filter(fits)
        if (found.length >= count) return found
        if (performance.now() > deadline || socket.readyState === socket.CLOSED) {
          throw new Error(`waited for ${count}, heard ${JSON.stringify(frames).slice(0, 2_000)}`)
        }
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 100)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    },
    close: () => socket.terminate(),
  }
}

/** Opens a session of `engram.v1` and says hello. */
export async function greeted(url: string, hello: object = {}): Promise<HeardSocket> {
  const heard = hear(url, ['engram.v1'])
  await new Promise<void>((resolve, reject) => {
    heard.socket.once('open', resolve)
    heard.socket.once('error', reject)
  })
  heard.send({ op: 'hello', agent_id: 'tester', ...hello })
  await heard.until(({ op }) => op === 'welcome')
  return heard
}
