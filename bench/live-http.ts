import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join, resolve } from 'node:path'
import { WebSocket } from 'ws'
import { alternate, median, percentile, perSecond, timedAsync, type Figure } from './harness.ts'
import { pacedBeside } from './paced.ts'

/**
 * What the faces of the live engine cost. The server is a process of its own, as is the bare one beside it: a node:http echo, and a
 * plain broadcast with `ws`. Both are asked in the same way by this process.
 */
export async function httpFigures(directory: string, quick: boolean): Promise<readonly Figure[]> {
  const bare = await startBare()
  const figures: Figure[] = []
  try {
    // First, while this process that hears for all of them has no heap of other work to collect.
    const ours = await startOurs(join(directory, 'http-fan-out'), 'normal')
    figures.push(...(await list(ours, bare, quick)))
    for (const count of [1, 10, 100, 1_000]) figures.push(...(await fanOut(ours, bare, count, quick)))
    figures.push(...(await besideStill(ours, quick)))
    await stop(ours)
    for (const durability of ['normal', 'full'] as const) {
      const dataDir = join(directory, `http-${durability}`)
      const ours = await startOurs(dataDir, durability)
      figures.push(...(await appends(ours, bare, durability, quick)))
      await stop(ours)
      // What the system has not written of it yet would be written beside what is measured next.
      rmSync(dataDir, { recursive: true })
    }
    figures.push(...(await idleMemory(directory)))
  } finally {
    await stop(bare)
  }
  return figures
}

export type Served = { readonly child: ChildProcess; readonly port: number; readonly agent: Agent }

const root = resolve(import.meta.dirname, '..')
const words = { normal: 'os', full: 'disk' } as const

export const startOurs = (dataDir: string, durability: string): Promise<Served> =>
  start(['src/bin.ts', 'serve', '--port', '0', '--data-dir', dataDir, '--durability', durability])
const startBare = (): Promise<Served> => start(['bench/bare-server.ts'])

