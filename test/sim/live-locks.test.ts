import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lock } from '../../src/model/live.ts'
import { SqliteLog } from '../../src/live/sqlite-log.ts'
import { SimulatedClock, systemClock } from '../../src/platform/clock.ts'
import { simulatedMachine } from '../../src/platform/machine-clock.ts'
import { seededRandom, systemRandom } from '../../src/platform/random.ts'
import { migrations } from '../../src/store/migrations/index.ts'
import { Store } from '../../src/store/store.ts'
import { everything } from '../contract/log-store.ts'
import { type Defect, type LockAsked, lockService } from './broken-locks.ts'
import {
  type LockAnswer,
  type LockCall,
  staleWrites,
  tokenErrors,
  unexplainedByResource,
  type Written,
} from './lock-history.ts'
import { askLog, type Below, belowOf, makeClient, runClient } from './lock-workload.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'live-locks-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const isLong = process.env['ENGRAM_LONG'] === '1'
const seed = Number(process.env['SEED'] ?? 20261120)
const clients = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const ttlMs = 100

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

/** Eight clients on one clock that only they move. */
async function historyOf(
  below: Below,
  callsEach: number,
  ask: (asked: LockAsked) => Promise<LockAnswer>,
  clock: { nowMs: () => number; advance: (ms: number) => void },
): Promise<readonly LockCall[]> {
  const all = await Promise.all(
    clients.map((name) =>
      runClient(makeClient(name, below, 2, ttlMs), callsEach, ask, clock.nowMs, async () => {
        clock.advance(below(8) === 0 ? below(60) : below(3))
        await turns(below(4))
      }),
    ),
  )
  return all.flat()
}

function handClock() {
  let now = 0
  return {
    nowMs: () => now,
    advance: (ms: number) => {
      now += ms
    },
  }
}

/** What is wrong with a history of eight clients of a lock in memory. */
async function inventedErrors(defect: Defect, of: number): Promise<readonly unknown[]> {
  const clock = handClock()
  const below = belowOf(of)
  const service = lockService(defect, clock.nowMs, () => turns(below(3)))
  return errorsOf(await historyOf(below, 60, service.ask, clock), service.written)
}

const errorsOf = (history: readonly LockCall[], written: readonly Written[]): readonly unknown[] => [
  ...unexplainedByResource(history),
  ...tokenErrors(history),
  ...staleWrites(written),
]

/** Grants and guarded writes of all resources, in the order of the log. */
async function writtenIn(log: SqliteLog): Promise<readonly Written[]> {
  return (await everything(log, 'all')).flatMap(({ kind, contextId, body }): readonly Written[] => {
    if (kind === 'lock.acquired') {
      const { lock } = JSON.parse(body) as { readonly lock: Lock }
      return [{ resource: lock.resource_path, kind: 'grant', token: lock.fencing_token }]
    }
    if (kind !== 'unit.created') return []
    const resource = contextId.replace('log of ', '')
    return [{ resource, kind: 'write', token: Number((JSON.parse(body) as { readonly payload: string }).payload) }]
  })
}

describe('the checker of lock histories', () => {
  it('L5 explains what a right lock did, whatever the order', async () => {
    for (let n = 0; n < 20; n++) expect(await inventedErrors('none', seed + n)).toEqual([])
  })

  const defects: readonly Exclude<Defect, 'none'>[] = [
    'check outside the step',
    'token used twice',
    'token begins anew',
    'answered before it is written',
    'ends early',
    'fence checked before the step',
    'expired lease released',
  ]
  it.each(defects)('L5 finds a planted defect: %s', async (defect) => {
    for (let n = 0; n < 60; n++) {
      if ((await inventedErrors(defect, seed + n)).length > 0) return
    }
    expect.fail('60 histories of a broken lock were explained')
  })

  it('L5 may leave out a call nobody saw answered, and may not invent one', () => {
    const call = (more: Partial<LockCall>): LockCall => ({
      client: 'a',
      resource: 'r',
      kind: 'acquire',
      calledMs: 0,
      answeredMs: 1,
      agent: 'a',
      lockId: 'one',
      ttlMs: 100,
      token: 0,
      isLiveOnly: false,
      answer: { kind: 'ok', token: 1, lockId: 'one' },
      ...more,
    })
    const open = call({ answer: null, answeredMs: Number.POSITIVE_INFINITY })
    const next = (token: number, at: number): LockCall =>
      call({
        agent: 'b',
        calledMs: at,
        answeredMs: at + 1,
        lockId: 'two',
        answer: { kind: 'ok', token, lockId: 'two' },
      })
    expect(unexplainedByResource([open, next(1, 10)])).toEqual([])
    expect(unexplainedByResource([open, next(2, 200)])).toEqual([])
    expect(unexplainedByResource([open, next(2, 10)])).toHaveLength(1)
    expect(unexplainedByResource([open, next(3, 200)])).toHaveLength(1)
  })
})

