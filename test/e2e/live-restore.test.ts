import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEngine } from '../../src/open-engine.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'live-restore-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const acquire = { resource_path: 'r', agent_id: 'ada', ttl_ms: 1_000 }
const append = { context_id: 'c', agent_id: 'ada', type: 'MESSAGE', create_context: true } as const

describe('another history', () => {
  it('COL-209 a restored copy has a greater epoch, tells old cursors so, and grants no token twice', async () => {
    let engine = await openEngine({ dataDir })
    const kept = (await engine.caller.call('work-unit.append', { ...append, payload: 'kept' })).unit
    const first = (await engine.caller.call('lock.acquire', acquire)).lock
    const { path } = await engine.caller.call('backup.create', {})
    const lost = (await engine.caller.call('work-unit.append', { ...append, payload: 'lost' })).unit
    await engine.caller.call('lock.release', { ...acquire, lock_id: first.lock_id, ttl_ms: undefined } as never)
    const second = (await engine.caller.call('lock.acquire', { ...acquire, agent_id: 'bob' })).lock
    const { epoch } = engine.deps.contextLog
    await engine.caller.call('backup.restore', { path, confirmed: true })
    await engine.close()

    engine = await openEngine({ dataDir })
    expect(engine.deps.contextLog.epoch).toBeGreaterThan(epoch)
    await expect(engine.caller.call('work-unit.list', { context_id: 'c', cursor: lost.cursor })).rejects.toMatchObject({
      code: 'cursor_gone',
      details: { reason: 'epoch' },
    })
    const { units } = await engine.caller.call('work-unit.list', { context_id: 'c' })
    expect(units.map(({ payload }) => payload)).toEqual(['kept'])
    // The texts that faces send on say the same.
    const { texts } = await engine.live.unitTexts({ context_id: 'c' })
    expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(units)
    // What was written before has the cursor of this history: reading goes on from it.
    expect(units[0]?.cursor).not.toBe(kept.cursor)
    const after = await engine.caller.call('work-unit.list', { context_id: 'c', cursor: units[0]?.cursor })
    expect(after).toMatchObject({ units: [], at_tail: true })
    await new Promise((resolve) => setTimeout(resolve, 1_050))
    const third = (await engine.caller.call('lock.acquire', acquire)).lock
    expect(third.fencing_token).toBeGreaterThan(second.fencing_token + 1_000)
    await engine.close()
  })

  it('COL-1208 a server that starts alone gives live leases a moment, one that is not alone does not', async () => {
    let engine = await openEngine({ dataDir, isServer: true })
    const { lock } = await engine.caller.call('lock.acquire', { ...acquire, ttl_ms: 4_000 })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await engine.close()
    const program = `const { openEngine } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/open-engine.ts'))})
      await openEngine({ dataDir: ${JSON.stringify(dataDir)} })
      console.log('open')
      setInterval(() => {}, 1_000)`
    const other = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(other.stdout, 'data')
    engine = await openEngine({ dataDir, isServer: true })
    const beside = (await engine.caller.call('lock.get', { resource_path: 'r' })).lock
    expect(beside.remaining_ms).toBeLessThan(3_701)
    await engine.close()
    other.kill('SIGKILL')
    await once(other, 'close')
    engine = await openEngine({ dataDir, isServer: true })
    const alone = (await engine.caller.call('lock.get', { resource_path: 'r' })).lock
    expect(alone).toMatchObject({ lock_id: lock.lock_id, fencing_token: 1 })
    expect(alone.remaining_ms).toBeGreaterThan(3_800)
    await engine.close()
  })

  it('COL-1207 a process that stays logs the end of leases nobody asks for', async () => {
    const engine = await openEngine({ dataDir, isServer: true })
    await engine.live.begin()
    await engine.caller.call('lock.acquire', acquire)
    const started = performance.now()
    for (;;) {
      const { events } = await engine.caller.call('event.list', { context_id: '$locks', wait_ms: 500 })
      if (events.at(-1)?.kind === 'lock.expired') break
      expect(performance.now() - started).toBeLessThan(10_000)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await engine.close()
  })

  it('COL-1703 a unit is searchable soon, without anybody searching before', async () => {
    const engine = await openEngine({ dataDir, isServer: true })
    await engine.live.begin()
    await engine.caller.call('work-unit.append', { ...append, payload: 'needle' })
    const indexed = (): number => engine.deps.store.read((tx) => tx.all(`SELECT rowid FROM unit_fts('needle')`).length)
    const started = performance.now()
    while (indexed() === 0 && performance.now() - started < 10_000) await new Promise((r) => setTimeout(r, 10))
    expect(indexed()).toBe(1)
    await engine.close()
  })

  it('COL-604 texts as they are stored are the list, page by page, in both directions', async () => {
    const engine = await openEngine({ dataDir, settings: { durability: 'normal' } })
    const { caller, live } = engine
    for (let n = 0; n < 300; n++) {
      await caller.call('work-unit.append', { ...append, payload: `p${n}` })
      if (n % 50 === 0) await caller.call('context.update', { id: 'c', display_name: `n${n}` })
    }
    for (const order of ['asc', 'desc'] as const) {
      for (let cursor: string | undefined; ;) {
        const input = { context_id: 'c', order, limit: 70, ...(cursor === undefined ? {} : { cursor }) }
        const [listed, stored] = [await caller.call('work-unit.list', input), await live.unitTexts(input)]
        expect(stored.texts.map((text) => JSON.parse(text) as unknown)).toEqual(listed.units)
        expect([stored.next_cursor, stored.at_tail]).toEqual([listed.next_cursor, listed.at_tail])
        if (listed.at_tail) break
        cursor = listed.next_cursor
      }
    }
    const some = await live.unitTexts({ context_id: 'c', types: ['ERROR'] })
    expect([some.texts, some.at_tail]).toEqual([[], true])
    await expect(live.unitTexts({ context_id: 'nobody' })).rejects.toMatchObject({ code: 'context_not_found' })
    const events = await live.eventTexts({ context_id: 'c', limit: 3 })
    const listed = await caller.call('event.list', { context_id: 'c', limit: 3 })
    expect(events.texts.map((text) => JSON.parse(text) as unknown)).toEqual(listed.events)
    await engine.close()
  })
})
