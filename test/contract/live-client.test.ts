import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { createClient, type Client } from '../../src/client.ts'
import { hashingEmbedder } from '../../src/search/embedders/hashing.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function local(
  options: Parameters<typeof startLocalServer>[0] = {},
): Promise<{ readonly server: LocalServer; readonly client: Client }> {
  const server = await startLocalServer(options)
  const client = createClient(`http://127.0.0.1:${server.port}`)
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= server.close())
  closers.push(close, () => client.close())
  return { server: { ...server, close }, client }
}

/** A peer of somebody else's making. */
async function listening(server: Server | TcpServer): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
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

  it('COL-2202, COL-1704 searches units by words and by meaning, page by page', async () => {
    const { server, client } = await local({ embedder: hashingEmbedder() })
    await client.createContext('Texts', { id: 'texts' })
    for (const payload of ['tokenizers and tokenization of texts', 'a tokeniser', 'whales below the ice']) {
      await client.createWorkUnit({ contextId: 'texts', type: 'MESSAGE', payload })
    }
    await server.caller.call('index.wait', { vectors: true })
    const byWords = await client.search({ query: 'tokeniser', contextIds: ['texts'] })
    expect(byWords).toMatchObject({ mode: 'keyword', modeReason: 'newest_first', degraded: false, totalCount: 1 })
    const wish = { query: 'tokeniser', mode: 'semantic', minSimilarity: 0, limit: 2, includeUnits: true } as const
    const first = await client.search({ ...wish, explain: true })
    expect(first).toMatchObject({ mode: 'semantic', degraded: false, totalCount: 3, heldBack: 0 })
    expect(first.hits[0]).toMatchObject({ unit: { payload: 'a tokeniser' }, explanation: { L: 0 } })
    const next = await client.search({ ...wish, cursor: first.nextCursor })
    expect([next.hits.length, next.nextCursor]).toEqual([1, ''])
    const seed = await server.send('POST', '/search', { body: { query: 'tokeniser', mode: 'hybrid' } })
    expect(seed.json['total_count']).toBeGreaterThan(0)
    expect((await server.send('POST', '/search', { body: { query: 'tokenis' } })).json['total_count']).toBe(0)
  })

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

describe('a client whose server fails', () => {
  it('COL-2204 gives up a first connection that is always closed before it is answered', async () => {
    const server = createServer()
    const sockets = new WebSocketServer({ server, handleProtocols: () => 'engram.v1' })
    let count = 0
    sockets.on('connection', (socket) => {
      count++
      socket.close(1001)
    })
    const client = createClient(await listening(server), { timeoutMs: 600 })
    await expect(client.subscribe('c')).rejects.toMatchObject({ code: 'offline' })
    expect(count).toBeGreaterThan(1)
  })

  it('COL-2204 comes back when an event stream falls silent', async () => {
    let count = 0
    const server = createServer((_, outgoing) => {
      count++
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' })
      outgoing.write('id: c1_0_0_0\nevent: connected\ndata: {"heartbeat_ms":50}\n\n')
    })
    const client = createClient(await listening(server))
    const subscription = await client.subscribe('c', { transport: 'sse' })
    await vi.waitFor(() => expect(count).toBeGreaterThanOrEqual(3), { timeout: 10_000 })
    subscription.close()
  })

  it('COL-2204 close ends a subscription that is still being made, and those that were', async () => {
    const client = createClient(await listening(createTcpServer(() => undefined)), { timeoutMs: 60_000 })
    const pending = client.subscribe('c')
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.close()
    for await (const event of (await pending).events) expect(event).toBe('none')
  })

  it('COL-2203 COL-1301 asks again while its first call still runs', async () => {
    const keys: unknown[] = []
    const server = createServer((incoming, outgoing) => {
      keys.push(incoming.headers['idempotency-key'])
      const isFirst = keys.length === 1
      const body = isFirst ? { error: 'It runs.', code: 'idempotency_in_progress' } : { context: { id: 'c' } }
      outgoing.writeHead(isFirst ? 409 : 201, { 'Retry-After': '0' }).end(JSON.stringify(body))
    })
    const client = createClient(await listening(server))
    expect(await client.createContext('C')).toMatchObject({ id: 'c' })
    expect([keys.length, new Set(keys).size]).toEqual([2, 1])
  })

  it('COL-2205 tells whoever holds a lock that it is lost before the lease is over', async () => {
    const server = await startLocalServer()
    let isCut = false
    const client = createClient(`http://127.0.0.1:${server.port}`, {
      fetch: (input, init) =>
        isCut
          ? new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('cut'))))
          : fetch(input, init),
    })
    const lostAfterMs = await client.withLock('r', { ttlMs: 1_000 }, async ({ signal }) => {
      const started = performance.now()
      isCut = true
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      isCut = false
      return performance.now() - started
    })
    expect(lostAfterMs).toBeLessThan(1_000)
    await server.close()
  })
})