describe('our locks', () => {
  it('L2, COL-P5 histories of eight clients, jumping wall time and a second opening of the file are explained', async () => {
    const rounds = isLong ? 20_000 : 200
    let calls = 0
    for (let n = 0; n < rounds; n++) {
      const below = belowOf(seed + n)
      const directory = join(dataDir, String(n))
      const clock = new SimulatedClock()
      const machine = simulatedMachine(clock)
      const stores = [1, 2].map((random) =>
        Store.open({ dataDir: directory, migrations, clock, random: seededRandom(random), durability: 'normal' }),
      )
      const logs = stores.map((store) => new SqliteLog({ store, clock, machine, durability: 'normal' }))
      const history = await historyOf(
        below,
        125,
        (asked) => {
          if (below(20) === 0) clock.set(below(2) === 0 ? 0 : 4e12)
          return askLog(logs[clients.indexOf(asked.agent) % 2] ?? logs[0]!, asked, 0)
        },
        { nowMs: () => clock.monotonicMs(), advance: (ms) => clock.advance(ms) },
      )
      calls += history.length
      expect(errorsOf(history, await writtenIn(logs[0]!)), `SEED=${seed + n}`).toEqual([])
      for (const store of stores) await store.close()
    }
    console.log(JSON.stringify({ check: 'L2', seed, histories: rounds, calls, clients: clients.length }))
  }, 3_600_000)

  it('L2, COL-P5, COL-P6 so are those of eight processes that are killed, stopped and started again', async () => {
    const runMs = isLong ? 120_000 : 9_000
    const history: LockCall[] = []
    const program = fileURLToPath(new URL('./live-workers/lock-client.ts', import.meta.url))
    const below = belowOf(seed)
    await Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom }).close()
    const opening: Promise<unknown>[] = []
    let started = 0
    const start = (slot: number): ChildProcess => {
      // Another name after each kill: the dead one's leases must run out.
      const name = `${clients[slot]}${++started}`
      const child = spawn(process.execPath, [program, dataDir, name, String(seed + started), '250'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      opening.push(collect(child, name, history))
      return child
    }
    const children = clients.map((_, slot) => start(slot))
    const endMs = performance.now() + runMs
    let [kills, stops] = [0, 0]
    while (performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 100 + below(300)))
      const slot = below(children.length)
      const child = children[slot]
      if (child === undefined) continue
      if (below(2) === 0) {
        child.kill('SIGKILL')
        kills++
        children[slot] = start(slot)
      } else {
        child.kill('SIGSTOP')
        stops++
        setTimeout(() => child.kill('SIGCONT'), 500)
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 600))
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(opening)
    const refusedLate = history.filter(({ kind, answer }) => kind === 'write' && answer?.kind === 'fenced').length
    console.log(JSON.stringify({ check: 'L2', seed, calls: history.length, kills, stops, refused_late: refusedLate }))
    expect(history.length).toBeGreaterThan(300)
    expect(kills).toBeGreaterThan(2)
    const store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
    const written = await writtenIn(new SqliteLog({ store, clock: systemClock }))
    await store.close()
    expect(written.length).toBeGreaterThan(200)
    expect(errorsOf(history, written)).toEqual([])
  }, 600_000)
})

type Line = { asked?: LockAsked; calledMs?: number; answer?: LockAnswer; answeredMs?: number }

/** The calls of one process; the last one stays open when it was killed. */
async function collect(child: ChildProcess, name: string, history: LockCall[]): Promise<void> {
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
  })
  await once(child, 'close')
  let open: { asked: LockAsked; calledMs: number } | null = null
  for (const line of text.split('\n').filter((one) => one.endsWith('}'))) {
    const { asked, calledMs, answer, answeredMs } = JSON.parse(line) as Line
    if (asked !== undefined && calledMs !== undefined) open = { asked, calledMs }
    else if (open !== null && answer !== undefined && answeredMs !== undefined) {
      history.push({ ...open.asked, calledMs: open.calledMs, answeredMs, answer })
      open = null
    }
  }
  if (open === null) return
  expect(open.asked.agent).toBe(name)
  history.push({ ...open.asked, calledMs: open.calledMs, answeredMs: Number.POSITIVE_INFINITY, answer: null })
}
