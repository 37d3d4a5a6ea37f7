import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { alternate, median, perSecond, timedAsync, type Figure } from './harness.ts'
import { ask, type Served, startOurs, stop } from './live-http.ts'
import { natsClient, natsLast, natsStream, startNats } from './peers/nats.ts'
import { type Peer, versionOf } from './peers/process.ts'
import { redisClient, startRedis } from './peers/redis.ts'
import { plainSocket } from './peers/web-socket.ts'

/**
 * What users would take instead, on the same machine in the same run: NATS JetStream and Redis, both as shipped but for their
 * files, spoken to over plain sockets in their own protocols; ours over its WebSocket. Slices alternate, and a ratio is the
 * median of theirs.
 */
export async function peerFigures(directory: string, quick: boolean): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const kinds = (['redis', 'nats'] as const).filter((kind) => isHere(kind))
  for (const kind of kinds) {
    figures.push(...(await withBoth(directory, kind, 'os', (sides) => beside(sides, quick))))
    if (kind === 'redis') figures.push(...(await withBoth(directory, kind, 'disk', (sides) => onDisk(sides, quick))))
  }
  return figures
}

type Kind = 'redis' | 'nats'
type Word = 'os' | 'disk'
const programs: Record<Kind, string> = { redis: 'redis-server', nats: 'nats-server' }

function isHere(kind: Kind): boolean {
  const version = versionOf(programs[kind])
  console.log(
    version === null ? `${programs[kind]} is not on PATH: nothing is measured beside it` : `beside ${version}`,
  )
  return version !== null
}

/** One thing that is measured, ours or a peer's: what each can do, in the same words. */
type Side = {
  readonly name: string
  /** Resolves when it is stored as durably as the run says. */
  readonly append: () => Promise<unknown>
  readonly last100: () => Promise<unknown>
  /** Subscribers with a connection each, of whom `heard` is told. */
  readonly listeners: (count: number, heard: () => void) => Promise<() => void>
  readonly close: () => Promise<void>
}
type Sides = { readonly ours: Side; readonly theirs: Side; readonly word: Word }

async function withBoth(
  directory: string,
  kind: Kind,
  word: Word,
  work: (sides: Sides) => Promise<readonly Figure[]>,
): Promise<readonly Figure[]> {
  const ours = await openOurs(join(directory, `ours-${kind}-${word}`), word)
  const theirs = await openPeer(kind, join(directory, `${kind}-${word}`), word)
  try {
    return await work({ ours, theirs, word })
  } finally {
    await ours.close()
    await theirs.close()
  }
}

const payload = 'the quick brown fox jumps over the lazy dog '.repeat(22)
let serial = 0
const text = (): string => `${serial++} ${payload}`

async function openOurs(dataDir: string, word: Word): Promise<Side> {
  const served = await startOurs(dataDir, word === 'disk' ? 'full' : 'normal')
  const waiting = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>()
  const socket = await plainSocket(
    served.port,
    '/v1/stream',
    (read) => {
      const frame = JSON.parse(read()) as { readonly op: string; readonly id?: number }
      if (frame.id === undefined) return
      if (frame.op === 'error') waiting.get(frame.id)?.reject(new Error(JSON.stringify(frame)))
      else waiting.get(frame.id)?.resolve()
      waiting.delete(frame.id)
    },
    'engram.v1',
  )
  let id = 0
  const said = (frame: object): Promise<void> => {
    socket.send(JSON.stringify({ ...frame, id: ++id }))
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
  }
  await said({ op: 'hello', agent_id: 'ada' })
  const append = () => {
    const input = { context_id: 'bench', agent_id: 'ada', type: 'MESSAGE', payload: text(), create_context: true }
    return said({ op: 'call', operation: 'work-unit.append', input })
  }
  return {
    name: 'ours',
    append,
    last100: () => ask(served, 'GET', '/v1/contexts/bench/units?order=desc&limit=100'),
    listeners: (count, heard) => ourListeners(served, count, heard),
    close: async () => {
      socket.close()
      await stop(served)
    },
  }
}

