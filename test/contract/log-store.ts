import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Commit, LockStep, LogStore, NewUnit, StoredEvent } from '../../src/model/log-store.ts'

/** One place where a log lives: it can be opened several times, as several processes would. */
export type LogPlaceUnderTest = {
  open(): Promise<LogStore>
  /** Moves both clocks. */
  advance(ms: number): void
  /** Moves wall time alone, forwards or back. */
  setWall(ms: number): void
  remove(): Promise<void>
}

let serial = 0
export const unitOf = (payload: string, more: Partial<NewUnit> = {}): NewUnit => ({
  id: `00000000-0000-7000-8000-${(++serial).toString(16).padStart(12, '0')}`,
  isOwnId: false,
  type: 'MESSAGE',
  meta: {},
  payload,
  relationships: [],
  ...more,
})

export const commitOf = (contextId: string, payload: string, more: Partial<Commit> = {}): Commit => ({
  contextId,
  context: 'upsert',
  agentId: 'ada',
  steps: [{ kind: 'unit', unit: unitOf(payload) }],
  ...more,
})

export const acquireOf = (
  resourcePath: string,
  agentId: string,
  more: Partial<Extract<LockStep, { kind: 'acquire' }>> = {},
): Extract<LockStep, { kind: 'acquire' }> => ({
  kind: 'acquire',
  resourcePath,
  agentId,
  ttlMs: 10_000,
  lockId: `lock-${++serial}`,
  meta: {},
  locksPerAgentMax: 100,
  waitTimeoutMs: 0,
  ...more,
})

const payloadsOf = (events: readonly StoredEvent[]): readonly string[] =>
  events.flatMap(({ kind, body }) =>
    kind === 'unit.created' ? [(JSON.parse(body) as { payload: string }).payload] : [],
  )

export async function everything(
  log: LogStore,
  contexts: readonly string[] | 'all',
  limit = 1_000,
): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let from = 0; ;) {
    const page = await log.read({ contexts, from, limit })
    events.push(...page.events)
    if (page.isAtEnd) return events
    from = page.next
  }
}

const upTo = (n: number): readonly number[] => Array.from({ length: n }, (_, at) => at + 1)

