import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let world: TestEngine
beforeEach(() => {
  world = openTestEngine()
})
afterEach(() => world.close())

const call: TestEngine['engine']['call'] = (operation, input) => world.engine.call(operation, input)
const kindsOf = async (id: string) =>
  (await call('event.list', { context_id: id })).events.map(({ kind, data }) => ({ kind, changes: data.changes }))

describe('contexts', () => {
  it('COL-601 are made with name, members and meta; an id that is there is a conflict, one is made when none is given', async () => {
    const { context, created } = await call('context.create', {
      id: 'room/ü:1',
      display_name: 'Room',
      agents: ['ada', 'bob', 'ada'],
      meta: { k: 'v' },
      agent_id: 'ada',
    })
    expect(created).toBe(true)
    expect(context).toMatchObject({
      id: 'room/ü:1',
      display_name: 'Room',
      agent_ids: ['ada', 'bob'],
      meta: { k: 'v' },
      version: 1,
      status: 'active',
      last_seq: 1,
      earliest_seq: 1,
      created_by: 'ada',
    })
    await expect(call('context.create', { id: 'room/ü:1' })).rejects.toMatchObject({ code: 'id_conflict' })
    expect((await call('context.create', {})).context.id).toMatch(/^ctx-[0-9a-z]{26}$/)
    expect((await call('context.get', { id: 'room/ü:1' })).context).toEqual(context)
    await expect(call('context.get', { id: 'room' })).rejects.toMatchObject({ code: 'context_not_found' })
  })

  it.each([
    ['', 'empty'],
    ['a\u0000b', 'a control character'],
    ['x'.repeat(257), 'too long'],
    ['ü'.repeat(129), 'too many bytes'],
    ['\ud800', 'half a character'],
    ['$mine', 'reserved'],
  ])('COL-101 refuses the id %j: %s', async (id) => {
    await expect(call('context.create', { id })).rejects.toMatchObject({ code: 'invalid_request' })
    expect((await call('context.list', {})).contexts).toEqual([])
  })

  it('COL-1401 a PATCH is one event and one version, in its order; one that changes nothing is none', async () => {
    await call('context.create', { id: 'c', display_name: 'Old', agents: ['a', 'b'], meta: { keep: '1', go: '2' } })
    const { context } = await call('context.update', {
      id: 'c',
      agent_id: 'a',
      display_name: 'New',
      add_agents: ['c', 'd', 'c'],
      remove_agents: ['a', 'd'],
      pin_units: ['u1', 'u2'],
      unpin_units: ['u2'],
      meta: { go: null, add: '3' },
    })
    expect(context).toMatchObject({
      display_name: 'New',
      agent_ids: ['b', 'c'],
      pinned_units: ['u1'],
      meta: { keep: '1', add: '3' },
      version: 2,
      last_seq: 2,
    })
    const same = await call('context.update', { id: 'c', display_name: '', add_agents: ['b'], meta: { keep: '1' } })
    expect(same.context).toEqual(context)
    expect((await call('context.update', { id: 'c', display_name: null })).context.display_name).toBe('')
    expect(await kindsOf('c')).toEqual([
      { kind: 'context.created', changes: undefined },
      {
        kind: 'context.updated',
        changes: {
          display_name: 'New',
          agents_added: ['c'],
          agents_removed: ['a'],
          pinned: ['u1'],
          meta_set: { add: '3' },
          meta_deleted: ['go'],
        },
      },
      { kind: 'context.updated', changes: { display_name: '' } },
    ])
  })

  it('COL-507 COL-1401 an update may make the context; then nothing is taken away', async () => {
    const input = { id: 'c', agent_id: 'a', add_agents: ['x', 'y'], remove_agents: ['y'], pin_units: ['u'] }
    await expect(call('context.update', input)).rejects.toMatchObject({ code: 'context_not_found' })
    const made = await call('context.update', { ...input, unpin_units: ['u'], create_context: true })
    expect(made).toMatchObject({ created: true, context: { agent_ids: ['x', 'y'], pinned_units: ['u'], version: 1 } })
    expect(await kindsOf('c')).toEqual([{ kind: 'context.created', changes: undefined }])
  })

  it('COL-405 keys of meta that are names of objects are keys like any other', async () => {
    const meta = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>
    await call('context.create', { id: 'c', meta })
    const gone = JSON.parse('{"toString":null}') as Record<string, null>
    const { context } = await call('context.update', { id: 'c', meta: gone })
    expect(JSON.stringify(context.meta)).toBe('{"__proto__":"a","constructor":"b"}')
    expect(({} as Record<string, unknown>)['a']).toBeUndefined()
    for (const bad of [{ k: 1 }, { '': 'x' }, { k: { deep: 'x' } }, ['x'], 'x', null]) {
      await expect(call('context.update', { id: 'c', meta: bad as never })).rejects.toMatchObject({
        code: 'invalid_request',
      })
    }
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 'v']))
    await expect(call('context.update', { id: 'c', meta: many })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('COL-1405 a context has so many agents, pins and keys', async () => {
    const names = (from: number, count: number) => Array.from({ length: count }, (_, at) => `n${from + at}`)
    await call('context.create', { id: 'c', agents: names(0, 1_000) })
    await expect(call('context.update', { id: 'c', add_agents: ['more'] })).rejects.toMatchObject({
      code: 'payload_too_large',
    })
    await call('context.update', { id: 'c', add_agents: ['more'], remove_agents: ['n0'] })
    await call('context.update', { id: 'c', pin_units: names(0, 1_000) })
    await expect(call('context.update', { id: 'c', pin_units: ['more'] })).rejects.toMatchObject({
      code: 'payload_too_large',
    })
  })

  it('COL-615 are listed by last change, creation or id, with prefix, member and status; pages sum up', async () => {
    for (const id of ['team/b', 'team/a', 'other', 'team/c']) {
      await call('context.create', { id, agents: id === 'other' ? [] : ['ada'] })
      world.clock.advance(1_000)
    }
    await call('lock.acquire', { resource_path: 'r', agent_id: 'ada' })
    await call('context.update', { id: 'team/b', display_name: 'x' })
    world.clock.advance(1_000)
    await call('context.archive', { id: 'team/a' })
    const ids = async (input: Parameters<typeof call<'context.list'>>[1]) => {
      const found: string[] = []
      for (let cursor = ''; ;) {
        const page = await call('context.list', { limit: 2, ...input, ...(cursor === '' ? {} : { cursor }) })
        found.push(...page.contexts.map(({ id }) => id))
        if (page.next_cursor === '') return found
        cursor = page.next_cursor
      }
    }
    expect(await ids({})).toEqual(['team/a', 'team/b', 'team/c', 'other'])
    expect(await ids({ sort: 'created' })).toEqual(['team/c', 'other', 'team/a', 'team/b'])
    expect(await ids({ sort: 'id' })).toEqual(['other', 'team/a', 'team/b', 'team/c'])
    expect(await ids({ sort: 'id', prefix: 'team/' })).toEqual(['team/a', 'team/b', 'team/c'])
    expect(await ids({ agent: 'ada', status: 'active', sort: 'id' })).toEqual(['team/b', 'team/c'])
    for (const cursor of ['x', 'e30', 'WzFd', Buffer.from('{"value":{},"number":1}').toString('base64url')]) {
      await expect(call('context.list', { cursor })).rejects.toMatchObject({ code: 'invalid_cursor' })
    }
  })

  it('COL-1506 secrets are taken out of names and values of meta, and counted', async () => {
    const token = ['ghp', 'Ab3dE6gH1jKlM4oPqR7tUvW9yZ0aB2cD5eF8'].join('_')
    const made = await call('context.create', { id: 'c', display_name: `with ${token}`, meta: { key: token } })
    expect(JSON.stringify(made.context)).not.toContain(token)
    expect(made.redacted.count).toBe(2)
  })

  it('COL-1301, COL-P7 the same key answers the same again, with another body it is refused', async () => {
    const input = { id: 'c', agent_id: 'a', display_name: 'x', idempotency_key: 'k' }
    const first = await call('context.create', input)
    const again = await call('context.create', { ...input })
    expect(again).toEqual({ ...first, replayed: true })
    await expect(call('context.create', { ...input, display_name: 'y' })).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    })
    await call('context.update', { id: 'c', agent_id: 'a', display_name: 'y', idempotency_key: 'k' })
    expect((await call('context.get', { id: 'c' })).context.version).toBe(2)
  })
})
