import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { readUnitTexts } from '../store/log.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let world: TestEngine
beforeEach(() => {
  world = openTestEngine()
})
afterEach(() => world.close())

const call: TestEngine['engine']['call'] = (operation, input) => world.engine.call(operation, input)
type Append = Input<'work-unit.append'>
const append = (payload: string, more: Partial<Append> = {}) =>
  call('work-unit.append', {
    context_id: 'c',
    agent_id: 'ada',
    type: 'MESSAGE',
    payload,
    create_context: true,
    ...more,
  })

describe('appending', () => {
  it('COL-102, COL-504 makes the unit and, when asked, its context with the agent as first member', async () => {
    await expect(append('x', { create_context: false })).rejects.toMatchObject({ code: 'context_not_found' })
    const { unit, duplicate, durability } = await append('Hello', { meta: { k: 'v' }, content_type: 'text/plain' })
    expect({ duplicate, durability }).toEqual({ duplicate: false, durability: 'normal' })
    expect(unit).toMatchObject({
      context_id: 'c',
      agent_id: 'ada',
      type: 'MESSAGE',
      payload: 'Hello',
      meta: { k: 'v' },
      content_type: 'text/plain',
      relationships: [],
      seq: 2,
      gseq: 2,
    })
    expect(unit.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect((await call('context.get', { id: 'c' })).context).toMatchObject({ agent_ids: ['ada'], display_name: '' })
    expect((await call('work-unit.get', { id: unit.id.toUpperCase() })).unit).toEqual(unit)
    await expect(call('work-unit.get', { id: 'nobody' })).rejects.toMatchObject({ code: 'unit_not_found' })
  })

  it.each([
    [1, 'MESSAGE'],
    ['8', 'SYSTEM'],
    ['tool_call', 'TOOL_CALL'],
    ['Func_Call', 'TOOL_CALL'],
    [0, 'UNKNOWN'],
  ])('COL-103, COL-403 takes the type %j as %s', async (type, name) => {
    expect((await append('x', { type })).unit.type).toBe(name)
  })

  it.each([[9], [-1], [1.5], ['MESSAGES'], [''], ['99'], ['__proto__'], [undefined]])(
    'COL-403 refuses the type %j, and lists the names',
    async (type) => {
      await expect(append('x', { type })).rejects.toMatchObject({
        code: 'invalid_type',
        message: expect.stringContaining('TOOL_RESULT'),
      })
      await expect(call('work-unit.search', { types: [type ?? 'x'] })).rejects.toMatchObject({ code: 'invalid_type' })
    },
  )

  it('COL-506 what an append answers is what is read, to the letter', async () => {
    const meta = Object.fromEntries([
      ['k', 'v'],
      ['__proto__', 'p'],
    ])
    const relationships = [{ target_id: 'x', type: 'MODIFIES', meta: { why: 'w' } }]
    for (const given of [
      { payload: 'é\u2028"', content_type: 'text/plain' },
      { payload_base64: '/wA=' },
      { thread_id: 't' },
    ]) {
      const input = { context_id: 'c', agent_id: 'ada', type: 'MESSAGE', create_context: true, meta, relationships }
      const { unit } = await call('work-unit.append', { ...input, ...given })
      const { unit: read } = await call('work-unit.get', { id: unit.id })
      expect(JSON.stringify(unit)).toBe(JSON.stringify(read))
      expect(Object.keys(unit.meta)).toEqual(['k', '__proto__'])
    }
  })

  it('COL-402 base64 of text is text, of other bytes stays base64, of nothing is nothing', async () => {
    const of = async (payload_base64: string) => {
      const { unit } = await append('', { payload: undefined, payload_base64 })
      return [unit.payload, unit.payload_base64]
    }
    expect(await of('SGVsbG8=')).toEqual(['Hello', undefined])
    expect(await of('SGVsbG8')).toEqual(['Hello', undefined])
    expect(await of('_-79')).toEqual([undefined, '/+79'])
    expect(await of('AAEC')).toEqual([undefined, 'AAEC'])
    expect(await of('')).toEqual(['', undefined])
    for (const bad of ['SGVsbG8*', 'a', '====', 'SGV sbG8=']) {
      await expect(append('', { payload: undefined, payload_base64: bad })).rejects.toMatchObject({
        code: 'invalid_payload',
      })
    }
    await expect(append('x', { payload_base64: 'eA==' })).rejects.toMatchObject({ code: 'invalid_payload' })
  })

  it('COL-1711, COL-109 a reply joins the thread of what it answers, which may be elsewhere', async () => {
    const root = (await append('root')).unit
    const reply = (await append('reply', { reply_to: root.id })).unit
    const next = (await append('next', { reply_to: reply.id, relationships: [{ target_id: 'x', type: 3 }] })).unit
    const lost = (await append('lost', { reply_to: '00000000-0000-7000-8000-000000000000' })).unit
    expect([reply.thread_id, next.thread_id, lost.thread_id]).toEqual([
      root.id,
      root.id,
      '00000000-0000-7000-8000-000000000000',
    ])
    expect(next.relationships).toEqual([
      { target_id: 'x', type: 'DEPENDS_ON', meta: {} },
      { target_id: reply.id, type: 'RESPONDS_TO', meta: {} },
    ])
  })

  it('COL-1303 a UUID of the caller’s own makes sending twice harmless', async () => {
    const id = '0199AAAA-0000-7000-8000-000000000001'
    const first = await append('x', { id })
    expect(first.unit.id).toBe(id.toLowerCase())
    expect(await append('x', { id })).toEqual({ ...first, duplicate: true })
    await expect(append('y', { id })).rejects.toMatchObject({ code: 'id_conflict' })
    await expect(append('y', { id: 'no-uuid' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('COL-1301, COL-P7 eight calls at once with one key are one unit and one answer', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => append('once', { idempotency_key: 'k' })))
    expect(new Set(all.map(({ unit }) => JSON.stringify(unit)))).toHaveLength(1)
    await expect(append('other', { idempotency_key: 'k' })).rejects.toMatchObject({ code: 'idempotency_mismatch' })
    expect((await append('once', { idempotency_key: 'k', agent_id: 'bob' })).replayed).toBeUndefined()
    expect((await call('work-unit.list', { context_id: 'c' })).units).toHaveLength(2)
  })

  it('COL-1506 secrets and private parts are taken out, and counted; binary payloads are stored as they are', async () => {
    const token = ['ghp', 'Ab3dE6gH1jKlM4oPqR7tUvW9yZ0aB2cD5eF8'].join('_')
    const { unit, redacted } = await append(`use ${token} <private>home</private>`, { meta: { auth: token } })
    expect(JSON.stringify(unit)).not.toMatch(/ghp_|home/)
    expect(redacted).toEqual({ count: 3, kinds: expect.arrayContaining(['private']) })
    const bytes = Buffer.from(`\u0000\u0001${token}`).toString('base64')
    expect((await append('', { payload: undefined, payload_base64: bytes })).unit.payload_base64).toBe(bytes)
  })

  it.each([
    [{ context_id: '' }],
    [{ context_id: '$locks' }],
    [{ agent_id: '' }],
    [{ agent_id: 'x'.repeat(257) }],
    [{ meta: { k: 'x'.repeat(4_097) } }],
    [{ relationships: Array.from({ length: 65 }, () => ({ target_id: 'x' })) }],
    [{ fence: { resource_path: 'r', token: 0 } }],
    [{ fence: { resource_path: 'r', token: 1.5 } }],
    [{ idempotency_key: 'ü' }],
    [{ expected_last_seq: -1 }],
  ])('COL-1902, COL-P11 %j is refused and nothing is stored', async (more) => {
    await expect(append('x', more)).rejects.toMatchObject({ code: 'invalid_request' })
    expect((await call('context.list', {})).contexts).toEqual([])
  })

  it('COL-1902 a payload over the limit is refused', async () => {
    await append('x'.repeat(1024 * 1024))
    await expect(append('ü'.repeat(524_289))).rejects.toMatchObject({ code: 'payload_too_large' })
  })
})

describe('listing', () => {
  it('COL-506, COL-604, COL-R7 pages go on from their cursor, in both directions, to an end that says so', async () => {
    for (let n = 1; n <= 10; n++) await append(`p${n}`)
    const walk = async (order: 'asc' | 'desc', limit: number) => {
      const pages: (readonly string[])[] = []
      for (let cursor = ''; ;) {
        const page = await call('work-unit.list', {
          context_id: 'c',
          order,
          limit,
          ...(cursor === '' ? {} : { cursor }),
        })
        pages.push(page.units.map(({ payload }) => payload ?? ''))
        expect(page.next_cursor).toMatch(/^c1_[0-9a-f]{8}_[0-9a-f]{8}_[0-9a-f]{16}$/)
        if (page.at_tail) return { pages, cursor: page.next_cursor }
        cursor = page.next_cursor
      }
    }
    const forward = await walk('asc', 5)
    expect(forward.pages).toEqual([
      ['p1', 'p2', 'p3', 'p4', 'p5'],
      ['p6', 'p7', 'p8', 'p9', 'p10'],
    ])
    expect((await walk('desc', 4)).pages.flat()).toEqual(forward.pages.flat().toReversed())
    await append('p11')
    const next = await call('work-unit.list', { context_id: 'c', cursor: forward.cursor })
    expect(next.units.map(({ payload }) => payload)).toEqual(['p11'])
  })

  it('COL-604 a text that was damaged does not stop a list of texts', async () => {
    for (let n = 0; n < 4; n++) await append(`p${n}`)
    const { store } = world.deps
    await store.write((tx) => tx.run(`UPDATE log SET body = '{}' WHERE seq = 3`))
    const walk = (reverse: boolean): number[] => {
      const places: number[] = []
      for (let from: number | undefined; ;) {
        const range = { limit: 1, reverse, ...(from === undefined ? {} : { from }) }
        const page = store.read((tx) => readUnitTexts(tx, 'c', range))
        if (page === undefined || page.isAtEnd) return places
        places.push(page.next)
        from = page.next
      }
    }
    expect(walk(false)).toEqual([2, 3, 4])
    expect(walk(true)).toEqual([5, 4, 3])
  })

  it('COL-703 filters by type, agent, meta and time', async () => {
    await append('a')
    world.clock.advance(60_000)
    await append('b', { type: 'ERROR', agent_id: 'bob', meta: { k: 'v', "a'b": 'q"' } })
    const list = async (more: Partial<Input<'work-unit.list'>>) =>
      (await call('work-unit.list', { context_id: 'c', ...more })).units.map(({ payload }) => payload)
    expect(await list({ types: ['error', 0] })).toEqual(['b'])
    expect(await list({ agents: ['ada'] })).toEqual(['a'])
    expect(await list({ meta: { k: 'v' } })).toEqual(['b'])
    expect(await list({ meta: { "a'b": 'q"' } })).toEqual(['b'])
    expect(await list({ meta: { k: 'w' } })).toEqual([])
    expect(await list({ since: '2026-01-01T00:00:30Z' })).toEqual(['b'])
    expect(await list({ until: '2026-01-01T00:00:30Z', order: 'desc' })).toEqual(['a'])
    await expect(list({ since: 'soon' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('COL-R6, COL-701 a context with another one’s id in its own stays apart; cursors do not cross', async () => {
    await append('1', { context_id: 'a' })
    await append('2', { context_id: 'a:b' })
    const list = async (context_id: string, cursor?: string) =>
      (await call('work-unit.list', { context_id, ...(cursor === undefined ? {} : { cursor }) })).units.length
    expect([await list('a'), await list('a:b')]).toEqual([1, 1])
    const { next_cursor } = await call('work-unit.list', { context_id: 'a' })
    await expect(list('a:b', next_cursor)).rejects.toMatchObject({ code: 'invalid_cursor' })
    for (let at = 0; at < next_cursor.length; at++) {
      const changed = `${next_cursor.slice(0, at)}!${next_cursor.slice(at + 1)}`
      await expect(list('a', changed)).rejects.toMatchObject({ code: 'invalid_cursor' })
    }
    await expect(list('a', `${next_cursor.slice(0, -1)}9`)).rejects.toMatchObject({
      code: 'cursor_gone',
      details: { reason: 'ahead' },
    })
    await expect(list('nobody')).rejects.toMatchObject({ code: 'context_not_found' })
  })
})

describe('events', () => {
  it('COL-605 are all there is, in order; at the tail a reader may wait for the next', async () => {
    await append('a')
    await call('context.update', { id: 'c', display_name: 'x' })
    await call('lock.acquire', { resource_path: 'r', agent_id: 'ada', context_id: 'c' })
    const page = await call('event.list', { context_id: 'c' })
    expect(page.events.map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'context.created'],
      [2, 'unit.created'],
      [3, 'context.updated'],
      [4, 'lock.acquired'],
    ])
    expect(page.events[1]?.data.unit).toMatchObject({ payload: 'a', cursor: page.events[1]?.cursor })
    const only = await call('event.list', { context_id: 'c', kinds: ['unit.created'], limit: 1 })
    expect(only.events.map(({ seq }) => seq)).toEqual([2])
    const empty = await call('event.list', { context_id: 'c', cursor: page.next_cursor, wait_ms: 20 })
    expect(empty).toEqual({ events: [], next_cursor: page.next_cursor, at_tail: true })
  })
})