async function ourListeners(served: Served, count: number, heard: () => void): Promise<() => void> {
  let [open, greeted] = [0, (): void => undefined]
  const all = new Promise<void>((resolve) => (greeted = resolve))
  const ends = await each(count, async () => {
    let isGreeted = false
    // The first frame says that the position is fixed.
    const socket = await plainSocket(served.port, '/stream?context=bench&encoding=v1', () => {
      if (isGreeted) return heard()
      isGreeted = true
      if (++open === count) greeted()
    })
    return () => socket.close()
  })
  await all
  return () => ends.forEach((end) => end())
}

/** So many of something, some at a time. */
async function each<T>(count: number, make: () => Promise<T>): Promise<readonly T[]> {
  const made: T[] = []
  while (made.length < count) {
    made.push(...(await Promise.all(Array.from({ length: Math.min(50, count - made.length) }, make))))
  }
  return made
}

function openPeer(kind: Kind, directory: string, word: Word): Promise<Side> {
  mkdirSync(directory, { recursive: true })
  return kind === 'redis' ? openRedis(directory, word) : openNats(directory)
}

async function openRedis(directory: string, word: Word): Promise<Side> {
  const peer: Peer = await startRedis(directory, word === 'disk' ? 'always' : 'everysec')
  const client = await redisClient(peer.port)
  return {
    name: word === 'disk' ? 'Redis XADD, fsync always' : 'Redis XADD, everysec',
    // Stored and told: what one append of ours does.
    append: async () => {
      const value = text()
      const stored = client.command('XADD', 'bench', '*', 'p', value)
      await Promise.all([stored, client.command('PUBLISH', 'bench', value)])
    },
    last100: () => client.command('XREVRANGE', 'bench', '+', '-', 'COUNT', '100'),
    listeners: async (count, heard) => {
      const clients = await each(count, async () => {
        const one = await redisClient(peer.port)
        await one.command('SUBSCRIBE', 'bench')
        one.onMessage(heard)
        return one
      })
      return () => clients.forEach((one) => one.close())
    },
    close: async () => {
      client.close()
      await peer.stop()
    },
  }
}

async function openNats(directory: string): Promise<Side> {
  const peer: Peer = await startNats(directory)
  const client = await natsClient(peer.port)
  await natsStream(client, 'BENCH', 'bench.units')
  return {
    name: 'NATS JetStream, file',
    append: () => client.request('bench.units', text()),
    last100: () => natsLast(client, 'BENCH', 100),
    listeners: async (count, heard) => {
      const clients = await each(count, async () => {
        const one = await natsClient(peer.port)
        await one.subscribe('bench.units', heard)
        return one
      })
      return () => clients.forEach((one) => one.close())
    },
    close: async () => {
      client.close()
      await peer.stop()
    },
  }
}

async function beside(sides: Sides, quick: boolean): Promise<readonly Figure[]> {
  const isRedis = sides.theirs.name.startsWith('Redis')
  const figures = [
    await oneInFlight(sides, quick, isRedis ? 'G6: ≤ 1.0 x' : 'G6: ≤ 0.6 x'),
    await inFlight(sides, quick, isRedis ? 'G7: ≥ 1.5 x' : 'G7: ≥ 3.5 x'),
    await last100(sides, quick, isRedis ? 'G10: ≤ 0.35 x' : 'G10: ≤ 0.05 x'),
  ]
  const lastGoals: Readonly<Record<number, string>> = isRedis
    ? { 100: 'G8: ≤ 1.0 x', 1_000: 'G8: ≤ 0.8 x' }
    : { 100: 'G8: ≤ 0.65 x', 1_000: 'G8: ≤ 0.45 x' }
  for (const count of [10, 100, 1_000]) figures.push(await fanOut(sides, count, quick, lastGoals[count] ?? ''))
  for (const count of [100, 1_000]) {
    figures.push(await throughput(sides, count, quick, `G9: ≥ 900,000/s, ${isRedis ? '≥ 1.0 x' : '≥ 3 x'}`))
  }
  return figures
}

async function onDisk(sides: Sides, quick: boolean): Promise<readonly Figure[]> {
  return [await oneInFlight(sides, quick, ''), await inFlight(sides, quick, 'G3: ≥ 1.0 x')]
}

const told = ({ theirs, word }: Sides) => ({ baselineName: theirs.name, durability: word })

