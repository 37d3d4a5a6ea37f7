import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OpenHub, openHub, subscribe, until } from '../../src/live/testing/open-hub.ts'
import { Hub } from '../../src/live/hub.ts'
import { SqliteLog } from '../../src/live/sqlite-log.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { systemRandom } from '../../src/platform/random.ts'
import { migrations } from '../../src/store/migrations/index.ts'
import { Store } from '../../src/store/store.ts'
import { commitOf, everything } from '../contract/log-store.ts'

const isLong = process.env['ENGRAM_LONG'] === '1'
const upTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1)

/** What is wrong with what somebody received, beside the log. */
function orderErrors(received: readonly number[], log: readonly number[]): readonly string[] {
  const errors: string[] = []
  if (new Set(received).size !== received.length) errors.push('twice')
  if (received.some((one, at) => at > 0 && one < (received[at - 1] ?? 0))) errors.push('out of order')
  const from = log.indexOf(received[0] ?? 0)
  const expected = log.slice(from, from + received.length)
  if (expected.join() !== received.join()) errors.push('not the log')
  return errors
}

describe('one order for all', () => {
  let world: OpenHub
  beforeEach(() => {
    world = openHub()
  })
  afterEach(() => world.close())

  it('L4, COL-P3 what 16 publishers write reaches 64 subscribers as it stands in the log; each reads its own writes', async () => {
    const each = isLong ? 6_250 : 250
    const other = world.another()
    const subscribers = await Promise.all(
      upTo(64).map((n) => subscribe(n % 2 === 0 ? world.hub : other.hub, { contexts: n % 3 === 0 ? ['c1'] : 'all' })),
    )
    await Promise.all(
      upTo(16).map(async (publisher) => {
        const { log } = publisher % 4 === 0 ? other : world
        for (const n of upTo(each)) {
          const context = `c${(publisher + n) % 3}`
          const { events } = await log.append(commitOf(context, `${publisher} ${n}`))
          const event = events.at(-1)
          const own = await log.read({ contexts: [context], from: (event?.seq ?? 0) - 1, limit: 1 })
          expect(own.events[0]?.body).toBe(event?.body)
        }
      }),
    )
    const log = await everything(world.log, 'all')
    expect(log).toHaveLength(16 * each + 3)
    const all = log.map(({ gseq }) => gseq)
    const one = log.filter(({ contextId }) => contextId === 'c1').map(({ gseq }) => gseq)
    await until(
      () => subscribers.every((each, at) => each.gseqs().length === ((at + 1) % 3 === 0 ? one : all).length),
      'everything to everybody',
    )
    for (const [at, subscriber] of subscribers.entries()) {
      expect(orderErrors(subscriber.gseqs(), (at + 1) % 3 === 0 ? one : all)).toEqual([])
    }
    for (const events of Map.groupBy(log, ({ contextId }) => contextId).values()) {
      expect(events.map(({ seq }) => seq)).toEqual(upTo(events.length))
    }
  }, 600_000)

  it('L5 finds a log ordered by wall time, and a subscriber that skips or repeats when it comes back', async () => {
    for (const n of upTo(20)) await world.log.append(commitOf('c', `${n}`))
    const log = (await everything(world.log, 'all')).map(({ gseq, tsMs }) => ({
      gseq,
      tsMs: tsMs - (gseq % 5) * 1_000,
    }))
    const stored = log.map(({ gseq }) => gseq)
    const byTime = log.toSorted((a, b) => a.tsMs - b.tsMs).map(({ gseq }) => gseq)
    const comesBack = (step: number): readonly number[] => [...stored.slice(0, 9), ...stored.slice(9 + step)]
    expect(orderErrors(comesBack(0), stored)).toEqual([])
    expect(orderErrors(byTime, stored)).not.toEqual([])
    expect(orderErrors(comesBack(1), stored)).not.toEqual([])
    expect(orderErrors(comesBack(-1), stored)).not.toEqual([])
  })
})

describe('killed writers', () => {
  let dataDir = ''
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'live-log-'))
  })
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }))
  const open = () => {
    const store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
    return { store, log: new SqliteLog({ store, clock: systemClock }) }
  }

  it('C2, COL-P1, COL-P8 what was acknowledged is there, once, without holes; who reads along resumes after each kill', async () => {
    const rounds = isLong ? 500 : 30
    const program = fileURLToPath(new URL('./live-workers/log-writer.ts', import.meta.url))
    await open().store.close()
    const acknowledged: { context: string; payload: string; seq: number }[] = []
    const received: number[] = []
    let cursor = 'begin'
    for (const round of upTo(rounds)) {
      const child = spawn(process.execPath, [program, dataDir, `w${round}`], { stdio: ['ignore', 'pipe', 'inherit'] })
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8')
      })
      const { store, log } = open()
      const hub = new Hub({ log, clock: systemClock })
      // The reader stops in the middle of things too, and goes on from the cursor of the last event it has.
      const stop = new AbortController()
      const reading = (async () => {
        for await (const delivery of hub.follow({ contexts: 'all', from: cursor }, stop.signal)) {
          if (delivery.kind !== 'event') continue
          received.push(delivery.event.gseq)
          cursor = delivery.cursor
        }
      })()
      await new Promise((resolve) => setTimeout(resolve, 250 + ((round * 97) % 200)))
      child.kill('SIGKILL')
      await once(child, 'close')
      stop.abort()
      await reading
      await hub.close()
      await log.close()
      await store.close()
      acknowledged.push(...text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : [])))
    }
    const { store, log } = open()
    const all = await everything(log, 'all')
    const hub = new Hub({ log, clock: systemClock })
    const stop = new AbortController()
    for await (const delivery of hub.follow({ contexts: 'all', from: cursor }, stop.signal)) {
      if (delivery.kind === 'event') received.push(delivery.event.gseq)
      else stop.abort()
    }
    expect(
      orderErrors(
        received,
        all.map(({ gseq }) => gseq),
      ),
    ).toEqual([])
    expect(received).toHaveLength(all.length)
    const stored = new Map(
      all.map((event) => [`${event.contextId} ${event.seq}`, (JSON.parse(event.body) as { payload?: string }).payload]),
    )
    const lost = acknowledged.filter(({ context, seq, payload }) => stored.get(`${context} ${seq}`) !== payload)
    for (const events of Map.groupBy(all, ({ contextId }) => contextId).values()) {
      expect(events.map(({ seq }) => seq)).toEqual(upTo(events.length))
    }
    const payloads = [...stored.values()].filter((payload) => payload !== undefined)
    console.log(
      JSON.stringify({
        check: 'C2',
        kills: rounds,
        acknowledged: acknowledged.length,
        stored: all.length,
        lost: lost.length,
      }),
    )
    expect(new Set(payloads).size).toBe(payloads.length)
    expect(lost).toEqual([])
    expect(acknowledged.length).toBeGreaterThan(rounds * 10)
    await hub.close()
    await log.close()
    await store.close()
  }, 3_600_000)
})
