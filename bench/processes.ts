import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openEngine } from '../src/open-engine.ts'
import {
  bareFsync,
  benchOptions,
  median,
  percentile,
  report,
  temporaryDirectory,
  timed,
  timedAsync,
  type Figure,
} from './harness.ts'
import { inventMemory, randomFrom } from './invented-text.ts'

/**
 * G18: what happens to the memory when every agent starts a process of its own. So many processes save as fast as they
 * can into one data dir; one bare better-sqlite3 process commits rows of the same text in the same run. A process may
 * wait, none may starve and none may be told that the file is locked.
 *
 * `node bench/processes.ts worker …` is one such process.
 */
type Durability = 'full' | 'normal'
type Who = 'engine' | 'bare'
type WorkerTold = { readonly waits: readonly number[]; readonly errors: readonly string[] }
type Round = { readonly perSecond: number; readonly waits: readonly number[]; readonly perProcess: readonly number[] }

const words: Readonly<Record<Durability, string>> = { full: 'disk', normal: 'os' }

async function work(args: readonly string[]): Promise<void> {
  const [who = 'engine', dataDir = '', durabilityText = 'full', msText = '1000', writerText = '1'] = args
  const durability: Durability = durabilityText === 'normal' ? 'normal' : 'full'
  const writer = Number(writerText)
  const saver = who === 'bare' ? bareSaver(dataDir, durability, writer) : await engineSaver(dataDir, durability, writer)
  process.stdout.write('ready\n')
  await once(process.stdin, 'data')
  process.stdin.destroy()
  const waits: number[] = []
  const errors: string[] = []
  const untilMs = performance.now() + Number(msText)
  while (performance.now() < untilMs) {
    try {
      waits.push(await saver.save())
    } catch (error) {
      errors.push(String(error))
    }
  }
  await saver.close()
  process.stdout.write(`${JSON.stringify({ waits, errors } satisfies WorkerTold)}\n`)
}

type Saver = { save(): Promise<number> | number; close(): Promise<void> | void }

async function engineSaver(dataDir: string, durability: Durability, writer: number): Promise<Saver> {
  const opened = await openEngine({ dataDir, settings: { durability } })
  const random = randomFrom(writer)
  let serial = writer * 1_000_000
  const save = (): Promise<number> => {
    const memory = { ...inventMemory(random, serial++), project: 'bench', session_id: `s-${writer}` }
    return timedAsync(async () => {
      const { outcome } = await opened.caller.call('observation.save', memory)
      if (outcome === 'queued') throw new Error('a save was queued')
    })
  }
  // What a process pays once at its start is `bench:memory`'s to tell.
  await save()
  return { save, close: () => opened.close() }
}

