import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { acquireOf, commitOf, everything, unitOf } from '../../test/contract/log-store.ts'
import type { SubscribeRequest } from '../model/live-feed.ts'
import { limits } from '../model/limits.ts'
import { type OpenHub, openHub, subscribe, until } from './testing/open-hub.ts'

let world: OpenHub
beforeEach(() => {
  world = openHub()
})
afterEach(() => world.close())

/** How long subscribing beside writers is tried; a long run takes more. */
const seamMs = process.env['ENGRAM_LONG'] === '1' ? 60_000 : 4_000

const upTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1)
const post = (context: string, payload: string, more = {}) => world.log.append(commitOf(context, payload, more))
const postMany = async (context: string, count: number, payload = 'x'): Promise<void> => {
  for (let done = 0; done < count; done += 500) {
    const steps = upTo(Math.min(500, count - done)).map(
      (n) => ({ kind: 'unit', unit: unitOf(`${payload} ${done + n}`) }) as const,
    )
    await world.log.append(commitOf(context, '', { steps }))
  }
}

describe('who hears of what', () => {
  it('COL-1101 each subscriber hears of its contexts alone, in order; after unsubscribing of nothing', async () => {
    const [a, both, all] = await Promise.all([
      subscribe(world.hub, { contexts: ['a'] }),
      subscribe(world.hub, { contexts: ['a', 'b'] }),
      subscribe(world.hub, { contexts: 'all' }),
    ])
    for (const n of upTo(5)) for (const id of ['a', 'b', 'c']) await post(id, `${n}`)
    const logged = await everything(world.log, 'all')
    const of = (...ids: string[]) => logged.filter((one) => ids.includes(one.contextId)).map(({ gseq }) => gseq)
    await until(() => all.gseqs().length === logged.length, 'all events')
    expect(a.gseqs()).toEqual(of('a'))
    expect(both.gseqs()).toEqual(of('a', 'b'))
    expect(all.gseqs()).toEqual(of('a', 'b', 'c'))
    a.close()
    await post('a', 'more')
    await until(() => both.gseqs().length === of('a', 'b').length + 1, 'the next event')
    expect(a.gseqs()).toEqual(of('a'))
  })

  it('COL-206 what is written here is told without a read of the log; behind what others wrote, the log is read', async () => {
    const heard = await subscribe(world.hub, { contexts: 'all' })
    await until(() => heard.deliveries.length === 1, 'the end of the log')
    const read = vi.spyOn(world.log, 'read')
    for (const n of upTo(50)) {
      await post('c', `${n}`)
      await until(() => heard.gseqs().length === 1 + n, 'what was written here')
    }
    // What others may have written is looked for every 25 ms all the same.
    expect(read.mock.calls.length).toBeLessThan(25)
    await world.another().log.append(commitOf('c', 'theirs'))
    await post('c', 'ours')
    await until(() => heard.gseqs().length === 53, 'what both wrote')
    expect(heard.gseqs()).toEqual((await everything(world.log, 'all')).map(({ gseq }) => gseq))
  })

  it('COL-708 filters by kind, type, agent and meta; the numbers of what is delivered have no hole', async () => {
    const requests: readonly [SubscribeRequest, number[]][] = [
      [{ contexts: ['c'] }, [1, 2, 3, 4, 5]],
      [{ contexts: ['c'], kinds: ['unit.created'] }, [2, 3, 4]],
      [{ contexts: ['c'], filter: { types: ['ERROR'] } }, [3]],
      [{ contexts: ['c'], filter: { agents: ['bob'] } }, [4]],
      [{ contexts: ['c'], filter: { meta: { k: 'v' } } }, [3, 4]],
      [{ contexts: ['c'], filter: { meta: { k: 'v', l: 'w' } } }, [4]],
    ]
    const subscribers = await Promise.all(requests.map(([request]) => subscribe(world.hub, request)))
    const unit = (more: object) => ({ steps: [{ kind: 'unit', unit: unitOf('u', more) }] as const })
    await post('c', 'plain')
    await post('c', '', unit({ type: 'ERROR', meta: { k: 'v' } }))
    await post('c', '', { ...unit({ meta: { k: 'v', l: 'w' } }), agentId: 'bob' })
    await post('c', '', { steps: [{ kind: 'patch', patch: { displayName: 'new' } }] })
    await until(() => subscribers[0]?.seqs().length === 5, 'the last event')
    for (const [at, [, seqs]] of requests.entries()) {
      expect(subscribers[at]?.seqs()).toEqual(seqs)
      expect(subscribers[at]?.numbers()).toEqual(upTo(seqs.length))
    }
  })

  it('COL-707 its cursor moves past what its filter left out, and resumes there', async () => {
    const quiet = await subscribe(world.hub, { contexts: ['c'], filter: { types: ['ERROR'] } })
    const wide = await subscribe(world.hub, { contexts: 'all', filter: { types: ['ERROR'] } })
    await postMany('c', 10)
    await until(() => quiet.cursor() === world.log.cursorOf('c', 11), 'the cursor at the end')
    const resumed = await subscribe(world.hub, { contexts: ['c'], from: quiet.cursor() })
    const resumedWide = await subscribe(world.hub, { contexts: 'all', from: wide.cursor() })
    await post('c', 'next')
    await until(() => resumed.seqs().length + resumedWide.seqs().length === 2, 'the event after it')
    expect([resumed.seqs(), resumedWide.seqs()]).toEqual([[12], [12]])
  })

  it('COL-105 a renewal is heard by who asks for it, and stands in no log', async () => {
    const asked = await subscribe(world.hub, { contexts: ['$locks'], kinds: ['lock.renewed', 'lock.acquired'] })
    const plain = await subscribe(world.hub, { contexts: ['$locks'] })
    const { lock } = await world.log.lock(acquireOf('r', 'ada'))
    await until(() => asked.seqs().length === 1, 'the grant')
    await world.log.lock({ kind: 'renew', resourcePath: 'r', agentId: 'ada', lockId: lock?.lock_id ?? '' })
    await until(() => asked.deliveries.length >= 3, 'the renewal')
    const kinds = asked.deliveries.flatMap((one) => (one.kind === 'event' ? [one.event.kind] : []))
    expect(kinds).toEqual(['lock.acquired', 'lock.renewed'])
    expect(plain.seqs()).toEqual([1, 2])
    expect(await everything(world.log, ['$locks'])).toHaveLength(2)
  })

  it('COL-1101 whoever wrote is answered before anybody hears of it', async () => {
    const one = await subscribe(world.hub, { contexts: ['a'] })
    await post('a', 'first')
    await until(() => one.seqs().length === 2, 'the first')
    const heardAtAnswer = await post('a', 'second').then(() => one.seqs().length)
    expect(heardAtAnswer).toBe(2)
    await until(() => one.seqs().length === 3, 'the second')
  })

  it('COL-807 what is sent in one turn leaves as one piece, or at once when asked', async () => {
    const pieces: string[][] = []
    const door = {
      write: (frames: readonly (string | Uint8Array)[], taken: () => void): void => {
        pieces.push(frames.map(String))
        taken()
      },
      leave: () => undefined,
    }
    const connection = world.hub.connect(door)
    for (const frame of ['a', 'b', 'c']) connection.send(frame)
    expect(pieces).toEqual([])
    await Promise.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    expect(pieces).toEqual([['a', 'b', 'c']])
    connection.send('last')
    connection.flush()
    connection.close()
    expect(pieces.at(-1)).toEqual(['last'])
  })

  it('COL-801 a changed set of contexts holds from then on', async () => {
    const one = await subscribe(world.hub, { contexts: ['a'] })
    await post('a', '1')
    await until(() => one.seqs().length === 2, 'the first')
    one.setContexts(['b'])
    await post('a', 'unheard')
    await post('b', 'heard')
    await until(() => one.gseqs().length === 4, 'the others')
    expect(one.gseqs()).toEqual([1, 2, 4, 5])
    one.setContexts([])
    await post('b', 'unheard')
    // What a socket says next comes in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve))
    one.setContexts('all')
    await post('c', 'heard')
    await until(() => one.gseqs().length >= 6, 'the last')
    expect(one.gseqs()).toEqual([1, 2, 4, 5, 7, 8])
  })
})

