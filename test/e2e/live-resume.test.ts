import { EventSource } from 'eventsource'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, type Client } from '../../src/client.ts'
import { chance, cuttingProxy, type CuttingProxy } from './live/cutting-proxy.ts'
import { newPlace, ServedProcess, type Place } from './served-process.ts'

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** Printed by a failure's name; `ENGRAM_SEED` plays it again. */
const seed = Number(process.env['ENGRAM_SEED'] ?? Date.now() % 1_000_000)

const ended: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end()
})

/** A server that can be killed and comes back on the same port over the same data. */
async function restartable(place: Place) {
  const words = ['--port', String(await freePort()), '--durability', 'full']
  let served = new ServedProcess(place, words)
  const port = await served.port()
  ended.push(() => served.end())
  return {
    port,
    kill: async () => {
      await served.end()
      served = new ServedProcess(place, words)
      await served.address()
    },
  }
}

const direct = (port: number, agentId: string): Client =>
  createClient(`http://127.0.0.1:${port}`, { agentId, timeoutMs: 30_000 })

/** Writes until told to stop; what was acknowledged is remembered. */
async function publish(client: Client, contextId: string, count: number, acknowledged: Set<string>): Promise<void> {
  for (let n = 0; n < count; n++) {
    const unit = await client.createWorkUnit({ contextId, type: 'MESSAGE', payload: `${n}` })
    acknowledged.add(unit.id)
  }
}

/** The same by plain requests on one connection, several times as quick. */
async function publishPlainly(port: number, agentId: string, contextId: string, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let n = 0; n < count; n++) {
    const body = JSON.stringify({ context_id: contextId, agent_id: agentId, type: 'MESSAGE', payload: String(n) })
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'Content-Length': Buffer.byteLength(body) }
      const asking = request(
        { port, host: '127.0.0.1', method: 'POST', path: '/workunit', agent, headers },
        (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode))
        },
      )
      asking.on('error', reject).end(body)
    })
    if (status !== 201) throw new Error(`a write was answered ${status}`)
  }
  agent.destroy()
}

async function collect(
  client: Client,
  transport: 'ws' | 'sse',
  contextId: string,
  until: Promise<number>,
): Promise<number[]> {
  const subscription = await client.subscribe(contextId, { from: 'begin', kinds: 'all', transport })
  const seqs: number[] = []
  let last = Number.POSITIVE_INFINITY
  void until.then((seq) => {
    last = seq
    if (seqs.at(-1) === seq) subscription.close()
  })
  for await (const { kind, seq } of subscription.events) {
    if (kind === 'stream.live') continue
    seqs.push(kind === 'stream.reset' ? -1 : seq)
    if (seq >= last) break
  }
  subscription.close()
  return seqs
}

describe(`COL-P1 resume (seed ${seed})`, () => {
  it('COL-P1 COL-2204 cut at random bytes, the server killed and restarted: the log, in order, once', async () => {
    const place = newPlace()
    ended.push(() => place.remove())
    const server = await restartable(place)
    const random = chance(seed)
    const proxies: CuttingProxy[] = []
    for (let n = 0; n < 2; n++)
      proxies.push(
        await cuttingProxy(
          () => server.port,
          random,
          () => 150_000,
        ),
      )
    ended.push(...proxies.map((one) => () => one.close()))
    const contextId = 'resumed'
    await direct(server.port, 'owner').createContext('Resumed', { id: contextId })

    const acknowledged = new Set<string>()
    let finished: (seq: number) => void = () => undefined
    const until = new Promise<number>((resolve) => (finished = resolve))
    const readers = (['ws', 'sse', 'ws', 'sse'] as const).map((transport, index) =>
      collect(direct(proxies[index % 2]?.port ?? 0, `reader-${index}`), transport, contextId, until),
    )
    const writers = ['w1', 'w2', 'w3'].map((name) => publish(direct(server.port, name), contextId, 250, acknowledged))
    for (let kill = 0; kill < 2; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 400 + random() * 400))
      await server.kill()
    }
    await Promise.all(writers)
    const units: string[] = []
    let lastSeq = 0
    for await (const unit of direct(server.port, 'owner').iterateWorkUnits(contextId, { limit: 200 })) {
      units.push(unit.id)
      lastSeq = unit.seq
    }
    finished(lastSeq)
    const whole = Array.from({ length: lastSeq }, (_, index) => index + 1)
    for (const seqs of await Promise.all(readers)) expect(seqs).toEqual(whole)
    // Everything acknowledged is there, and nothing twice: a retry after a cut had no second effect.
    expect(new Set(units).size).toBe(units.length)
    expect([acknowledged.size, units.length]).toEqual([750, 750])
    expect([...acknowledged].filter((id) => !units.includes(id))).toEqual([])
    expect(proxies.reduce((sum, { cuts }) => sum + cuts, 0)).toBeGreaterThan(4)
  })

  it('COL-P1 COL-C1 the `eventsource` package behind the same proxy', async () => {
    const place = newPlace()
    ended.push(() => place.remove())
    const server = await restartable(place)
    const proxy = await cuttingProxy(
      () => server.port,
      chance(seed + 1),
      // So little that even the longest pieces chance can draw cut the stream six times.
      () => 20_000,
    )
    ended.push(() => proxy.close())
    const client = direct(server.port, 'w')
    await client.createContext('Source', { id: 'source' })
    // `retry: 1000` is the server's word; a test need not wait for it so often.
    const impatient: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init)
      const quick = new TransformStream<Uint8Array, Uint8Array>({
        transform: (part, out) =>
          out.enqueue(Buffer.from(Buffer.from(part).toString('latin1').replace('retry: 1000', 'retry: 20'), 'latin1')),
      })
      return new Response(answer.body?.pipeThrough(quick) ?? null, answer)
    }
    const source = new EventSource(
      `http://127.0.0.1:${proxy.port}/stream-sse?context=source&cursor=begin&encoding=v1`,
      {
        fetch: (url, init) => impatient(url, { ...init, headers: init.headers as Record<string, string> }),
      },
    )
    ended.push(() => source.close())
    const got: string[] = []
    source.addEventListener('message', ({ data }) =>
      got.push((JSON.parse(String(data)) as { payload: string }).payload),
    )
    await publish(client, 'source', 400, new Set())
    await expect.poll(() => got.length, { timeout: 20_000 }).toBe(400)
    expect(got).toEqual(Array.from({ length: 400 }, (_, n) => String(n)))
    expect(proxy.cuts).toBeGreaterThan(2)
  })
})

describe('COL-P3 one order', () => {
  it('COL-P3 COL-104 10,000 writes from 16 clients: list, stream and sequence agree', async () => {
    const place = newPlace()
    ended.push(() => place.remove())
    const served = new ServedProcess(place, ['--port', '0', '--durability', 'normal'])
    ended.push(() => served.end())
    const port = await served.port()
    const client = direct(port, 'owner')
    await client.createContext('Order', { id: 'order' })
    const writes = 10_000
    const whole = Promise.resolve(writes + 1)
    const streams = (['ws', 'sse'] as const).map((transport) => collect(client, transport, 'order', whole))
    await Promise.all(Array.from({ length: 16 }, (_, at) => publishPlainly(port, `w${at}`, 'order', writes / 16)))
    const listed: number[] = []
    for await (const { seq } of client.iterateWorkUnits('order', { limit: 1_000 })) listed.push(seq)
    const expected = Array.from({ length: writes + 1 }, (_, index) => index + 1)
    expect(listed).toEqual(expected.slice(1))
    for (const seqs of await Promise.all(streams)) expect(seqs).toEqual(expected)
    client.close()
  })
})