function bareSaver(dataDir: string, durability: Durability, writer: number): Saver {
  const database = new Database(`${dataDir}.db`)
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`)
  database.pragma('wal_autocheckpoint = 0')
  database.exec('CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, title TEXT, content TEXT)')
  const insert = database.prepare('INSERT INTO rows (title, content) VALUES (?, ?)')
  const random = randomFrom(writer)
  let serial = 0
  return {
    save: () => {
      const { title, content } = inventMemory(random, serial++)
      return timed(() => void insert.run(title, content))
    },
    close: () => void database.close(),
  }
}

async function runProcesses(
  who: Who,
  dataDir: string,
  durability: Durability,
  count: number,
  ms: number,
): Promise<Round> {
  const told = Array.from({ length: count }, async (_, at) => {
    const args = [import.meta.filename, 'worker', who, dataDir, durability, String(ms), String(at + 1)]
    const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') }
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
    let text = ''
    const ready = Promise.withResolvers<void>()
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString()
      if (text.startsWith('ready\n')) ready.resolve()
    })
    const ended = once(child.stdout, 'close')
    await Promise.race([ready.promise, ended])
    return { go: () => void child.stdin.write('go\n'), told: ended.then(() => parseTold(text)) }
  })
  const started = await Promise.all(told)
  for (const one of started) one.go()
  const all = await Promise.all(started.map((one) => one.told))
  const errors = all.flatMap((one) => one.errors)
  if (errors.length > 0) console.log(`${errors.length} errors reached a caller, the first: ${errors[0]}`)
  const waits = all.flatMap((one) => one.waits)
  return { perSecond: (waits.length / ms) * 1_000, waits, perProcess: all.map((one) => one.waits.length) }
}

function parseTold(text: string): WorkerTold {
  const line = text.split('\n')[1] ?? ''
  if (line === '') throw new Error('expected the figures of a worker, it ended without')
  return JSON.parse(line) as WorkerTold
}

/** All kinds of runs once per round, so that each sees the same moods of the machine. */
async function measure(directory: string, durability: Durability, rounds: number, ms: number): Promise<Figure[]> {
  const counts = [1, 8, 32]
  const bare: Round[] = []
  const ours = new Map(counts.map((count) => [count, [] as Round[]]))
  for (let round = 0; round < rounds; round++) {
    const dataDir = join(directory, `${durability}-${round}`)
    bare.push(await runProcesses('bare', `${dataDir}-bare`, durability, 1, ms))
    for (const count of counts) {
      ours.get(count)?.push(await runProcesses('engine', `${dataDir}-${count}`, durability, count, ms))
    }
  }
  const one = rateOf(ours.get(1) ?? [])
  return [
    figure('bare commits per second, 1 process', rateOf(bare), '/s', durability, null, ''),
    ...counts.flatMap((count) => figuresOf(count, ours.get(count) ?? [], bare, one, durability)),
  ]
}

const rateOf = (rounds: readonly Round[]): number => median(rounds.map((round) => round.perSecond))

function figuresOf(
  count: number,
  rounds: readonly Round[],
  bare: readonly Round[],
  one: number,
  durability: Durability,
): Figure[] {
  const waits = rounds.flatMap((round) => round.waits)
  const bareWaits = bare.flatMap((round) => round.waits)
  const spread = median(
    rounds.map((round) => Math.max(...round.perProcess) / Math.max(1, Math.min(...round.perProcess))),
  )
  const name = `${count} ${count === 1 ? 'process' : 'processes'}, ${durability}`
  const rate = figure(`saves per second, ${name}`, rateOf(rounds), '/s', durability, one, 'our one process')
  return [
    count === 1
      ? { ...rate, baseline: rateOf(bare), baselineName: 'bare commits' }
      : { ...rate, goal: 'G18: ≥ 0.9 x the one-process rate' },
    figure(`save p50, ${name}`, median(waits), 'ms', durability, median(bareWaits), 'bare commit'),
    figure(`save p99, ${name}`, percentile(waits, 0.99), 'ms', durability, percentile(bareWaits, 0.99), 'bare commit'),
    {
      ...figure(`worst wait, ${name}`, maxOf(waits), 'ms', durability, maxOf(bareWaits), 'bare commit'),
      goal: count === 1 ? '' : 'G18: ≤ 250 ms',
    },
    ...(count === 1
      ? []
      : [{ ...figure(`most / fewest saves, ${name}`, spread, 'x', durability, null, ''), goal: 'L1: ≤ 2' }]),
  ]
}

const maxOf = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0)

const figure = (
  name: string,
  value: number,
  unit: string,
  durability: Durability,
  baseline: number | null,
  baselineName: string,
): Figure => ({ name, value, unit, baseline, baselineName, durability: words[durability], goal: '' })

async function main(): Promise<void> {
  const options = benchOptions()
  const directory = temporaryDirectory()
  const fsync = bareFsync(directory.path, options.quick ? 200 : 1_000)
  const figures: Figure[] = [figure('bare fsync p50', fsync.p50, 'ms', 'full', null, '')]
  for (const durability of ['full', 'normal'] as const) {
    if (options.only.length > 0 && !options.only.includes(durability)) continue
    figures.push(...(await measure(directory.path, durability, options.quick ? 1 : 3, options.quick ? 2_000 : 5_000)))
  }
  directory.remove()
  report('processes', figures, options)
}

await (process.argv[2] === 'worker' ? work(process.argv.slice(3)) : main())
