import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { limits } from '../model/limits.ts'
import { observationById } from '../store/observations.ts'
import { truncationMark } from './rules/cut.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

const day = 86_400_000

let texts = 0
async function save(more: Partial<Input<'observation.save'>> = {}): Promise<number> {
  const content = `Content ${++texts}`
  const saved = await test.engine.call('observation.save', { project: 'acme', title: `T${texts}`, content, ...more })
  return saved.id ?? 0
}
const update = (id: number | string, fields: Omit<Input<'observation.update'>, 'id'>) =>
  test.engine.call('observation.update', { id, ...fields })
const get = (id: number | string) => test.engine.call('observation.get', { id })
const row = (id: number) => test.deps.store.read((tx) => observationById(tx, id))
const count = (table: string): number =>
  test.deps.store.read((tx) => tx.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n ?? -1)

describe('updating', () => {
  it.each<[Omit<Input<'observation.update'>, 'id'>, readonly string[], object]>([
    [{ title: ' New ' }, ['title'], { title: 'New' }],
    [{ content: 'New' }, ['content'], { content: 'New' }],
    [{ type: 'decision' }, ['type', 'review_after'], { type: 'decision', review_after: '2026-07-01 00:00:00' }],
    [{ scope: 'personal' }, ['scope'], { scope: 'personal' }],
    [{ topic_key: 'A b' }, ['topic_key'], { topic_key: 'a-b' }],
    [{ author: 'ada', tool_name: 'cli' }, ['tool_name', 'author'], { tool_name: 'cli' }],
    [{ ttl: '1d' }, ['expires_at'], {}],
    [{ find: 'Content', replace: 'Text' }, ['content'], {}],
    [{ title: 'New', type: 'manual' }, ['title'], { title: 'New', type: 'manual' }],
  ])('MEM-401 %j', async (fields, updated, shown) => {
    const id = await save()
    const result = await update(id, fields)
    expect(result.updated_fields).toEqual(updated)
    expect(result.observation).toMatchObject({ id, revision_count: 2, ...shown })
  })

  it('MEM-401 an empty text clears topic key, tool, author and expiry', async () => {
    const id = await save({ topic_key: 'a', tool_name: 'x', author: 'y', ttl: '1d' })
    await update(id, { topic_key: '', tool_name: '', author: ' ', ttl: '' })
    expect(row(id)).toMatchObject({ topic_key: null, tool_name: null, author: null, expires_at: null })
  })

  it.each<[string, Omit<Input<'observation.update'>, 'id'>, string]>([
    ['nothing', {}, 'at least one field is required'],
    ['find alone', { find: 'a' }, 'find and replace together'],
    ['replace alone', { replace: 'a' }, 'find and replace together'],
    ['both ways', { find: 'a', replace: 'b', content: 'c' }, 'not both'],
    ['blank title', { title: ' ' }, 'not blank'],
    ['blank content', { content: ' ' }, 'only white space'],
    ['everything replaced away', { find: 'Alone', replace: '' }, 'only white space'],
    ['long type', { type: 'é'.repeat(33) }, 'at most 64 bytes'],
    ['long replacement', { find: 'a', replace: 'b'.repeat(50_001) }, 'at most 50000 bytes'],
  ])('MEM-401 %s is refused', async (_what, fields, message) => {
    const id = await save({ content: 'Alone' })
    const failure = await update(id, fields).catch((error: unknown) => error)
    expect(failure).toMatchObject({ message: expect.stringContaining(message) as string, row: { http: 400 } })
    expect(row(id)).toMatchObject({ revision_count: 1, content: 'Alone' })
  })

  it.each([
    ['a.b a.b', 'a.b', '$& $1', '$& $1 $& $1'],
    ['Aa aA', 'a', 'b', 'Ab bA'],
    ['aaaa', 'aa', 'a', 'aa'],
    ['x y', '', 'z', 'x y'],
    ['x y', 'q', 'z', 'x y'],
    ['x y', 'x', 'x', 'x y'],
  ])('MEM-401 in %j, %j becomes %j: %j', async (content, find, replace, after) => {
    const id = await save({ content })
    const result = await update(id, { find, replace })
    expect(result.observation.content).toBe(after)
    expect(result.updated_fields).toEqual(content === after ? [] : ['content'])
    expect(result.observation.revision_count).toBe(content === after ? 1 : 2)
  })

  it('MEM-401 replacing cannot grow a text without end: cut, marked, reported', async () => {
    const id = await save({ content: 'ab'.repeat(20_000) })
    const result = await update(id, { find: 'a', replace: 'é'.repeat(10_000) })
    expect(result.truncation).toEqual({ original_bytes: 20_000 * 20_001, limit_bytes: 50_000, truncated: true })
    expect(Buffer.byteLength(result.observation.content)).toBe(limits.contentBytesMax + truncationMark.length)
  })

  it('MEM-401 a text that was cut before can be edited without a second mark', async () => {
    const id = await save({ content: `start ${'x'.repeat(60_000)}` })
    const { observation } = await update(id, { find: 'start', replace: 'begin' })
    expect(observation.content.split(truncationMark)).toHaveLength(2)
  })

  it('MEM-110 a title that is cut is reported', async () => {
    const id = await save()
    expect((await update(id, { title: 'é'.repeat(600) })).warnings.map((one) => one.code)).toEqual(['title_cut'])
  })

  it('MEM-402 a wrong expected_project is refused; any writing of the right one is accepted', async () => {
    const id = await save()
    await expect(update(id, { title: 'New', expected_project: 'beta' })).rejects.toMatchObject({
      code: 'observation_project_mismatch',
      details: { project: 'acme', expected_project: 'beta' },
    })
    await update(id, { title: 'New', expected_project: ' ACME ' })
    await update(id, { title: 'Newer', expected_project: '' })
    expect(row(id)?.title).toBe('Newer')
  })

  it('MEM-403 moving needs the present project named beside the new one', async () => {
    const id = await save()
    await expect(update(id, { project: 'beta' })).rejects.toMatchObject({ code: 'observation_project_mismatch' })
    await update(id, { project: 'acme', title: 'New' })
    const moved = await update(id, { project: 'beta', expected_project: 'acme' })
    expect(moved).toMatchObject({ updated_fields: ['project'], observation: { project: 'beta', revision_count: 3 } })
    expect(moved.warnings.map((one) => one.code)).toEqual(['project_created'])
  })

  it('MEM-403 moving files several at once, all or none', async () => {
    const ids = [await save(), await save()]
    const move = (all: readonly (number | string)[]) =>
      test.engine.call('observation.move', { ids: [...all], to: 'beta' })
    await expect(move([...ids, 999])).rejects.toMatchObject({ code: 'not_found' })
    expect(row(ids[0] ?? 0)?.project).toBe('acme')
    expect(await move(ids)).toEqual({ moved: ids, project: 'beta' })
    expect(ids.map((id) => row(id)?.project)).toEqual(['beta', 'beta'])
  })

  it('MEM-406 what is deleted is not edited: restore it first', async () => {
    const id = await save()
    await test.engine.call('observation.delete', { id })
    await expect(update(id, { title: 'New' })).rejects.toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('restore') as string,
    })
    await expect(test.engine.call('observation.pin', { id, pinned: true })).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('pinning', () => {
  it('MEM-404 idempotent, and no time, version or change number moves', async () => {
    const id = await save()
    const before = row(id)
    test.clock.advance(day)
    for (const pinned of [true, true, false, false, true]) {
      expect(await test.engine.call('observation.pin', { id, pinned })).toEqual({
        id,
        sync_id: before?.sync_id,
        pinned,
      })
    }
    expect(row(id)).toEqual({ ...before, pinned: 1 })
    expect(count('observation_versions')).toBe(0)
  })
})

describe('reviewing and expiring', () => {
  /** A decision (due after 6 months) that expires after 8, looked at over time. */
  it.each([
    ['at once', 0, 'active', false, false, true],
    ['a second before it is due', 181 * day - 1_000, 'active', false, false, true],
    ['due to the second', 181 * day, 'needs_review', true, false, true],
    ['a second before it expires', 240 * day - 1_000, 'needs_review', true, false, true],
    ['expired', 240 * day, 'expired', false, true, false],
  ])('MEM-404 MEM-405 %s', async (_when, afterMs, state, isDue, isExpired, inContext) => {
    const id = await save({ type: 'decision', ttl: '240d', title: 'Use tabs' })
    test.clock.advance(afterMs)
    expect((await get(id)).ext?.state).toBe(state)
    const listed = async (more: object) =>
      (await test.engine.call('observation.review-due', { project: 'acme', ...more })).map((one) => one.id)
    expect(await listed({})).toEqual(isDue ? [id] : [])
    expect(await listed({ expired: true })).toEqual(isExpired ? [id] : [])
    const { context } = await test.engine.call('memory.context', { project: 'acme' })
    expect(context.includes('Use tabs')).toBe(inContext)
    const exported = await test.engine.call('project.export', { project: 'acme', format: 'json' })
    expect(exported.text).toContain('Use tabs')
  })

  it.each([
    ['decision', '2026-08-31 00:00:00', '2027-03-03 00:00:00'],
    ['preference', '2026-08-31 00:00:00', '2026-12-01 00:00:00'],
    ['manual', null, undefined],
  ])('MEM-404 marking a %s as reviewed on %s sets %s', async (type, _at, next) => {
    const id = await save({ type })
    test.clock.set(Date.UTC(2026, 7, 31))
    const marked = await test.engine.call('observation.mark-reviewed', { id })
    expect(marked.review_after).toBe(next)
    expect(marked.revision_count).toBe(1)
    expect(count('observation_versions')).toBe(next === undefined ? 0 : 1)
  })
})

describe('deleting', () => {
  const remove = (id: number | string, hard = false) => test.engine.call('observation.delete', { id, hard })
  const related = (status: string): number =>
    test.deps.store.read(
      (tx) => tx.get<{ n: number }>('SELECT count(*) AS n FROM relations WHERE judgment_status = ?', status)?.n ?? -1,
    )

  it('MEM-406 soft: gone from lists and context, readable by id; restore brings it back', async () => {
    const id = await save({ title: 'Parser cache rule' })
    await save({ title: 'Parser cache rule again' })
    expect(related('pending')).toBe(1)
    test.clock.advance(day)
    expect(await remove(id)).toMatchObject({ id, hard_delete: false })
    await remove(id)
    expect(await get(id)).toMatchObject({ deleted_at: '2026-01-02 00:00:00' })
    expect(await test.engine.call('observation.list', { project: 'acme' })).toHaveLength(1)
    expect((await test.engine.call('memory.context', { project: 'acme' })).context).not.toContain('rule**')
    expect(related('orphaned')).toBe(1)
    expect(await test.engine.call('observation.restore', { id })).toMatchObject({ id, title: 'Parser cache rule' })
    expect((await get(id)).deleted_at).toBeUndefined()
    expect(related('pending')).toBe(1)
    expect(count('tombstones')).toBe(0)
  })

  it('MEM-406 MEM-507 hard: row, versions and index go, the tombstone stays; nothing brings it back', async () => {
    const id = await save({ title: 'Parser cache rule' })
    await save({ title: 'Parser cache rule again' })
    await update(id, { content: 'Other' })
    const { sync_id } = await get(id)
    expect(await remove(sync_id, true)).toMatchObject({ id, sync_id, hard_delete: true })
    await expect(get(id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(test.engine.call('observation.restore', { id })).rejects.toMatchObject({ code: 'not_found' })
    expect([count('observation_versions'), count('observation_fts')]).toEqual([0, 1])
    expect(related('orphaned')).toBe(1)
    const tombstone = test.deps.store.read((tx) => tx.get('SELECT entity, entity_key, project, hard FROM tombstones'))
    expect(tombstone).toEqual({ entity: 'observation', entity_key: sync_id, project: 'acme', hard: 1 })
  })

  it('MEM-201 a number is never given twice', async () => {
    const id = await save()
    await remove(id, true)
    expect(await save()).toBe(id + 1)
  })

  it('MEM-402 a wrong project is refused', async () => {
    const id = await save()
    await expect(test.engine.call('observation.delete', { id, expected_project: 'beta' })).rejects.toMatchObject({
      code: 'observation_project_mismatch',
    })
  })

  it('MEM-1205 an observation is named by number, digits, #number or sync id', async () => {
    const id = await save()
    const { sync_id } = await get(id)
    for (const name of [id, String(id), `#${id}`, sync_id]) expect((await get(name)).id).toBe(id)
    for (const name of ['#x', '0x1', 'obs-', 10_000])
      await expect(get(name)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('history', () => {
  it('MEM-510 states before each edit, numbered from the oldest, in pages', async () => {
    const id = await save({ content: 'v1' })
    for (const content of ['v2', 'v3', 'v4', 'v5']) await update(id, { content })
    const page = (cursor?: string) =>
      test.engine.call('observation.history', { id, limit: 2, ...(cursor === undefined ? {} : { cursor }) })
    const first = await page()
    expect(first.versions.map((one) => [one.version, one.content, one.is_baseline])).toEqual([
      [4, 'v4', false],
      [3, 'v3', false],
    ])
    const second = await page(first.next_cursor ?? '')
    expect(second.versions.map((one) => [one.version, one.content, one.is_baseline])).toEqual([
      [2, 'v2', false],
      [1, 'v1', true],
    ])
    expect([first.history_complete, second.next_cursor]).toEqual([true, null])
    await expect(page('nonsense')).rejects.toMatchObject({ code: 'invalid_request', details: { field: 'cursor' } })
  })

  it('MEM-510 beyond what is kept, texts go and the answer says so', async () => {
    await test.close()
    test = openTestEngine({ settings: { historyKept: 2 } })
    const id = await save({ content: 'v1' })
    for (const content of ['v2', 'v3', 'v4']) await update(id, { content })
    const { versions, history_complete } = await test.engine.call('observation.history', { id })
    expect([versions.map((one) => one.content), history_complete]).toEqual([['v3', 'v2'], false])
  })
})

describe('timeline', () => {
  it('MEM-609 by creation, hybrid time and id, also where rows came in later from elsewhere', async () => {
    const ids: number[] = []
    for (let index = 0; index < 7; index++) {
      ids.push(await save({ title: `T${index}`, session_id: 's' }))
      test.clock.advance(60_000)
    }
    await save({ session_id: 'other' })
    // As an import leaves it: the newest row, from long ago.
    await test.deps.store.write(
      (tx) => tx.run("UPDATE observations SET created_at = '2025-12-31 23:00:00' WHERE id = ?", ids[6] ?? 0).changes,
    )
    await test.engine.call('observation.delete', { id: ids[1] ?? 0 })
    const timeline = await test.engine.call('memory.timeline', { observation_id: ids[3] ?? 0, before: 2, after: 1 })
    expect(timeline.before.map((one) => one.title)).toEqual(['T0', 'T2'])
    expect(timeline.after.map((one) => one.title)).toEqual(['T4'])
    expect(timeline).toMatchObject({ focus: { title: 'T3' }, session_info: { id: 's' }, total_in_range: 6 })
    const all = await test.engine.call('memory.timeline', { observation_id: ids[3] ?? 0 })
    expect(all.before.map((one) => one.title)).toEqual(['T6', 'T0', 'T2'])
  })

  it('MEM-203 an entry has its own keys, in their order', async () => {
    const id = await save({ session_id: 's', topic_key: 'a', tool_name: 't' })
    await save({ session_id: 's', topic_key: 'b', tool_name: 't', type: 'decision' })
    const { after } = await test.engine.call('memory.timeline', { observation_id: id })
    expect(Object.keys(after[0] ?? {})).toEqual(
      'id session_id type title content tool_name project scope topic_key revision_count duplicate_count created_at updated_at is_focus'.split(
        ' ',
      ),
    )
  })
})

describe('listing', () => {
  it('MEM-203 the keys of an observation stand in their order', async () => {
    const id = await save({ topic_key: 'a', tool_name: 't', type: 'decision' })
    const { relations: _relations, ...observation } = await get(id)
    expect(Object.keys(observation)).toEqual(
      'id sync_id session_id type title content tool_name project scope topic_key revision_count duplicate_count review_after created_at updated_at ext'.split(
        ' ',
      ),
    )
  })

  it('MEM-601 filters are equalities, and blank ones are none', async () => {
    await save({ title: 'a', type: 'decision', session_id: 's1' })
    await save({ title: 'b', scope: 'personal' })
    await save({ title: 'c', project: 'beta' })
    const titles = async (more: Input<'observation.list'>) =>
      (await test.engine.call('observation.list', more)).map((one) => one.title)
    expect(await titles({})).toEqual(['c', 'b', 'a'])
    expect(await titles({ project: 'acme', type: '', session_id: '', scope: ' ' })).toEqual(['b', 'a'])
    expect(await titles({ type: 'decision' })).toEqual(['a'])
    expect(await titles({ scope: 'Personal' })).toEqual(['b'])
    expect(await titles({ session_id: 's1' })).toEqual(['a'])
    expect(await titles({ sort: 'created_at:asc', limit: 2 })).toEqual(['a', 'b'])
  })
})
