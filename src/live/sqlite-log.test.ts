import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { acquireOf, commitOf, everything, logStoreContract } from '../../test/contract/log-store.ts'
import { SimulatedClock, systemClock } from '../platform/clock.ts'
import { type MachineClock, systemMachineClock } from '../platform/machine-clock.ts'
import { seededRandom } from '../platform/random.ts'
import { migrations } from '../store/migrations/index.ts'
import { Store } from '../store/store.ts'
import { SqliteLog } from './sqlite-log.ts'

/** Logs on one file, each with a connection of its own, on a clock that is turned by hand. */
function openPlace(isReal = false) {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-log-'))
  const clock = new SimulatedClock(Date.UTC(2026, 10, 20))
  let bootId = 'boot-1'
  const machine: MachineClock = {
    get bootId() {
      return bootId
    },
    nowMs: () => clock.monotonicMs(),
  }
  const stores: Store[] = []
  return {
    clock,
    boot: (name: string) => {
      bootId = name
    },
    open: async (readOnly = false) => {
      const time = isReal ? systemClock : clock
      const store = Store.open({ dataDir, migrations, clock: time, random: seededRandom(stores.length), readOnly })
      stores.push(store)
      const by = isReal ? systemMachineClock : machine
      const log = new SqliteLog({ store, clock: time, machine: by, durability: 'normal' })
      const close = log.close.bind(log)
      log.close = async () => {
        await close()
        await store.close()
      }
      return log
    },
    advance: (ms: number) => clock.advance(ms),
    setWall: (ms: number) => clock.set(ms),
    remove: async () => {
      for (const store of stores) await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

logStoreContract('in SQLite', async () => openPlace())

describe('leases over a restart', () => {
  it('COL-1208 live ones keep id, token and holder, and get a moment; what ran out stays over', async () => {
    const place = openPlace()
    const log = await place.open()
    const kept = (await log.lock(acquireOf('kept', 'ada', { ttlMs: 60_000 }))).lock
    const short = (await log.lock(acquireOf('short', 'ada', { ttlMs: 2_000 }))).lock
    await log.lock(acquireOf('over', 'ada', { ttlMs: 1_000 }))
    place.advance(1_500)
    expect(await log.restart()).toBe(2)
    expect(await log.heldLock('short')).toMatchObject({ lock_id: short?.lock_id, remaining_ms: 2_000 })
    expect(await log.heldLock('over')).toBeUndefined()
    place.advance(57_500)
    expect(await log.heldLock('kept')).toMatchObject({ remaining_ms: 1_000 })
    await log.restart()
    expect(await log.heldLock('kept')).toMatchObject({
      lock_id: kept?.lock_id,
      fencing_token: 1,
      remaining_ms: 5_000,
    })
    await log.close()
    await place.remove()
  })

  it('COL-1208 after a start of the machine wall time decides, and it does not go back', async () => {
    const place = openPlace()
    const log = await place.open()
    await log.lock(acquireOf('r', 'ada', { ttlMs: 60_000 }))
    place.boot('boot-2')
    place.advance(30_000)
    expect(await log.heldLock('r')).toMatchObject({ remaining_ms: 30_000 })
    await log.lock(acquireOf('other', 'bob'))
    place.setWall(0)
    expect(await log.heldLock('r')).toMatchObject({ remaining_ms: 30_000 })
    place.setWall(Date.UTC(2026, 10, 20) + 60_000)
    expect(await log.heldLock('r')).toBeUndefined()
    await log.close()
    await place.remove()
  })
})

describe('waiting for a lock', () => {
  it('COL-1211 goes by order of arrival; who gave up is never granted; who comes later does not pass', async () => {
    const place = openPlace(true)
    const log = await place.open()
    const first = (await log.lock(acquireOf('r', 'holder'))).lock
    const order: string[] = []
    const gone = new AbortController()
    const waits = ['a', 'b', 'c', 'd'].map(async (agent) => {
      const wait = log.lock(
        acquireOf('r', agent, { waitTimeoutMs: 10_000, ...(agent === 'b' ? { signal: gone.signal } : {}) }),
      )
      if (agent === 'b') return expect(wait).rejects.toMatchObject({ code: 'aborted' })
      const { lock } = await wait
      order.push(agent)
      await expect(log.lock(acquireOf('r', 'barger'))).rejects.toMatchObject({ code: 'lock_held' })
      await log.lock({ kind: 'release', resourcePath: 'r', agentId: agent, lockId: lock?.lock_id ?? '' })
    })
    await new Promise((resolve) => setTimeout(resolve, 60))
    gone.abort()
    await log.lock({ kind: 'release', resourcePath: 'r', agentId: 'holder', lockId: first?.lock_id ?? '' })
    await Promise.all(waits)
    expect(order).toEqual(['a', 'c', 'd'])
    const holders = (await everything(log, ['$locks']))
      .filter(({ kind }) => kind === 'lock.acquired')
      .map(({ agentId }) => agentId)
    expect(holders).toEqual(['holder', 'a', 'c', 'd'])
    await log.close()
    await place.remove()
  })

  it('COL-1211 an expiry wakes the first in line within 50 ms, a time-out tells the place', async () => {
    const place = openPlace(true)
    const log = await place.open()
    await log.lock(acquireOf('r', 'holder', { ttlMs: 1_000 }))
    const started = performance.now()
    const waiting = log.lock(acquireOf('r', 'a', { waitTimeoutMs: 5_000 }))
    await expect(log.lock(acquireOf('r', 'b', { waitTimeoutMs: 100 }))).rejects.toMatchObject({
      code: 'lock_held',
      details: { holder: 'holder', position: 2 },
    })
    expect((await waiting).lock).toMatchObject({ holder_agent: 'a', fencing_token: 2 })
    const tookMs = performance.now() - started
    expect(tookMs).toBeGreaterThan(990)
    // 50 ms on a quiet machine; a busy one is allowed more.
    expect(tookMs).toBeLessThan(1_500)
    await log.close()
    await place.remove()
  })

  it('COL-1209 holds over several openings of the file: they exclude each other, and a waiter hears of a release elsewhere', async () => {
    const place = openPlace(true)
    const [one, other] = [await place.open(), await place.open()]
    const { lock } = await one.lock(acquireOf('r', 'ada'))
    await expect(other.lock(acquireOf('r', 'bob'))).rejects.toMatchObject({ code: 'lock_held' })
    const waiting = other.lock(acquireOf('r', 'bob', { waitTimeoutMs: 10_000 }))
    await new Promise((resolve) => setTimeout(resolve, 60))
    const started = performance.now()
    await one.lock({ kind: 'release', resourcePath: 'r', agentId: 'ada', lockId: lock?.lock_id ?? '' })
    expect((await waiting).lock).toMatchObject({ holder_agent: 'bob', fencing_token: 2 })
    expect(performance.now() - started).toBeLessThan(1_000)
    const grants = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? one : other).lock(acquireOf('s', `a${at}`))),
    )
    expect(grants.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await one.close()
    await other.close()
    await place.remove()
  })

  it('COL-1211 closing lets everybody who waits go', async () => {
    const place = openPlace(true)
    const log = await place.open()
    await log.lock(acquireOf('r', 'holder'))
    const waiting = expect(log.lock(acquireOf('r', 'a', { waitTimeoutMs: 60_000 }))).rejects.toMatchObject({
      code: 'draining',
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    await log.close()
    await waiting
    await place.remove()
  })
})

describe('the death of holders', () => {
  it('L3 frees the lock at its time, never before, a thousand times; one release is one grant', async () => {
    const place = openPlace()
    const log = await place.open()
    for (let round = 1; round <= 1_000; round++) {
      const ttlMs = 1_000 + (round % 7) * 100
      await log.lock(acquireOf('r', `dead-${round}`, { ttlMs }))
      place.advance(ttlMs - 1)
      await expect(log.lock(acquireOf('r', `next-${round}`))).rejects.toMatchObject({ code: 'lock_held' })
      place.advance(1)
      const { lock } = await log.lock(acquireOf('r', `next-${round}`))
      expect(lock?.fencing_token).toBe(2 * round)
      await log.lock({ kind: 'release', resourcePath: 'r', agentId: `next-${round}`, lockId: lock?.lock_id ?? '' })
    }
    await log.close()
    await place.remove()
  })

  it('L3 thirty who wait are served in turn, each after one release', async () => {
    const place = openPlace(true)
    const log = await place.open()
    const first = (await log.lock(acquireOf('r', 'w0'))).lock
    const served: string[] = []
    const waits = Array.from({ length: 30 }, async (_, at) => {
      const agent = `w${at + 1}`
      const { lock } = await log.lock(acquireOf('r', agent, { waitTimeoutMs: 20_000 }))
      served.push(agent)
      await log.lock({ kind: 'release', resourcePath: 'r', agentId: agent, lockId: lock?.lock_id ?? '' })
    })
    await log.lock({ kind: 'release', resourcePath: 'r', agentId: 'w0', lockId: first?.lock_id ?? '' })
    await Promise.all(waits)
    expect(served).toEqual(Array.from({ length: 30 }, (_, at) => `w${at + 1}`))
    const kinds = (await everything(log, ['$locks'])).map(({ kind }) => kind).slice(1)
    expect(kinds).toEqual(kinds.map((_, at) => (at % 2 === 0 ? 'lock.acquired' : 'lock.released')))
    await log.close()
    await place.remove()
  })
})

describe('limits of the log', () => {
  it('COL-1105 what would pile up without end is refused, nothing accepted is dropped', async () => {
    const place = openPlace(true)
    const log = await place.open()
    const settled = await Promise.allSettled(
      Array.from({ length: 10_400 }, (_, at) => log.append(commitOf('c', `${at}`))),
    )
    const refused = settled.filter((one) => one.status === 'rejected')
    expect(refused).toHaveLength(400)
    for (const one of refused) expect(one.reason).toMatchObject({ code: 'overloaded' })
    expect(await log.bounds('c')).toEqual({ earliest: 1, latest: 10_001 })
    await log.append(commitOf('c', 'room again'))
    await log.close()
    await place.remove()
  })

  it('COL-203 a file of an older schema that cannot be written opens, and has no log', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'engram-log-'))
    const options = { dataDir, clock: systemClock, random: seededRandom(1) }
    const older = migrations.slice(
      0,
      migrations.findIndex(({ name }) => name === 'live'),
    )
    await Store.open({ ...options, migrations: older }).close()
    const store = Store.open({ ...options, migrations, readOnly: true })
    const log = new SqliteLog({ store, clock: systemClock })
    await expect(log.append(commitOf('c', 'x'))).rejects.toThrow()
    await expect(log.context('c')).rejects.toThrow()
    await log.close()
    await store.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('COL-1215 no lock is granted, and nothing appended, where nothing can be written', async () => {
    const place = openPlace()
    const log = await place.open()
    await log.append(commitOf('c', 'x'))
    const readOnly = await place.open(true)
    await expect(readOnly.lock(acquireOf('r', 'ada'))).rejects.toMatchObject({ code: 'read_only' })
    await expect(readOnly.append(commitOf('c', 'y'))).rejects.toMatchObject({ code: 'read_only' })
    expect(await readOnly.heldLock('r')).toBeUndefined()
    expect((await log.bounds('c')).latest).toBe(2)
    await readOnly.close()
    await log.close()
    await place.remove()
  })
})
