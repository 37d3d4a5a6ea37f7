import { fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Delivery } from '../src/model/live-feed.ts'
import { Hub } from '../src/live/hub.ts'
import { SqliteLog } from '../src/live/sqlite-log.ts'
import { openEngine, type OpenedEngine } from '../src/open-engine.ts'
import {
  alternate,
  bareFsync,
  benchOptions,
  median,
  percentile,
  perSecond,
  report,
  temporaryDirectory,
  timedAsync,
  type Figure,
} from './harness.ts'
import { bareLog } from './bare-log.ts'
import { commitFigures } from './live-commits.ts'
import { httpFigures } from './live-http.ts'
import { peerFigures } from './live-peers.ts'

/**
 * What the live engine costs in its own process: appends, locks, lists, fan-out. Each figure stands beside the bare cost of the
 * same work in the same run.
 */
const options = benchOptions()
const figures: Figure[] = []
const wants = (part: string): boolean => options.only.length === 0 || options.only.includes(part)
const word = { full: 'disk', normal: 'os' } as const
type Durability = keyof typeof word

function figure(name: string, value: number, unit: string, more: Partial<Figure> = {}): void {
  figures.push({ name, value, unit, baseline: null, baselineName: '', durability: '', goal: '', ...more })
}

/** About a kilobyte of text without a secret in it. */
const payloadOf = (serial: number): string => `${serial} ${'the quick brown fox jumps over the lazy dog '.repeat(22)}`

const unitOf = (serial: number) =>
  ({
    context_id: 'bench',
    agent_id: 'ada',
    type: 'MESSAGE',
    payload: payloadOf(serial),
    create_context: true,
  }) as const

const warmCalls = 500

/** One row of a kilobyte, committed alone, without an index. */
function bareDatabase(path: string, durability: Durability): () => Promise<number> {
  const insert = bareLog(path, durability).prepare('INSERT INTO rows (body) VALUES (?)')
  let serial = 0
  return () => timedAsync(async () => void insert.run(JSON.stringify({ payload: payloadOf(serial++) })))
}

async function appends(directory: string, durability: Durability): Promise<void> {
  const engine = await openEngine({
    dataDir: join(directory, `append-${durability}`),
    settings: { durability },
    isServer: true,
  })
  let serial = 0
  const ours = (): Promise<number> =>
    timedAsync(() => engine.caller.call('work-unit.append', unitOf(serial++), { durability }))
  const bare = bareDatabase(join(directory, `bare-${durability}.db`), durability)
  // Both warm: what a first call costs is `bench:memory`'s to tell.
  await alternate(ours, bare, 1, warmCalls)
  const run = await alternate(ours, bare, options.quick ? 20 : 60, options.quick ? 50 : 350)
  const baselineName = 'one-row SQLite commit'
  const told = { baselineName, durability: word[durability] }
  figure(`append 1 KiB p50, ${durability}, 1 writer`, median(run.ours), 'ms', {
    ...told,
    baseline: median(run.bare),
    ratio: run.ratio,
    goal: durability === 'normal' ? 'G1: ≤ 1.5 x' : '≤ 2 x',
  })
  figure(`append 1 KiB p99, ${durability}, 1 writer`, percentile(run.ours, 0.99), 'ms', {
    ...told,
    baseline: percentile(run.bare, 0.99),
    goal: durability === 'full' ? '≤ 1 ms and ≤ 2 x' : 'G1: ≤ 20 x p50',
  })
  if (durability === 'full') await besideNaive(directory, ours)
  const alone = 1_000 / median(run.ours)
  const many = await perSecond(64, options.quick ? 4_000 : 40_000, () =>
    engine.caller.call('work-unit.append', unitOf(serial++), { durability }),
  )
  figure(`appends per second, ${durability}, 64 writers`, many, '/s', {
    baseline: alone,
    baselineName: 'one writer',
    durability: word[durability],
    goal: durability === 'full' ? 'G3: ≥ 12 x' : '',
  })
  await engine.close()
}

/** A kilobyte at the end of a growing file, and fdatasync: the least that survives a power cut. */
function naiveAppend(path: string): () => Promise<number> {
  const file = openSync(path, 'a')
  let serial = 0
  return () =>
    timedAsync(async () => {
      writeSync(file, `${JSON.stringify({ payload: payloadOf(serial++) })}\n`)
      fdatasyncSync(file)
    })
}