async function oneInFlight(sides: Sides, quick: boolean, goal: string): Promise<Figure> {
  const { ours, theirs } = sides
  for (let n = 0; n < 300; n++) await Promise.all([ours.append(), theirs.append()])
  const run = await alternate(
    () => timedAsync(ours.append),
    () => timedAsync(theirs.append),
    quick ? 10 : 40,
    50,
  )
  const name = `append over a socket, 1 in flight, beside ${theirs.name}`
  const [value, baseline] = [median(run.ours), median(run.bare)]
  return { ...told(sides), name, value, unit: 'ms', baseline, ratio: run.ratio, goal }
}

/** Appends per second, in alternating slices. */
async function inFlight(sides: Sides, quick: boolean, goal: string): Promise<Figure> {
  const { ours, theirs } = sides
  const rate = (side: Side) => perSecond(64, quick ? 1_000 : 4_000, side.append)
  const run = await alternate(
    () => rate(ours),
    () => rate(theirs),
    quick ? 4 : 12,
    1,
  )
  const name = `appends over a socket, 64 in flight, beside ${theirs.name}`
  const [value, baseline] = [median(run.ours), median(run.bare)]
  return { ...told(sides), name, value, unit: '/s', baseline, ratio: run.ratio, goal }
}

async function last100(sides: Sides, quick: boolean, goal: string): Promise<Figure> {
  const { ours, theirs } = sides
  const run = await alternate(
    () => timedAsync(ours.last100),
    () => timedAsync(theirs.last100),
    quick ? 5 : 20,
    20,
  )
  const name = `last 100 over a socket, beside ${theirs.name}`
  const [value, baseline] = [median(run.ours), median(run.bare)]
  return { ...told(sides), name, value, unit: 'ms', baseline, ratio: run.ratio, goal }
}

/** From the publish to the last of so many subscribers, each with a connection of its own. */
async function fanOut(sides: Sides, count: number, quick: boolean, goal: string): Promise<Figure> {
  const measure = async (side: Side) => {
    let [heard, all] = [0, (): void => undefined]
    const end = await side.listeners(count, () => {
      if (++heard === count) all()
    })
    const once = (): Promise<number> =>
      timedAsync(() => {
        heard = 0
        const everybody = new Promise<void>((resolve) => (all = resolve))
        return Promise.all([side.append(), everybody])
      })
    for (let n = 0; n < 20; n++) await once()
    return { once, end }
  }
  const [mine, peer] = [await measure(sides.ours), await measure(sides.theirs)]
  const run = await alternate(mine.once, peer.once, quick ? 5 : 20, count >= 1_000 ? 10 : 40)
  mine.end()
  peer.end()
  const name = `publish to last of ${count}, beside ${sides.theirs.name}`
  const [value, baseline] = [median(run.ours), median(run.bare)]
  return { ...told(sides), name, value, unit: 'ms', baseline, ratio: run.ratio, goal }
}

/** Deliveries per second with 64 publishes under way. */
async function throughput(sides: Sides, count: number, quick: boolean, goal: string): Promise<Figure> {
  const publishes = (quick ? 40_000 : 400_000) / count
  const measure = async (side: Side): Promise<{ readonly rate: () => Promise<number>; readonly end: () => void }> => {
    let [left, all] = [0, (): void => undefined]
    const end = await side.listeners(count, () => {
      if (--left === 0) all()
    })
    const rate = async (): Promise<number> => {
      left = count * publishes
      const everybody = new Promise<void>((resolve) => (all = resolve))
      const started = performance.now()
      await Promise.all([perSecond(64, publishes, side.append), everybody])
      return (count * publishes * 1_000) / (performance.now() - started)
    }
    return { rate, end }
  }
  const [mine, peer] = [await measure(sides.ours), await measure(sides.theirs)]
  const run = await alternate(mine.rate, peer.rate, quick ? 3 : 10, 1)
  mine.end()
  peer.end()
  const name = `deliveries to ${count}, 64 publishes in flight, beside ${sides.theirs.name}`
  const [value, baseline] = [median(run.ours), median(run.bare)]
  return { ...told(sides), name, value, unit: '/s', baseline, ratio: run.ratio, goal }
}
