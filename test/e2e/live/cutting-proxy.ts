import { connect, createServer, type Server, type Socket } from 'node:net'

/** Chance that can be played again. */
export function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export type CuttingProxy = { readonly port: number; readonly cuts: number; close(): Promise<void> }

/**
 * Passes bytes on to a port until a number of them chosen by chance has come back, and then cuts: by a reset, by silence
 * and then a reset, or by the end. The pieces it passes on are of any size.
 */
export async function cuttingProxy(
  target: () => number,
  random: () => number,
  bytesMax: () => number,
): Promise<CuttingProxy> {
  const open = new Set<Socket>()
  let cuts = 0
  const server: Server = createServer((client) => {
    const upstream = connect(target(), '127.0.0.1')
    let left = Math.floor(random() * bytesMax()) + 1
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (part) => upstream.write(part))
    upstream.on('data', (part) => {
      const at = Math.min(left, part.byteLength)
      const middle = Math.floor(random() * at)
      client.write(part.subarray(0, middle))
      client.write(part.subarray(middle, at))
      left -= at
      if (left > 0) return
      cuts++
      upstream.pause()
      if (random() < 0.5) client.resetAndDestroy()
      else setTimeout(() => client.resetAndDestroy(), random() * 40)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get cuts() {
      return cuts
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
