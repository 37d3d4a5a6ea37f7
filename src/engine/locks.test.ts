import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let world: TestEngine
beforeEach(() => {
  world = openTestEngine()
})
afterEach(() => world.close())

const call: TestEngine['engine']['call'] = (operation, input) => world.engine.call(operation, input)
const acquire = (resource_path: string, agent_id: string, more = {}) =>
  call('lock.acquire', { resource_path, agent_id, ...more })

describe('locks', () => {
  it('COL-509, COL-511 are granted, shown, refused to others with holder and end, and given back', async () => {
    const { lock, extended } = await acquire('/src/a b.ts', 'ada', { meta: { reason: 'refactoring' } })
    expect(extended).toBe(false)
    expect(lock).toMatchObject({
      resource_path: '/src/a b.ts',
      holder_agent: 'ada',
      fencing_token: 1,
      ttl_ms: 60_000,
      meta: { reason: 'refactoring' },
      expires_at: expect.stringMatching(/^2026-01-01T00:01:00/),
    })
    expect((await call('lock.get', { resource_path: '/src/a b.ts' })).lock.lock_id).toBe(lock.lock_id)
    await expect(acquire('/src/a b.ts', 'bob')).rejects.toMatchObject({
      code: 'lock_held',
      message: `resource '/src/a b.ts' is locked by agent 'ada' until ${lock.expires_at}`,
      details: { holder: 'ada', expires_at: lock.expires_at },
    })
    const mine = { resource_path: '/src/a b.ts', agent_id: 'ada', lock_id: lock.lock_id }
    expect(await call('lock.release', mine)).toEqual({ released: true })
    await expect(call('lock.get', { resource_path: '/src/a b.ts' })).rejects.toMatchObject({ code: 'lock_not_found' })
    expect((await acquire('/src/a b.ts', 'bob')).lock.fencing_token).toBe(2)
  })

  it('COL-1204 are renewed from now, by their own time or another', async () => {
    const { lock } = await acquire('r', 'ada', { ttl_ms: 5_000 })
    const mine = { resource_path: 'r', agent_id: 'ada', lock_id: lock.lock_id }
    world.clock.advance(3_000)
    expect((await call('lock.renew', mine)).lock).toMatchObject({ ttl_ms: 5_000, fencing_token: 1 })
    expect((await call('lock.renew', { ...mine, ttl_ms: 9_000 })).lock).toMatchObject({ ttl_ms: 9_000 })
    for (const ttl_ms of [0, 999, 86_400_001, 1.5]) {
      await expect(acquire('s', 'ada', { ttl_ms })).rejects.toMatchObject({ code: 'invalid_request' })
    }
  })

  it('COL-609 are listed by resource, with prefix, holder and context, in pages', async () => {
    await call('context.create', { id: 'c' })
    for (const n of [1, 2, 3, 4, 5]) await acquire(`src/${n}`, n % 2 === 0 ? 'ada' : 'bob')
    await acquire('doc/1', 'ada', { context_id: 'c' })
    await expect(acquire('doc/2', 'ada', { context_id: 'nobody' })).rejects.toMatchObject({
      code: 'context_not_found',
    })
    await expect(acquire('doc/2', 'ada', { context_id: '$locks' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    const paths = async (input: Parameters<typeof call<'lock.list'>>[1]) => {
      const found: string[] = []
      for (let cursor = ''; ;) {
        const page = await call('lock.list', { limit: 2, ...input, ...(cursor === '' ? {} : { cursor }) })
        found.push(...page.locks.map(({ resource_path }) => resource_path))
        if (page.next_cursor === '') return found
        cursor = page.next_cursor
      }
    }
    expect(await paths({})).toEqual(['doc/1', 'src/1', 'src/2', 'src/3', 'src/4', 'src/5'])
    expect(await paths({ prefix: 'src/', agent: 'ada' })).toEqual(['src/2', 'src/4'])
    expect(await paths({ context: 'c' })).toEqual(['doc/1'])
    world.clock.advance(60_000)
    expect(await paths({})).toEqual([])
    await expect(call('lock.list', { cursor: '!' })).rejects.toMatchObject({ code: 'invalid_cursor' })
  })

  it('COL-1206, COL-P6 a holder that stood still cannot write any more', async () => {
    const write = (token: number) =>
      call('work-unit.append', {
        context_id: 'c',
        agent_id: 'ada',
        type: 'FILE_CHANGE',
        create_context: true,
        fence: { resource_path: 'r', token },
      })
    const { lock } = await acquire('r', 'ada')
    await write(lock.fencing_token)
    world.clock.advance(60_000)
    const next = await acquire('r', 'bob')
    await expect(write(lock.fencing_token)).rejects.toMatchObject({ code: 'fenced', details: { last_token: 2 } })
    await write(next.lock.fencing_token)
    await expect(write(99)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})