function start(line: readonly string[]): Promise<Served> {
  const child = spawn(process.execPath, [...line], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  return new Promise((resolve, reject) => {
    const hear = (part: Buffer): void => {
      const port = /listening on (?:\S+:)?(\d+)/.exec(part.toString())?.[1]
      if (port !== undefined) resolve({ child, port: Number(port), agent: new Agent({ keepAlive: true }) })
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('close', (code) => reject(new Error(`${line.join(' ')} ended with ${code}`)))
  })
}

export function stop({ child, agent }: Served): Promise<void> {
  agent.destroy()
  return new Promise((resolve) => {
    child.once('close', () => resolve())
    child.kill('SIGTERM')
  })
}

export function ask({ port, agent }: Served, method: string, path: string, body = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = body === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
    const asking = request({ host: '127.0.0.1', port, agent, method, path, headers }, (answer) => {
      if ((answer.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${answer.statusCode}`))
      answer.resume().on('end', () => resolve())
    })
    asking.on('error', reject).end(body)
  })
}

const payload = 'the quick brown fox jumps over the lazy dog '.repeat(22)
let serial = 0
const unit = (): string =>
  JSON.stringify({ context_id: 'bench', agent_id: 'ada', type: 'MESSAGE', payload: `${serial++} ${payload}` })

/**
 * A server that stays has compiled its code; what the first requests cost is no figure of it. Both sides get as many: V8 still
 * compiles beside them up to some fifteen thousand.
 */
const warmRequests = { quick: 2_000, whole: 15_000 }
const warmRounds = { quick: 50, whole: 1_000 }

/** Below what one caller after another reaches at `full`. */
const steadyRate = 200

async function appends(
  ours: Served,
  bare: Served,
  durability: 'normal' | 'full',
  quick: boolean,
): Promise<readonly Figure[]> {
  const append = (): Promise<void> => ask(ours, 'POST', '/workunit', unit())
  const echo = (): Promise<void> => ask(bare, 'POST', '/echo', unit())
  for (let n = 0; n < warmRequests[quick ? 'quick' : 'whole']; n++) await Promise.all([append(), echo()])
  const run = await alternate(
    () => timedAsync(append),
    () => timedAsync(echo),
    quick ? 10 : 200,
    50,
  )
  const steady = await pacedBeside(steadyRate, quick ? 2 : 10, append, echo)
  const [mine, theirs] = [
    await perSecond(64, quick ? 2_000 : 20_000, append),
    await perSecond(64, quick ? 2_000 : 20_000, echo),
  ]
  const told = { baselineName: 'node:http echo', durability: words[durability] }
  const name = `append 1 KiB over HTTP, ${durability}`
  return [
    { ...told, name: `${name}, p50`, value: median(run.ours), unit: 'ms', baseline: median(run.bare), goal: 'G6' },
    {
      ...told,
      name: `${name}, p99`,
      value: percentile(run.ours, 0.99),
      unit: 'ms',
      baseline: percentile(run.bare, 0.99),
      goal: durability === 'normal' ? '≤ 1 ms above' : '≤ 1 ms and one fsync above',
    },
    {
      ...told,
      name: `${name}, at ${steadyRate}/s, from its intended time, p99`,
      value: percentile(steady.ours, 0.99),
      unit: 'ms',
      baseline: percentile(steady.bare, 0.99),
      goal: '',
    },
    { ...told, name: `${name}, 64 in flight`, value: mine, unit: '/s', baseline: theirs, goal: 'G3, G7' },
  ]
}

async function list(ours: Served, bare: Served, quick: boolean): Promise<readonly Figure[]> {
  for (let n = 0; n < 200; n++) await ask(ours, 'POST', '/workunit', unit())
  const last = (): Promise<void> => ask(ours, 'GET', '/v1/contexts/bench/units?order=desc&limit=100')
  const body = `{"units":[${Array.from({ length: 100 }, unit).join(',')}]}`
  const echo = (): Promise<void> => ask(bare, 'POST', '/echo', body)
  const run = await alternate(
    () => timedAsync(last),
    () => timedAsync(echo),
    quick ? 5 : 20,
    40,
  )
  const told = { unit: 'ms', baselineName: 'echo of as many bytes', durability: '' }
  return [
    {
      ...told,
      name: 'last 100 over HTTP, p50',
      value: median(run.ours),
      baseline: median(run.bare),
      ratio: run.ratio,
      goal: 'G10: ≤ 1.25 x',
    },
  ]
}

async function connected(
  served: Served,
  path: string,
  count: number,
  onMessage: () => void,
): Promise<readonly WebSocket[]> {
  const sockets: WebSocket[] = []
  for (let made = 0; made < count; made += 50) {
    const some = Array.from({ length: Math.min(50, count - made) }, () => {
      const socket = new WebSocket(`ws://127.0.0.1:${served.port}${path}`, { perMessageDeflate: false })
      return new Promise<WebSocket>((resolve, reject) => {
        socket.once('error', reject)
        const isOurs = path.startsWith('/stream')
        const ready = (): void => {
          socket.on('message', onMessage)
          resolve(socket)
        }
        // Our server says when the position is fixed.
        if (isOurs) socket.once('message', ready)
        else socket.once('open', ready)
      })
    })
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

const bareGoals: Readonly<Record<number, string>> = {
  10: 'G8: ≤ 1.25 x',
  100: 'G8: ≤ 1.2 x, promise ≤ 1.5 x',
  1_000: 'G8: ≤ 1.15 x',
}

const stream = '/stream?context=bench&encoding=v1'

/** Subscribers that read, and how long one publish takes until the last of them has heard of it. */
async function hearers(served: Served, path: string, count: number, publish: () => Promise<void>) {
  let [heard, all] = [0, (): void => undefined]
  const sockets = await connected(served, path, count, () => {
    if (++heard === count) all()
  })
  const once = async (): Promise<number> => {
    heard = 0
    const everybody = new Promise<void>((resolve) => (all = resolve))
    const started = performance.now()
    await Promise.all([publish(), everybody])
    return performance.now() - started
  }
  return { once, end: () => sockets.forEach((socket) => socket.terminate()) }
}

async function fanOut(ours: Served, bare: Served, count: number, quick: boolean): Promise<readonly Figure[]> {
  const mine = await hearers(ours, stream, count, () => ask(ours, 'POST', '/workunit', unit()))
  const theirs = await hearers(bare, '/', count, () => ask(bare, 'POST', '/publish', unit()))
  for (let n = 0; n < warmRounds[quick ? 'quick' : 'whole']; n++) await Promise.all([mine.once(), theirs.once()])
  const run = await alternate(mine.once, theirs.once, quick ? 5 : 40, count >= 1_000 ? 10 : 40)
  mine.end()
  theirs.end()
  const told = { unit: 'ms', baselineName: 'plain ws broadcast', durability: 'os' }
  return [
    {
      ...told,
      name: `publish to last of ${count} WebSockets, p50`,
      value: median(run.ours),
      baseline: median(run.bare),
      ratio: run.ratio,
      goal: bareGoals[count] ?? '',
    },
    {
      ...told,
      name: `publish to last of ${count} WebSockets, p99`,
      value: percentile(run.ours, 0.99),
      baseline: percentile(run.bare, 0.99),
      goal: count === 100 ? '≤ 5 ms' : '',
    },
  ]
}

/** More than a socket's buffers and an outbox hold, so that whoever does not read has really been left behind. */
const floodBytes = 24 * 1024 * 1024
const floodUnitBytes = 256 * 1024

/** What ten who read notice of one that does not: in turns with it and without it, each behind as large a flood. */
async function besideStill(ours: Served, quick: boolean): Promise<readonly Figure[]> {
  const readers = await hearers(ours, stream, 10, () => ask(ours, 'POST', '/workunit', unit()))
  const payload = 'x'.repeat(floodUnitBytes)
  const large = JSON.stringify({ context_id: 'bench', agent_id: 'ada', type: 'MESSAGE', payload })
  const times = { beside: [] as number[], alone: [] as number[] }
  for (let round = 0; round < (quick ? 2 : 6); round++) {
    for (const kind of ['beside', 'alone'] as const) {
      const [still] = kind === 'beside' ? await connected(ours, stream, 1, () => undefined) : []
      still?.pause()
      for (let sent = 0; sent < floodBytes; sent += floodUnitBytes) await ask(ours, 'POST', '/workunit', large)
      // The readers hear of the flood too, and the log is folded behind it; none of that is what is measured.
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      for (let n = 0; n < (quick ? 50 : 500); n++) times[kind].push(await readers.once())
      still?.terminate()
    }
  }
  readers.end()
  return [
    {
      name: 'publish to last of 10 WebSockets, one more stands still, p99',
      value: percentile(times.beside, 0.99),
      unit: 'ms',
      baseline: percentile(times.alone, 0.99),
      baselineName: 'without it',
      durability: 'os',
      goal: 'others move ≤ 10 %',
    },
  ]
}

const idleSockets = 1_000

/** Resident bytes of a process, from the kernel. */
const residentKib = ({ child }: Served): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? Number.NaN)

async function idleMemory(directory: string): Promise<readonly Figure[]> {
  const cost = async (served: Served, path: string): Promise<number> => {
    // What the first sockets make is made once.
    const first = await connected(served, path, 50, () => undefined)
    const before = residentKib(served)
    const sockets = await connected(served, path, idleSockets, () => undefined)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const each = (residentKib(served) - before) / idleSockets
    for (const socket of [...first, ...sockets]) socket.terminate()
    await stop(served)
    return each
  }
  const value = await cost(await startOurs(join(directory, 'http-idle'), 'normal'), '/stream?context=idle')
  const baseline = await cost(await startBare(), '/')
  const name = `memory of one idle subscriber, of ${idleSockets}`
  return [{ name, value, unit: 'KiB', baseline, baselineName: 'plain ws', durability: '', goal: '' }]
}
