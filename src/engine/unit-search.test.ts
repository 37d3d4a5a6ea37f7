import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let world: TestEngine
beforeEach(() => {
  world = openTestEngine()
})
afterEach(() => world.close())

type Append = Input<'work-unit.append'>
const post = async (payload: string, more: Partial<Append> = {}) =>
  (
    await world.engine.call('work-unit.append', {
      context_id: 'c',
      agent_id: 'ada',
      type: 'MESSAGE',
      payload,
      create_context: true,
      ...more,
    })
  ).unit
const search = (input: Input<'work-unit.search'>) => world.engine.call('work-unit.search', input)
const payloads = async (input: Input<'work-unit.search'>) =>
  (await search({ ...input, include_units: true })).hits.map(({ unit }) => unit?.payload)

describe('search over units', () => {
  it('COL-1701 filters are ANDed, names within one are ORed, newest first, values of meta are searchable', async () => {
    await post('alpha one', { agent_id: 'bob' })
    await post('alpha two', { type: 'ERROR', meta: { file: 'main.ts' } })
    await post('beta', { context_id: 'd', meta: { note: 'alpha here' } })
    expect(await payloads({ query: 'alpha' })).toEqual(['beta', 'alpha two', 'alpha one'])
    expect(await payloads({ query: 'alpha', agent_ids: ['bob', 'eve'] })).toEqual(['alpha one'])
    expect(await payloads({ types: ['ERROR', 'SYSTEM'] })).toEqual(['alpha two'])
    expect(await payloads({ types: ['ERROR', 'MESSAGE'] })).toHaveLength(3)
    expect(await payloads({ meta_filters: { file: 'main.ts' } })).toEqual(['alpha two'])
    expect(await payloads({ meta_filters: { file: 'main' } })).toEqual([])
    expect(await payloads({ context_ids: ['d'] })).toEqual(['beta'])
    expect(await payloads({})).toHaveLength(3)
    expect(await payloads({ query: 'main.ts' })).toEqual(['alpha two'])
  })

  it('COL-1702, COL-R13 all words must match, of any length and script, accents apart; substrings where no spaces are', async () => {
    await post('Der Übergang zur Datenbank')
    await post('数据库迁移完成 getHTTPName')
    await post('a b c')
    const found = async (query: string) => (await search({ query })).total_count
    expect(await found('ubergang')).toBe(1)
    expect(await found('ÜBERGANG datenbank')).toBe(1)
    expect(await found('übergang missing')).toBe(0)
    expect(await found('b')).toBe(1)
    for (const part of ['数据', '库迁移', '完成', '成', '迁']) expect(await found(part), part).toBe(1)
    expect(await found('据迁')).toBe(0)
    expect(await found('HTTP name')).toBe(1)
    expect(await found('数据库 getHTTPName')).toBe(1)
  })

  it.each([
    '"',
    '*',
    'NEAR(a b)',
    'words:a',
    'a AND',
    '-a',
    '^',
    "'; DROP TABLE log; --",
    'C++',
    '🙂',
    '\ud800',
    '(',
    'a OR b',
    ':',
  ])('COL-1702, COL-P12 %j is words, never syntax', async (query) => {
    await post('a b')
    expect((await search({ query })).total_count).toBeLessThanOrEqual(1)
  })

  it('COL-1702 what is no text is found by its meta alone', async () => {
    const bytes = Buffer.from('\u0001 needle').toString('base64')
    await post('', { payload: undefined, payload_base64: bytes, meta: { name: 'haystack' } })
    expect((await search({ query: 'needle' })).total_count).toBe(0)
    expect((await search({ query: 'haystack' })).total_count).toBe(1)
  })

  it('COL-512, COL-1704 pages sum to the total, by offset and by cursor; a better mode is said to be missing', async () => {
    for (let n = 0; n < 7; n++) await post(`word ${n}`)
    const page = await search({ query: 'word', limit: 1, offset: 1 })
    expect([page.hits.length, page.total_count, page.mode, page.degraded]).toEqual([1, 7, 'keyword', false])
    const found: string[] = []
    for (let cursor = ''; ;) {
      const next = await search({ query: 'word', limit: 3, ...(cursor === '' ? {} : { cursor }) })
      found.push(...next.hits.map(({ snippet }) => snippet))
      expect(next.total_count).toBe(7)
      if (next.next_cursor === '') break
      cursor = next.next_cursor
    }
    expect(found).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `word ${n}`))
    expect(await search({ query: 'word', mode: 'hybrid' })).toMatchObject({ mode: 'keyword', degraded: true })
    const best = await search({ query: 'word 3', order: 'relevance' })
    expect(best.hits.map(({ snippet }) => snippet)).toEqual(['word 3'])
    await expect(search({ query: 'word', cursor: 'x' })).rejects.toMatchObject({ code: 'invalid_cursor' })
  })

  it('COL-P12 random filters find what looking at every unit finds', async () => {
    const words = ['red', 'green', 'blue', 'Größe', '数据']
    const word = fc.constantFrom(...words)
    const unit = fc.record({
      words: fc.array(word, { maxLength: 3 }),
      agent: fc.constantFrom('a', 'b'),
      type: fc.constantFrom('MESSAGE', 'ERROR'),
      k: fc.constantFrom('1', '2'),
      context: fc.constantFrom('c', 'd'),
    })
    const units = fc.sample(unit, { numRuns: 60, seed: 5 })
    for (const one of units) {
      await post(one.words.join(' '), {
        agent_id: one.agent,
        type: one.type,
        meta: { k: one.k },
        context_id: one.context,
      })
    }
    const query = fc.record(
      {
        query: fc.array(word, { maxLength: 2 }),
        agent_ids: fc.constant<string[]>(['a']),
        types: fc.constant<string[]>(['ERROR']),
        meta_filters: fc.constant({ k: '1' }),
        context_ids: fc.constant<string[]>(['d']),
      },
      { requiredKeys: ['query'] },
    )
    await fc.assert(
      fc.asyncProperty(query, async (asked) => {
        const expected = units.filter(
          (one) =>
            asked.query.every((each) => one.words.includes(each)) &&
            (asked.agent_ids === undefined || one.agent === 'a') &&
            (asked.types === undefined || one.type === 'ERROR') &&
            (asked.meta_filters === undefined || one.k === '1') &&
            (asked.context_ids === undefined || one.context === 'd'),
        )
        const { hits, total_count } = await search({
          ...asked,
          query: asked.query.join(' '),
          limit: 1_000,
          include_units: true,
        })
        expect(hits.map(({ unit: hit }) => hit?.payload)).toEqual(
          expected.map((one) => one.words.join(' ')).toReversed(),
        )
        expect(total_count).toBe(expected.length)
      }),
      { numRuns: 60 },
    )
  })
})
