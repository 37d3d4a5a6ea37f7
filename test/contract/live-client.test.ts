import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { createClient, type Client } from '../../src/client.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function local(): Promise<{ readonly server: LocalServer; readonly client: Client }> {
  const server = await startLocalServer()
  const client = createClient(`http://127.0.0.1:${server.port}`)
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= server.close())
  closers.push(close, () => client.close())
  return { server: { ...server, close }, client }
}

/** A peer of somebody else's making. */
async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('the client', () => {
  it.each(['ws', 'sse'] as const)(
    'COL-2204 over %s its cursor never passes what was not read yet',
    async (transport) => {
      const { client } = await local()
      await client.createContext('Reading', { id: 'reading' })
      const subscription = await client.subscribe('reading', { transport })
      const units = []
      for (let n = 0; n < 10; n++) {
        units.push(await client.createWorkUnit({ contextId: 'reading', type: 'MESSAGE', payload: String(n) }))
      }
      const reader = subscription.events[Symbol.asyncIterator]()
      expect(await reader.next()).toMatchObject({ value: { kind: 'stream.live' } })
      await reader.next()
      expect(subscription.cursor).toBe(units[0]?.cursor)
      const again = await client.subscribe('reading', { from: subscription.cursor, transport })
      const next = await again.events[Symbol.asyncIterator]().next()
      expect(next.value).toMatchObject({ unit: { id: units[1]?.id } })
    },
  )

  it.each([['{'], ['{"op":"result","id":2}'], ['null']])(
    'COL-2204 a server that sends %s fails the subscription, not the program',
    async (frame) => {
      const server = createServer()
      const sockets = new WebSocketServer({ server })
      sockets.on('connection', (socket) => socket.send(frame))
      const client = createClient(await listening(server), { timeoutMs: 500 })
      await expect(client.subscribe('any')).rejects.toMatchObject({ code: 'internal' })
    },
  )

  it('COL-2204 an event stream that fell silent is made anew', async () => {
    let connections = 0
    const server = createServer((_request, answer) => {
      connections++
      answer.writeHead(200, { 'Content-Type': 'text/event-stream' })
      answer.write(`id: c\nevent: connected\ndata: {"heartbeat_ms":20}\n\n`)
    })
    const client = createClient(await listening(server))
    const subscription = await client.subscribe('any', { transport: 'sse' })
    await expect.poll(() => connections, { timeout: 5_000 }).toBeGreaterThan(1)
    subscription.close()
  })

  it('COL-2205 a lease that cannot be renewed is lost when it runs out, however long the call would be tried', async () => {
    const { server, client } = await local()
    const work = client.withLock('deploy', { ttlMs: 1_000 }, async ({ signal }) => {
      void server.close()
      if (!signal.aborted) await once(signal, 'abort')
      return signal.reason
    })
    await expect(work).resolves.toMatchObject({ code: 'aborted' })
  })
})