describe('where it begins', () => {
  it('COL-705 from the beginning, now, the last few, a time, a cursor of either form; then one live marker', async () => {
    await postMany('other', 3)
    await postMany('c', 9)
    const [, third] = [await everything(world.log, ['c']), (await everything(world.log, ['c']))[2]]
    const cases: readonly [SubscribeRequest['from'], number[]][] = [
      ['begin', upTo(11)],
      ['0', upTo(11)],
      ['now', [11]],
      ['$', [11]],
      [undefined, [11]],
      [{ last: 3 }, [8, 9, 10, 11]],
      [{ last: 100 }, upTo(11)],
      [{ sinceMs: 0 }, upTo(11)],
      [{ sinceMs: 9e15 }, [11]],
      [world.log.cursorOf('c', 4), [5, 6, 7, 8, 9, 10, 11]],
      [
        `g1_${world.log.epoch.toString(16).padStart(8, '0')}_${(third?.gseq ?? 0).toString(16).padStart(16, '0')}`,
        [4, 5, 6, 7, 8, 9, 10, 11],
      ],
    ]
    const subscribers = await Promise.all(
      cases.map(([from]) => subscribe(world.hub, { contexts: ['c'], ...(from === undefined ? {} : { from }) })),
    )
    await until(() => subscribers.every(({ deliveries }) => deliveries.some(({ kind }) => kind === 'live')), 'live')
    await post('c', 'live')
    await until(() => subscribers.every((one) => one.seqs().at(-1) === 11), 'the live event')
    for (const [at, [, seqs]] of cases.entries()) {
      const kinds = subscribers[at]?.deliveries.map(({ kind }) => kind)
      expect(subscribers[at]?.seqs()).toEqual(seqs)
      expect(kinds?.indexOf('live')).toBe(seqs.length - 1)
      expect(kinds?.lastIndexOf('live')).toBe(seqs.length - 1)
    }
  })

  it('COL-704, COL-706 refuses a cursor of another context, and tells of one that is ahead or of another epoch', async () => {
    await post('c', 'x')
    const from = (text: string) => subscribe(world.hub, { contexts: ['c'], from: text })
    await expect(from(world.log.cursorOf('d', 1))).rejects.toMatchObject({ code: 'invalid_cursor' })
    await expect(from('nonsense')).rejects.toMatchObject({ code: 'invalid_cursor' })
    await expect(from(world.log.cursorOf('c', 3))).rejects.toMatchObject({
      code: 'cursor_gone',
      details: { reason: 'ahead', earliest: world.log.cursorOf('c', 0), latest: world.log.cursorOf('c', 2) },
    })
    const older = world.log.cursorOf('c', 1).replace(world.log.epoch.toString(16), '00000001')
    await expect(from(older)).rejects.toMatchObject({ code: 'cursor_gone', details: { reason: 'epoch' } })
  })

  it('COL-P2 backlog and live join without a gap or a repeat, whenever one subscribes', async () => {
    const over = new AbortController()
    let posted = 0
    const publishing = (async () => {
      while (!over.signal.aborted) {
        await Promise.all(['c', 'd'].map((id) => postMany(id, 1 + (posted++ % 7))))
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    let checked = 0
    const started = performance.now()
    for (let round = 0; round < 1_000 && performance.now() - started < seamMs; round++) {
      const { latest } = await world.log.bounds('c')
      const at = Math.max(0, latest - (round % 50) * 40)
      const isOne = round % 2 === 0
      const gseq = at === 0 ? 0 : (await world.log.read({ contexts: ['c'], from: at - 1, limit: 1 })).events[0]?.gseq
      const from = isOne
        ? world.log.cursorOf('c', at)
        : `g1_${world.log.epoch.toString(16)}_${(gseq ?? 0).toString(16).padStart(16, '0')}`
      const one = await subscribe(world.hub, { contexts: isOne ? ['c'] : 'all', from })
      await until(() => one.deliveries.some(({ kind }) => kind === 'live') && one.seqs().length > 5, 'live and some')
      const got = isOne ? one.seqs() : one.gseqs()
      const first = isOne ? at + 1 : (gseq ?? 0) + 1
      expect(got).toEqual(got.map((_, index) => first + index))
      one.close()
      checked++
    }
    over.abort()
    await publishing
    expect(checked).toBeGreaterThan(50)
  }, 120_000)

  it('COL-P15 what another process writes arrives, in order with our own', async () => {
    const other = world.another()
    const one = await subscribe(world.hub, { contexts: 'all' })
    await Promise.all(upTo(40).map((n) => (n % 2 === 0 ? world.log : other.log).append(commitOf('c', `${n}`))))
    await until(() => one.seqs().length === 41, 'everything of both')
    expect(one.seqs()).toEqual(upTo(41))
  })
})

describe('slow readers', () => {
  it('R1, COL-1102, COL-P4 one that stands still costs bounded memory, holds nobody up, and gets everything later', async () => {
    const still = await subscribe(world.hub, { contexts: ['c'] }, true)
    const others = await Promise.all(upTo(20).map(() => subscribe(world.hub, { contexts: ['c'] })))
    for (const round of upTo(12)) await postMany('c', 500, `${'x'.repeat(1_000)} ${round}`)
    await until(() => others.every((one) => one.seqs().length === 6_001), 'the others')
    // One frame more than the box holds may have been taken when it was nearly full.
    expect(still.waitingBytes()).toBeLessThan(limits.outboxBytesMax + 2_000)
    expect(still.deliveries.length).toBeLessThan(1_100)
    still.go()
    await until(() => still.seqs().length === 6_001, 'everything')
    expect(still.seqs()).toEqual(upTo(6_001))
    expect(still.numbers()).toEqual(upTo(6_001))
    for (const one of others) expect(one.seqs()).toEqual(upTo(6_001))
    await post('c', 'live again')
    await until(() => still.seqs().length === 6_002, 'the live event')
  })

  it('COL-1103 disconnect: the connection has to go, its cursor is where it stopped', async () => {
    const one = await subscribe(world.hub, { contexts: ['c'], policy: { kind: 'disconnect' } }, true)
    await until(() => one.deliveries.length > 0, 'live')
    await postMany('c', 2_000)
    await until(() => one.left.length > 0, 'leaving')
    expect(one.left[0]).toBe('too_slow')
    const again = await subscribe(world.hub, { contexts: ['c'], from: one.cursor() })
    await until(() => again.seqs().at(-1) === 2_001, 'the rest')
    // What waits in the box of the old connection is not behind its cursor: nothing is missed, nothing repeated.
    expect([...one.seqs(), ...again.seqs()]).toEqual(upTo(2_001))
  })

  it('COL-1103 drop: what was left out is counted, received and lagged are all there was', async () => {
    const one = await subscribe(world.hub, { contexts: ['c'], policy: { kind: 'drop' } })
    await until(() => one.deliveries.length > 0, 'live')
    one.stall()
    for (let round = 0; round < 5; round++) {
      await postMany('c', 1_500)
      await new Promise((resolve) => setTimeout(resolve, 10))
      one.go()
      if (round < 4) one.stall()
    }
    await post('c', 'end')
    const total = 7_502
    await until(() => one.seqs().at(-1) === total, 'the last')
    const lags = one.deliveries.flatMap((delivery) => (delivery.kind === 'lagged' ? [delivery] : []))
    expect(lags.length).toBeGreaterThan(0)
    expect(one.seqs().length + lags.reduce((sum, { count }) => sum + count, 0)).toBe(total)
    expect(one.numbers()).toEqual(upTo(one.seqs().length))
    // Each notice stands where the hole is, and names its ends.
    let last = 0
    for (const delivery of one.deliveries) {
      if (delivery.kind === 'lagged') {
        expect(delivery.from).toBe(world.log.cursorOf('c', last))
        expect(delivery.to).toBe(world.log.cursorOf('c', last + delivery.count))
        last += delivery.count
      } else if (delivery.kind === 'event') expect(delivery.event.seq).toBe(++last)
    }
  })

  it('COL-1103 conflate: the latest of each key arrives, what it replaced is counted', async () => {
    const one = await subscribe(world.hub, {
      contexts: ['c'],
      kinds: ['unit.created'],
      policy: { kind: 'conflate', metaKey: 'file' },
    })
    await post('c', 'first')
    await until(() => one.seqs().length === 1, 'the first')
    one.stall()
    await postMany('c', 1_100)
    const resumedFrom = one.cursor()
    for (const n of upTo(300)) {
      const unit = unitOf(`${n}`, { meta: { file: `f${n % 3}` } })
      await post('c', '', { steps: [{ kind: 'unit', unit }] })
    }
    // What was left out and not told is not behind the cursor either.
    expect(one.cursor()).toBe(resumedFrom)
    one.go()
    const total = 1 + 1_100 + 300
    await until(() => one.seqs().at(-1) === total + 1, 'the latest')
    const missed = one.deliveries.reduce((sum, delivery) => sum + (delivery.kind === 'lagged' ? delivery.count : 0), 0)
    expect(one.seqs().length + missed).toBe(total)
    expect(missed).toBeGreaterThan(250)
    expect(one.seqs().slice(-3)).toEqual([total - 1, total, total + 1])
    expect(one.seqs()).toEqual(one.seqs().toSorted((a, b) => a - b))
  })

  it('COL-1102 credits bound what is under way; more of them let it go on', async () => {
    await postMany('c', 50)
    const one = await subscribe(world.hub, { contexts: ['c'], from: 'begin', credits: 10 })
    await until(() => one.seqs().length === 10, 'ten')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(one.seqs()).toEqual(upTo(10))
    one.credit(15)
    await until(() => one.seqs().length === 25, 'fifteen more')
    one.credit(1_000)
    await until(() => one.seqs().length === 51, 'the rest')
    expect(one.seqs()).toEqual(upTo(51))
  })

  it('COL-1103 whoever stands still for too long has to go', async () => {
    const one = await subscribe(world.hub, { contexts: ['c'], from: 'now', maxPauseMs: 300 }, true)
    await postMany('c', 2_000)
    await until(() => one.left.length > 0, 'leaving')
    expect(one.left[0]).toBe('too_slow')
  })
})

describe('its life', () => {
  it('COL-2105, COL-2104 follow: a program pulls, stops, and nothing is left', async () => {
    await postMany('c', 3_000, 'y'.repeat(2_000))
    const stop = new AbortController()
    const seqs: number[] = []
    for await (const delivery of world.hub.follow({ contexts: ['c'], from: 'begin' }, stop.signal)) {
      if (delivery.kind !== 'event') continue
      seqs.push(delivery.event.seq)
      if (seqs.length === 3_001) stop.abort()
    }
    expect(seqs).toEqual(upTo(3_001))
    expect(world.hub.subscriptions).toBe(0)
  })

  it('COL-2103 drain tells every connection, and waits for what is under way', async () => {
    const [quick, still] = [
      await subscribe(world.hub, { contexts: ['c'] }),
      await subscribe(world.hub, { contexts: ['c'] }, true),
    ]
    await until(() => still.deliveries.length > 0, 'live')
    const started = performance.now()
    await world.hub.drain(200)
    expect(performance.now() - started).toBeGreaterThan(150)
    expect([quick.left, still.left]).toEqual([['draining'], ['draining']])
    const late = await subscribe(world.hub, { contexts: ['c'] })
    expect(late.left).toEqual(['draining'])
  })
})