async function besideNaive(directory: string, ours: () => Promise<number>): Promise<void> {
  const bare = naiveAppend(join(directory, 'naive.jsonl'))
  const run = await alternate(ours, bare, options.quick ? 20 : 60, options.quick ? 25 : 100)
  figure('append 1 KiB p50, full, beside a file', median(run.ours), 'ms', {
    baseline: median(run.bare),
    ratio: run.ratio,
    baselineName: 'append + fdatasync',
    durability: 'disk',
    goal: 'G2: ≤ 0.85 x',
  })
}

async function locks(directory: string, durability: Durability): Promise<void> {
  const engine = await openEngine({
    dataDir: join(directory, `lock-${durability}`),
    settings: { durability },
    isServer: true,
  })
  const ours = (): Promise<number> =>
    timedAsync(async () => {
      const { lock } = await engine.caller.call('lock.acquire', { resource_path: 'r', agent_id: 'ada' }, { durability })
      const mine = { resource_path: 'r', agent_id: 'ada', lock_id: lock.lock_id }
      await engine.caller.call('lock.release', mine, { durability })
    })
  const commit = bareDatabase(join(directory, `bare-lock-${durability}.db`), durability)
  const isDisk = durability === 'full'
  const bare = isDisk
    ? naiveAppend(join(directory, 'bare-lock.jsonl'))
    : async (): Promise<number> => (await commit()) + (await commit())
  await ours()
  const run = await alternate(ours, bare, options.quick ? 20 : 60, options.quick ? 25 : 100)
  const baselineName = isDisk ? 'one append + fdatasync' : 'two one-row commits'
  const told = { baselineName, durability: word[durability] }
  const goal = isDisk ? 'G17: ≤ 2 x' : 'G17: ≤ 0.02 ms'
  figure(`lock acquire + release p50, ${durability}`, median(run.ours), 'ms', {
    ...told,
    baseline: median(run.bare),
    ratio: run.ratio,
    goal,
  })
  figure(`lock acquire + release p99, ${durability}`, percentile(run.ours, 0.99), 'ms', {
    ...told,
    baseline: percentile(run.bare, 0.99),
  })
  await engine.close()
}

/**
 * A context of so many units: the first are appended, the rest are copies of them made by SQLite, each with a place and an id of
 * its own.
 */
async function filled(dataDir: string, count: number): Promise<OpenedEngine> {
  const first = await openEngine({ dataDir, settings: { durability: 'normal' } })
  const steps = Array.from({ length: seedUnits }, (_, serial) => {
    const id = first.deps.ids.uuid()
    const payload = payloadOf(serial).slice(0, 400)
    return {
      kind: 'unit',
      unit: { id, isOwnId: false, type: 'MESSAGE', meta: {}, payload, relationships: [] },
    } as const
  })
  await first.deps.contextLog.append({ contextId: 'big', context: 'upsert', agentId: 'ada', steps })
  const { path } = first.deps.store
  await first.close()
  const database = new Database(path)
  const copies = Math.ceil((count - seedUnits) / seedUnits)
  // The driver binds numbers as REAL, and 7 would be written as 7.0.
  const from = { before: BigInt(seedUnits + 1), copies: BigInt(copies), units: BigInt(seedUnits) }
  // The id is the first thing in the text; seq, gseq and the cursor are the last.
  database.prepare(copySql).run(from)
  database.prepare(`UPDATE log_meta SET value = (SELECT max(gseq) FROM log) WHERE key = 'indexed'`).run()
  database.close()
  return openEngine({ dataDir, settings: { durability: 'normal' } })
}

const seedUnits = 1_000

const copySql = `
  WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < $copies),
  placed AS (
    SELECT l.gseq + copy.n * $units AS gseq, l.seq + copy.n * $units AS seq, l.context, l.kind, l.ts_ms, l.agent_id, l.unit_type,
      l.body, l.unit_id
    FROM copy, log l WHERE l.kind = 0 AND l.gseq <= $before
  ),
  named AS (SELECT *, substr(unit_id, 1, 24) || printf('%012x', gseq) AS id FROM placed)
  INSERT INTO log (gseq, context, seq, kind, ts_ms, agent_id, unit_id, unit_type, body)
  SELECT gseq, context, seq, kind, ts_ms, agent_id, id, unit_type,
    '{"id":"' || id || '"' || substr(body, 45, instr(body, ',"seq":') - 45)
      || ',"seq":' || seq || ',"gseq":' || gseq || ',"cursor":"' || substr(body, -39, 21) || printf('%016x', seq) || '"}'
  FROM named ORDER BY gseq`