/** What every log must hold (COL-202). */
export function logStoreContract(name: string, makePlace: () => Promise<LogPlaceUnderTest>): void {
  describe(`a log: ${name}`, () => {
    let place: LogPlaceUnderTest
    let log: LogStore
    beforeEach(async () => {
      place = await makePlace()
      log = await place.open()
    })
    afterEach(async () => {
      await log.close()
      await place.remove()
    })

    it('COL-104, COL-106 numbers each context without a hole, all of them upwards, from context.created on', async () => {
      await Promise.all(upTo(40).map((n) => log.append(commitOf(n % 2 === 0 ? 'even' : 'odd', `p${n}`))))
      const all = await everything(log, 'all')
      expect(all.map(({ gseq }) => gseq)).toEqual(all.map(({ gseq }) => gseq).toSorted((a, b) => a - b))
      for (const id of ['even', 'odd']) {
        const events = await everything(log, [id], 7)
        expect(events.map(({ seq }) => seq)).toEqual(upTo(21))
        expect(events[0]).toMatchObject({ kind: 'context.created', contextId: id })
        expect(all.filter(({ contextId }) => contextId === id)).toEqual(events)
      }
    })

    it('COL-202 a commit of several steps is there whole or not at all', async () => {
      await log.append(commitOf('c', 'first'))
      const twice = unitOf('twin', { isOwnId: true })
      const steps = [unitOf('a'), twice, { ...twice, payload: 'other' }].map(
        (unit) => ({ kind: 'unit', unit }) as const,
      )
      await expect(log.append(commitOf('c', '', { steps }))).rejects.toThrow()
      await log.append(commitOf('c', '', { steps: steps.slice(0, 2) }))
      expect(payloadsOf(await everything(log, ['c']))).toEqual(['first', 'a', 'twin'])
      expect((await everything(log, ['c'])).map(({ seq }) => seq)).toEqual(upTo(4))
    })

    it('COL-104 a refused commit leaves no trace in what a log remembers, whoever writes next', async () => {
      const other = await place.open()
      await log.append(commitOf('c', 'first'))
      const twin = unitOf('twin', { isOwnId: true })
      await other.append(commitOf('d', '', { steps: [{ kind: 'unit', unit: twin }] }))
      for (const n of upTo(4)) {
        await log.append(commitOf('c', `ours ${n}`))
        const steps = [unitOf('a'), { ...twin, isOwnId: false }].map((unit) => ({ kind: 'unit', unit }) as const)
        await expect(log.append(commitOf('c', '', { steps }))).rejects.toThrow()
        await other.append(commitOf('d', `theirs ${n}`))
        await log.append(commitOf('c', `ours again ${n}`))
      }
      expect((await everything(log, ['c'])).map(({ seq }) => seq)).toEqual(upTo(10))
      await other.close()
    })

    it('COL-305 what its caller gave up before the commit is not done, and takes nobody with it', async () => {
      const gone = new AbortController()
      const given = commitOf('c', 'given up', { signal: gone.signal })
      const both = [log.append(given), log.append(commitOf('c', 'kept'))] as const
      gone.abort()
      await expect(both[0]).rejects.toMatchObject({ code: 'aborted' })
      await both[1]
      expect(payloadsOf(await everything(log, ['c']))).toEqual(['kept'])
    })

    it('COL-202 after the answer every reader of the place sees it', async () => {
      const other = await place.open()
      for (const n of upTo(20)) {
        const { events } = await (n % 2 === 0 ? log : other).append(commitOf('c', `p${n}`))
        const last = events.at(-1)?.seq
        expect((await log.bounds('c')).latest).toBe(last)
        expect((await other.bounds('c')).latest).toBe(last)
      }
      await other.close()
    })

    it('COL-205 names the durability it reached', async () => {
      expect((await log.append(commitOf('c', 'a', { durability: 'full' }))).durability).toBe('full')
      expect((await log.append(commitOf('c', 'b', { durability: 'normal' }))).durability).toBe('normal')
    })

    it('COL-107 time does not go back inside a context, whatever wall time does', async () => {
      await log.append(commitOf('c', 'a'))
      place.setWall(1_000)
      await log.append(commitOf('c', 'b'))
      place.advance(5_000)
      await log.append(commitOf('c', 'c'))
      const times = (await everything(log, ['c'])).map(({ tsMs }) => tsMs)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    })

    it('COL-703 pages beside a writer neither skip nor repeat, forwards and backwards', async () => {
      for (const n of upTo(30)) await log.append(commitOf('c', `p${n}`))
      const forward: string[] = []
      for (let from = 0, n = 31; ; n++) {
        const page = await log.read({ contexts: ['c'], from, limit: 7, kinds: ['unit.created'] })
        forward.push(...payloadsOf(page.events))
        if (n <= 35) await log.append(commitOf('c', `p${n}`))
        if (page.isAtEnd && n > 36) break
        from = page.next
      }
      expect(forward).toEqual(upTo(35).map((n) => `p${n}`))
      const backward: string[] = []
      for (let from: number | undefined; ;) {
        const page = await log.read({
          contexts: ['c'],
          limit: 7,
          reverse: true,
          kinds: ['unit.created'],
          ...(from === undefined ? {} : { from }),
        })
        backward.push(...payloadsOf(page.events))
        await log.append(commitOf('c', 'later'))
        if (page.isAtEnd) break
        from = page.next
      }
      expect(backward).toEqual(upTo(35).map((n) => `p${36 - n}`))
    })

    it('COL-1301 the same idempotency key gives the first answer, with no second effect', async () => {
      const idempotency = { agentId: 'ada', operation: 'append', key: 'k', fingerprint: 'f' }
      const both = await Promise.all(upTo(8).map(() => log.append(commitOf('c', 'once', { idempotency }))))
      expect(new Set(both.map(({ events }) => events.map(({ body }) => body).join()))).toHaveLength(1)
      expect(both.filter(({ isReplayed }) => isReplayed)).toHaveLength(7)
      await log.close()
      log = await place.open()
      expect((await log.append(commitOf('c', 'once', { idempotency }))).isReplayed).toBe(true)
      expect(payloadsOf(await everything(log, ['c']))).toEqual(['once'])
      const other = { ...idempotency, fingerprint: 'g' }
      await expect(log.append(commitOf('c', 'x', { idempotency: other }))).rejects.toMatchObject({
        code: 'idempotency_mismatch',
      })
      place.advance(25 * 3_600_000)
      expect((await log.append(commitOf('c', 'late', { idempotency: other }))).isReplayed).toBe(false)
    })

    it('COL-1301 a refused call keeps no answer: the same key may succeed later', async () => {
      const idempotency = { agentId: 'bob', operation: 'acquire', key: 'k', fingerprint: 'f' }
      const { lock } = await log.lock(acquireOf('r', 'ada'))
      await expect(log.lock(acquireOf('r', 'bob', { idempotency }))).rejects.toMatchObject({ code: 'lock_held' })
      await log.lock({ kind: 'release', resourcePath: 'r', agentId: 'ada', lockId: lock?.lock_id ?? '' })
      const granted = await log.lock(acquireOf('r', 'bob', { idempotency }))
      expect(granted).toMatchObject({ isReplayed: false, lock: { holder_agent: 'bob' } })
      expect(await log.lock(acquireOf('r', 'bob', { idempotency }))).toMatchObject({
        isReplayed: true,
        lock: granted.lock,
      })
    })

    it('COL-1303 the same unit under its own id is a duplicate, another one a conflict', async () => {
      const unit = unitOf('mine', { isOwnId: true, meta: { k: 'v' } })
      const first = await log.append(commitOf('c', '', { steps: [{ kind: 'unit', unit }] }))
      const again = await log.append(commitOf('c', '', { steps: [{ kind: 'unit', unit }] }))
      expect(again).toMatchObject({ isDuplicate: true })
      expect(again.events[0]?.body).toBe(first.events[1]?.body)
      for (const changed of [
        { ...unit, payload: 'else' },
        { ...unit, meta: {} },
        { ...unit, type: 'ERROR' as const },
      ]) {
        await expect(log.append(commitOf('c', '', { steps: [{ kind: 'unit', unit: changed }] }))).rejects.toMatchObject(
          { code: 'id_conflict' },
        )
      }
      await expect(log.append(commitOf('d', '', { steps: [{ kind: 'unit', unit }] }))).rejects.toMatchObject({
        code: 'id_conflict',
      })
    })

    it('COL-1304 conditions are decided with the write: of many that expect the same place one is taken', async () => {
      await log.append(commitOf('c', 'a', { expectedLastSeq: 0 }))
      const tries = upTo(10).map((n) => log.append(commitOf('c', `try${n}`, { expectedLastSeq: 2 })))
      const settled = await Promise.allSettled(tries)
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const one of settled) {
        if (one.status === 'rejected') {
          expect(one.reason).toMatchObject({ code: 'sequence_mismatch', details: { last_seq: 3 } })
        }
      }
      const patch = { kind: 'patch', patch: { displayName: 'x' } } as const
      await log.append(commitOf('c', '', { steps: [patch], expectedVersion: 1 }))
      await expect(log.append(commitOf('c', '', { steps: [patch], expectedVersion: 1 }))).rejects.toMatchObject({
        code: 'version_mismatch',
        details: { version: 2 },
      })
    })

    it('COL-1206 a guarded write stands only under the last token granted', async () => {
      const first = (await log.lock(acquireOf('r', 'ada'))).lock
      const fenced = (token: number, require_live = false) =>
        log.append(commitOf('c', `t${token}`, { fence: { resource_path: 'r', token, require_live } }))
      await fenced(first?.fencing_token ?? 0, true)
      place.advance(10_000)
      await fenced(first?.fencing_token ?? 0)
      await expect(fenced(first?.fencing_token ?? 0, true)).rejects.toMatchObject({ code: 'fenced' })
      const second = (await log.lock(acquireOf('r', 'bob'))).lock
      await expect(fenced(first?.fencing_token ?? 0)).rejects.toMatchObject({
        code: 'fenced',
        details: { last_token: second?.fencing_token },
      })
      await expect(fenced((second?.fencing_token ?? 0) + 1)).rejects.toMatchObject({ code: 'invalid_request' })
      await fenced(second?.fencing_token ?? 0, true)
    })

    it('COL-1202 tokens of a resource only grow: over release, expiry, a new opening', async () => {
      const tokens: number[] = []
      for (const n of upTo(6)) {
        const { lock } = await log.lock(acquireOf('r', `agent-${n}`))
        tokens.push(lock?.fencing_token ?? 0)
        if (n % 3 === 0) {
          await log.close()
          log = await place.open()
        }
        if (n % 2 === 0) place.advance(10_000)
        else
          await log.lock({
            kind: 'release',
            resourcePath: 'r',
            agentId: `agent-${n}`,
            lockId: lock?.lock_id ?? '',
          })
      }
      expect(tokens).toEqual(upTo(6))
    })

    it('COL-1207 every grant and end of a lease is an event; an expiry stands before the next grant', async () => {
      const { lock } = await log.lock(acquireOf('r', 'ada'))
      await log.lock({ kind: 'release', resourcePath: 'r', agentId: 'ada', lockId: lock?.lock_id ?? '' })
      await log.lock(acquireOf('r', 'ada'))
      place.advance(10_000)
      await log.lock(acquireOf('r', 'bob'))
      place.advance(10_000)
      expect((await log.lock({ kind: 'expire' })).expired).toBe(1)
      expect((await log.lock({ kind: 'expire' })).expired).toBe(0)
      const kinds = (await everything(log, ['$locks'])).map(({ kind }) => kind)
      expect(kinds).toEqual([
        'context.created',
        'lock.acquired',
        'lock.released',
        'lock.acquired',
        'lock.expired',
        'lock.acquired',
        'lock.expired',
      ])
    })

    it('COL-1205 says why a lease cannot be ended or renewed, in this order', async () => {
      const { lock } = await log.lock(acquireOf('r', 'ada'))
      const lockId = lock?.lock_id ?? ''
      const end = (kind: 'release' | 'renew', agentId: string, id: string, resourcePath = 'r') =>
        log.lock({ kind, resourcePath, agentId, lockId: id })
      for (const kind of ['release', 'renew'] as const) {
        await expect(end(kind, 'bob', lockId)).rejects.toMatchObject({ code: 'lock_not_owner' })
        await expect(end(kind, 'ada', 'else')).rejects.toMatchObject({ code: 'lock_id_mismatch' })
        await expect(end(kind, 'ada', lockId, 'never')).rejects.toMatchObject({ code: 'lock_not_found' })
      }
      await end('renew', 'ada', lockId)
      place.advance(10_000)
      for (const kind of ['release', 'renew'] as const) {
        await expect(end(kind, 'ada', lockId)).rejects.toMatchObject({
          code: 'lock_expired',
          details: { fencing_token: 1 },
        })
      }
      const again = (await log.lock(acquireOf('r', 'ada'))).lock?.lock_id ?? ''
      await end('release', 'ada', again)
      await expect(end('release', 'ada', again)).rejects.toMatchObject({ code: 'lock_not_found' })
    })

    it('COL-1203 the live holder asking again keeps id and token, and its lease ends later', async () => {
      const first = (await log.lock(acquireOf('r', 'ada'))).lock
      place.advance(4_000)
      const again = await log.lock(acquireOf('r', 'ada', { ttlMs: 20_000 }))
      expect(again).toMatchObject({
        isExtended: true,
        lock: { lock_id: first?.lock_id, fencing_token: 1, remaining_ms: 20_000 },
      })
      place.advance(15_000)
      expect(await log.heldLock('r')).toMatchObject({ holder_agent: 'ada', remaining_ms: 5_000 })
      place.advance(5_000)
      expect(await log.heldLock('r')).toBeUndefined()
    })

    it('COL-1204 a lease is over at its time, whatever wall time does meanwhile', async () => {
      await log.lock(acquireOf('r', 'ada'))
      place.advance(9_999)
      place.setWall(4_000_000_000_000)
      expect(await log.heldLock('r')).toMatchObject({ remaining_ms: 1 })
      place.setWall(1_000)
      await expect(log.lock(acquireOf('r', 'bob'))).rejects.toMatchObject({ code: 'lock_held' })
      place.advance(1)
      expect((await log.lock(acquireOf('r', 'bob'))).lock).toMatchObject({ holder_agent: 'bob', fencing_token: 2 })
    })

    it('COL-1210 an agent holds so many new locks; what it has it may keep', async () => {
      for (const n of upTo(3)) await log.lock(acquireOf(`r${n}`, 'ada', { locksPerAgentMax: 3 }))
      await expect(log.lock(acquireOf('r4', 'ada', { locksPerAgentMax: 3 }))).rejects.toMatchObject({
        code: 'lock_limit',
      })
      expect(await log.lock(acquireOf('r1', 'ada', { locksPerAgentMax: 3 }))).toMatchObject({ isExtended: true })
      place.advance(10_000)
      await log.lock(acquireOf('r4', 'ada', { locksPerAgentMax: 3 }))
    })

    it('COL-1201 of many who ask at once one is granted', async () => {
      const settled = await Promise.allSettled(upTo(12).map((n) => log.lock(acquireOf('r', `agent-${n}`))))
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    it('COL-615 an archived context takes no unit, change or lock; what it has is read, and the ends of its locks written', async () => {
      await log.append(commitOf('c', 'a'))
      const { lock } = await log.lock(acquireOf('r', 'ada', { contextId: 'c' }))
      await log.append(commitOf('c', '', { steps: [{ kind: 'archive' }] }))
      const archived = { code: 'context_archived' }
      await expect(log.append(commitOf('c', 'b'))).rejects.toMatchObject(archived)
      const patch = { kind: 'patch', patch: { displayName: 'x' } } as const
      await expect(log.append(commitOf('c', '', { steps: [patch] }))).rejects.toMatchObject(archived)
      await expect(log.lock(acquireOf('s', 'ada', { contextId: 'c' }))).rejects.toMatchObject(archived)
      await log.lock({ kind: 'release', resourcePath: 'r', agentId: 'ada', lockId: lock?.lock_id ?? '' })
      await log.append(commitOf('c', '', { steps: [{ kind: 'restore' }] }))
      await log.append(commitOf('c', 'c'))
      const kinds = (await everything(log, ['c'])).map(({ kind }) => kind)
      expect(kinds.slice(2)).toEqual([
        'lock.acquired',
        'context.archived',
        'lock.released',
        'context.restored',
        'unit.created',
      ])
    })

    it('COL-1402 a hundred changes at once all stand, each with its version', async () => {
      await log.append(commitOf('c', 'a'))
      await Promise.all(
        upTo(100).map((n) =>
          log.append(commitOf('c', '', { steps: [{ kind: 'patch', patch: { addAgents: [`agent-${n}`] } }] })),
        ),
      )
      const context = await log.context('c')
      expect(context?.version).toBe(101)
      expect([...(context?.agent_ids ?? [])].sort()).toEqual(['ada', ...upTo(100).map((n) => `agent-${n}`)].sort())
    })

    it('COL-206 what a hint brings along is what the log has, whole commits of it, each once', async () => {
      const told: StoredEvent[] = []
      const stop = new AbortController()
      log.watch((written = []) => told.push(...written), stop.signal)
      const first = commitOf('c', '', { steps: [{ kind: 'unit', unit: unitOf('a', { isOwnId: true }) }] })
      await log.append(first)
      await log.append(first)
      await log.append(
        commitOf('c', '', {
          steps: [
            { kind: 'unit', unit: unitOf('b', { meta: { k: 'v' } }) },
            { kind: 'unit', unit: unitOf('c', { type: 'ERROR' }) },
          ],
        }),
      )
      await log.append(commitOf('c', '', { steps: [{ kind: 'patch', patch: { displayName: 'new' } }] }))
      expect(told).toEqual(await everything(log, 'all'))
      stop.abort()
    })

    it('COL-206 a watcher hears of writes here at once and of those of others soon', async () => {
      const other = await place.open()
      const stop = new AbortController()
      const hints: number[] = []
      log.watch(() => hints.push(1), stop.signal)
      await log.append(commitOf('c', 'a'))
      const before = hints.length
      expect(before).toBeGreaterThan(0)
      await other.append(commitOf('c', 'b'))
      for (let look = 0; look < 1_000 && hints.length <= before; look++) await new Promise((r) => setTimeout(r, 5))
      expect(hints.length).toBeGreaterThan(before)
      stop.abort()
      await other.close()
    })

    it('COL-P3 random commits, refusals and openings leave 1..n in every context', async () => {
      const act = fc.record({
        context: fc.constantFrom('x', 'y', 'x:y', 'ü/?'),
        size: fc.integer({ min: 1, max: 4 }),
        fate: fc.constantFrom('keep', 'keep', 'refuse', 'reopen', 'lock'),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
          const accepted: string[] = []
          await Promise.all(
            acts.map(async ({ context, size, fate }, at) => {
              const steps = upTo(size).map((n) => ({ kind: 'unit', unit: unitOf(`${context} ${at} ${n}`) }) as const)
              if (fate === 'lock') return void (await log.lock(acquireOf(`r${serial++}`, `a${at}`)))
              const expectedLastSeq = fate === 'refuse' ? { expectedLastSeq: 1_000_000 } : {}
              const done = await log.append(commitOf(context, '', { steps, ...expectedLastSeq })).catch(() => null)
              expect(done === null).toBe(fate === 'refuse')
              if (done !== null) accepted.push(...payloadsOf(done.events))
            }),
          )
          if (acts.some(({ fate }) => fate === 'reopen')) {
            await log.close()
            log = await place.open()
          }
          const all = await everything(log, 'all', 9)
          for (const events of Map.groupBy(all, ({ contextId }) => contextId).values()) {
            expect(events.map(({ seq }) => seq)).toEqual(upTo(events.length))
          }
          const stored = new Set(payloadsOf(all))
          expect(accepted.every((payload) => stored.has(payload))).toBe(true)
        }),
        { numRuns: 15 },
      )
    })
  })
}