async function lists(directory: string): Promise<void> {
  const count = 1_000_000
  const engine = await filled(join(directory, 'list'), count)
  const bare = new Database(engine.deps.store.path, { readonly: true })
  const select = bare.prepare('SELECT body FROM log WHERE context = 1 ORDER BY seq DESC LIMIT 100')
  const plain = (): Promise<number> => timedAsync(async () => void select.all())
  const texts = (): Promise<number> =>
    timedAsync(() => engine.live.unitTexts({ context_id: 'big', order: 'desc', limit: 100 }))
  const parsed = (): Promise<number> =>
    timedAsync(() => engine.caller.call('work-unit.list', { context_id: 'big', order: 'desc', limit: 100 }))
  for (const [name, ours, goal] of [
    ['as stored', texts, 'G10: ≤ 1.15 x'],
    ['as records', parsed, ''],
  ] as const) {
    await ours()
    const run = await alternate(ours, plain, 40, options.quick ? 25 : 100)
    const told = { baselineName: 'bare SELECT of the text', baseline: median(run.bare) }
    figure(`last 100 of ${count}, ${name}, p50`, median(run.ours), 'ms', { ...told, ratio: run.ratio, goal })
    figure(`last 100 of ${count}, ${name}, p99`, percentile(run.ours, 0.99), 'ms', {
      ...told,
      baseline: percentile(run.bare, 0.99),
      goal: '≤ 2 ms',
    })
  }
  bare.close()
  await engine.close()
}

/** From the call of append to the last of so many subscribers in this process; their sockets take at once. */
async function fanOut(directory: string, subscribers: number): Promise<void> {
  const engine = await openEngine({
    dataDir: join(directory, `fan-${subscribers}`),
    settings: { durability: 'normal' },
  })
  if (!(engine.deps.contextLog instanceof SqliteLog)) throw new Error('not the local log')
  const hub = new Hub({ log: engine.deps.contextLog, clock: engine.deps.clock })
  let heard = 0
  let all: () => void = () => undefined
  for (let n = 0; n < subscribers; n++) {
    const connection = hub.open<Delivery>(
      {
        write: (frames, taken) => {
          for (const frame of frames) if (frame.kind === 'event' && ++heard === subscribers) all()
          taken()
        },
        leave: () => undefined,
      },
      () => 1_000,
    )
    const subscription = await connection.subscribe({ contexts: ['bench'], kinds: ['unit.created'] }, (one) => one)
    subscription.start()
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  let serial = 0
  const times: number[] = []
  const alone: number[] = []
  for (let n = 0; n < (options.quick ? 300 : 3_000); n++) {
    heard = 0
    const everybody = new Promise<void>((resolve) => {
      all = resolve
    })
    const started = performance.now()
    await engine.caller.call('work-unit.append', unitOf(serial++))
    alone.push(performance.now() - started)
    await everybody
    times.push(performance.now() - started)
  }
  figure(`append to last of ${subscribers} in process, p50`, median(times), 'ms', {
    baseline: median(alone),
    baselineName: 'the append itself',
    durability: 'os',
  })
  figure(`append to last of ${subscribers} in process, p99`, percentile(times, 0.99), 'ms', {
    baseline: percentile(alone, 0.99),
    baselineName: 'the append itself',
    durability: 'os',
  })
  await hub.close()
  await engine.close()
}

const directory = temporaryDirectory()
try {
  const fsync = bareFsync(directory.path, options.quick ? 200 : 1_000)
  figure('bare fdatasync p50', fsync.p50, 'ms', { durability: 'disk' })
  figure('bare fdatasync p99', fsync.p99, 'ms', { durability: 'disk' })
  for (const durability of ['normal', 'full'] as const) {
    if (wants('append')) await appends(directory.path, durability)
    if (wants('lock')) await locks(directory.path, durability)
  }
  if (wants('commits')) figures.push(...(await commitFigures(directory.path, options.quick)))
  if (wants('list')) await lists(directory.path)
  if (wants('fan-out')) for (const count of [1, 10, 100, 1_000]) await fanOut(directory.path, count)
  if (wants('http')) figures.push(...(await httpFigures(directory.path, options.quick)))
  if (wants('peers')) figures.push(...(await peerFigures(directory.path, options.quick)))
  report('live', figures, options)
} finally {
  directory.remove()
}
