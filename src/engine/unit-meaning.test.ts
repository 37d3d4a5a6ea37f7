import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import type { UnitHits } from '../api/work-units.ts'
import type { Embedder } from '../search/embedder.ts'
import { hashingEmbedder } from '../search/embedders/hashing.ts'
import { minilmEmbedder } from '../search/embedders/minilm.ts'
import { dropVectors } from '../store/vectors.ts'
import { openTestEngine, type TestEngine, type TestEngineOptions } from './testing/test-engine.ts'
import { unitCalls } from './testing/unit-calls.ts'

let world: TestEngine
const open = (options: TestEngineOptions = {}): void => {
  world = openTestEngine({ embedder: hashingEmbedder(), ...options })
}
afterEach(() => world.close())

const { post, search, settle, texts } = unitCalls(() => world)

describe('units by meaning', () => {
  beforeEach(() => open())

  it('COL-1704 finds what shares no word with the query, and says which way it went', async () => {
    await post('tokenizers and tokenization of texts')
    await post('whales below the ice')
    await post('a tokeniser')
    const asked = { query: 'tokeniser', order: 'relevance' } as const
    expect(await search(asked)).toMatchObject({ mode: 'keyword', mode_reason: 'no_vectors', degraded: false })
    expect(await settle()).toMatchObject({ vectors: { units: { records: 3, vectors: 3 } } })
    const answer = await search(asked)
    expect(answer).toMatchObject({ mode: 'hybrid', degraded: false, total_count: 3, held_back: 0 })
    expect(texts(answer).slice(0, 2)).toEqual(['a tokeniser', 'tokenizers and tokenization of texts'])
    expect(await search({ ...asked, mode: 'semantic' })).toMatchObject({ mode: 'semantic', total_count: 3 })
    expect(await search({ ...asked, mode: 'keyword' })).toMatchObject({ mode: 'keyword', total_count: 1 })
  })

  it('COL-1704, COL-1702 newest first stays with words: all of them must match', async () => {
    await post('crane at the harbour')
    await post('crane')
    await settle()
    for (const more of [{}, { order: 'recent' } as const, { mode: 'auto' } as const]) {
      const answer = await search({ query: 'harbour crane', ...more })
      expect(answer).toMatchObject({ mode: 'keyword', mode_reason: 'newest_first', degraded: false, total_count: 1 })
    }
    const newest = await search({ query: 'harbour crane', mode: 'hybrid', order: 'recent' })
    expect([newest.mode, texts(newest)]).toEqual(['hybrid', ['crane', 'crane at the harbour']])
    const best = await search({ query: 'harbour crane', mode: 'hybrid' })
    expect(texts(best)).toEqual(['crane at the harbour', 'crane'])
  })

  it('COL-1704, RET-610 what only meaning finds must be near enough; what is held back is counted', async () => {
    for (const text of ['tokenizers and tokenization', 'a tokeniser', 'whales below the ice']) await post(text)
    await settle()
    const all = await search({ query: 'tokeniser', mode: 'hybrid' })
    const [nearer, further] = all.hits
      .slice(1)
      .map(({ similarity = 0 }) => similarity)
      .toSorted((a, b) => b - a)
    expect(nearer).toBeGreaterThan(further ?? 1)
    const some = await search({ query: 'tokeniser', mode: 'hybrid', min_similarity: nearer })
    expect([some.hits.map(({ similarity }) => similarity).slice(1), some.total_count, some.held_back]).toEqual([
      [nearer],
      2,
      1,
    ])
    const none = await search({ query: 'tokeniser', mode: 'semantic', min_similarity: 1 })
    expect(none).toMatchObject({ hits: [], total_count: 0, held_back: 3, mode: 'semantic' })
    const usual = await search({ query: 'tokeniser', mode: 'semantic', min_similarity: undefined })
    expect(usual.hits.every(({ similarity = 0 }) => similarity >= 0.1)).toBe(true)
    expect(usual.held_back).toBeGreaterThan(0)
  })

  it('COL-1704, RET-753 both scores by their weights, times the factors, are the score', async () => {
    for (const text of ['session token cache', 'token cache', 'the cache of sessions', 'whales']) await post(text)
    await settle()
    const { hits } = await search({ query: 'cache token', mode: 'hybrid', explain: true })
    expect(hits).toHaveLength(4)
    for (const { explanation, score, similarity } of hits) {
      const { L = 0, V = 0, c, weights, factors = {}, S } = explanation ?? {}
      const sum = (weights?.words ?? 0) * L + (weights?.meaning ?? 0) * V
      expect(Object.values(factors).reduce((product, factor) => product * factor, sum)).toBeCloseTo(S ?? -1, 8)
      expect([S, c]).toEqual([score, similarity])
    }
    expect(hits[0]?.explanation?.words.map(({ word }) => word)).toEqual(['cache', 'token'])
    expect((await search({ query: 'cache token', mode: 'hybrid' })).hits[0]).not.toHaveProperty('explanation')
  })

  it('COL-1705 no filter is widened: of what it lets through everything is found, of the rest nothing', async () => {
    const words = fc.array(fc.constantFrom('crane', 'crates', 'night', 'harbour'), { minLength: 1, maxLength: 3 })
    const unit = fc.record({
      words,
      agent: fc.constantFrom('ada', 'bob'),
      type: fc.constantFrom('MESSAGE', 'ERROR'),
      k: fc.constantFrom('1', '2'),
      context: fc.constantFrom('c', 'd', 'e'),
    })
    const posted: { id: string; ts: string; of: (typeof units)[number] }[] = []
    const units = fc.sample(unit, { numRuns: 80, seed: 7 })
    for (const of of units) {
      world.clock.advance(60_000)
      const { id, ts } = await post(of.words.join(' '), {
        agent_id: of.agent,
        type: of.type,
        meta: { k: of.k },
        context_id: of.context,
      })
      posted.push({ id, ts, of })
    }
    await settle()
    const times = fc.constantFrom(...posted.map(({ ts }) => ts))
    const filters = fc.record(
      {
        agent_ids: fc.constant<string[]>(['ada']),
        types: fc.constant<string[]>(['ERROR']),
        meta_filters: fc.constant({ k: '1' }),
        context_ids: fc.constantFrom<string[]>(['d'], ['c', 'e'], ['nowhere']),
        since: times,
        until: times,
      },
      { requiredKeys: [] },
    )
    const passes = ({ ts, of }: (typeof posted)[number], asked: Input<'work-unit.search'>): boolean =>
      (asked.agent_ids === undefined || of.agent === 'ada') &&
      (asked.types === undefined || of.type === 'ERROR') &&
      (asked.meta_filters === undefined || of.k === '1') &&
      (asked.context_ids === undefined || asked.context_ids.includes(of.context)) &&
      (asked.since === undefined || ts >= asked.since) &&
      (asked.until === undefined || ts < asked.until)
    await fc.assert(
      fc.asyncProperty(words, filters, fc.constantFrom('hybrid', 'semantic'), async (query, asked, mode) => {
        const answer = await search({ ...asked, query: query.join(' '), mode, limit: 1_000 })
        const expected = posted.filter((one) => passes(one, asked)).map(({ id }) => id)
        expect(answer.mode).toBe(mode)
        expect(answer.hits.map(({ unit_id }) => unit_id).toSorted()).toEqual(expected.toSorted())
        expect(answer.total_count).toBe(expected.length)
      }),
      { numRuns: 80 },
    )
  })

  it('COL-1705 a filter is applied before the nearest are chosen', async () => {
    for (let n = 0; n < 450; n++) await post('crane at the harbour', { agent_id: 'many' })
    world.clock.advance(60_000)
    const others = { agent_id: 'few', type: 'ERROR', meta: { k: '1' }, context_id: 'd' }
    const rare = await post('something else altogether', others)
    await settle()
    const query = 'crane at the harbour'
    const filters = [{ agent_ids: ['few'] }, { types: ['ERROR'] }, { meta_filters: { k: '1' } }, { context_ids: ['d'] }]
    for (const mode of ['hybrid', 'semantic'] as const) {
      for (const filter of [...filters, { since: rare.ts }, { since: rare.ts, ...filters[0] }]) {
        expect(texts(await search({ query, ...filter, mode })), JSON.stringify(filter)).toEqual([rare.payload])
      }
    }
  })

  it('COL-1705 related units alone, by direction and type, whichever way they are found', async () => {
    const root = await post('crane plan')
    const reply = await post('crane reply', { reply_to: root.id })
    const based = await post('crane draft', { relationships: [{ target_id: reply.id, type: 'DEPENDS_ON' }] })
    await post('crane apart')
    await settle()
    const idsOf = async (more: Partial<Input<'work-unit.search'>>): Promise<readonly (readonly string[])[]> => {
      const found = (['keyword', 'hybrid', 'semantic'] as const).map((mode) =>
        search({ query: 'crane', mode, related_to: reply.id, ...more }),
      )
      return (await Promise.all(found)).map(({ hits }) => hits.map(({ unit_id }) => unit_id).toSorted())
    }
    const each = (...ids: readonly string[]) => [ids, ids, ids].map((list) => list.toSorted())
    expect(await idsOf({})).toEqual(each(root.id, based.id))
    expect(await idsOf({ direction: 'in' })).toEqual(each(based.id))
    expect(await idsOf({ direction: 'out' })).toEqual(each(root.id))
    expect(await idsOf({ relation_types: ['RESPONDS_TO'] })).toEqual(each(root.id))
    expect(await idsOf({ direction: 'in', relation_types: ['RESPONDS_TO'] })).toEqual(each())
    await expect(search({ query: 'crane', direction: 'in' })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(idsOf({ relation_types: ['NOPE'] })).rejects.toMatchObject({ code: 'invalid_type' })
  })

  it('COL-1704 pages of a ranked list join without a gap or a repeat, whatever is appended meanwhile', async () => {
    for (let n = 0; n < 23; n++) await post(`crane ${n % 5} at harbour ${n}`)
    await settle()
    for (const mode of ['keyword', 'hybrid', 'semantic'] as const) {
      const asked = { query: 'crane', mode, order: 'relevance' } as const
      const whole = await search({ ...asked, limit: 100 })
      const byOffset = [0, 10, 20, 30, 40].map((offset) => search({ ...asked, limit: 10, offset }))
      expect((await Promise.all(byOffset)).flatMap(({ hits }) => hits)).toEqual(whole.hits)
      const found: UnitHits['hits'][number][] = []
      for (let cursor = ''; ;) {
        const page = await search({ ...asked, limit: 4, ...(cursor === '' ? {} : { cursor }) })
        found.push(...page.hits)
        cursor = page.next_cursor
        if (cursor === '') break
        world.clock.advance(3_600_000)
        await post('crane crane')
        await settle()
      }
      const ids = found.map(({ unit_id }) => unit_id)
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.toSorted()).toEqual(whole.hits.map(({ unit_id }) => unit_id).toSorted())
      if (mode === 'semantic') expect(found).toEqual(whole.hits)
    }
  })

  it('COL-1704 a cursor goes on in its own search alone', async () => {
    for (let n = 0; n < 5; n++) await post(`crane ${n}`)
    await settle()
    const { next_cursor: cursor } = await search({ query: 'crane', mode: 'hybrid', limit: 2 })
    expect(cursor).not.toBe('')
    expect((await search({ query: 'crane', mode: 'hybrid', limit: 9, cursor })).hits).toHaveLength(3)
    for (const other of [{ query: 'harbour' }, { agent_ids: ['ada'] }, { mode: 'semantic' as const }]) {
      const asked = search({ query: 'crane', mode: 'hybrid', limit: 2, cursor, ...other })
      await expect(asked).rejects.toMatchObject({ code: 'invalid_cursor' })
    }
    const byWords = await search({ query: 'crane', mode: 'hybrid', limit: 2, cursor: await recentCursor() })
    expect(byWords).toMatchObject({ mode: 'keyword', mode_reason: 'as_before', degraded: true })
  })
  const recentCursor = async () => (await search({ query: 'crane', limit: 2 })).next_cursor

  it('COL-1704, RET-802 other scripts go by words, and an empty query has no meaning', async () => {
    await post('Счётчик очереди переполнен')
    await settle()
    const asked = { query: 'очереди', order: 'relevance' } as const
    expect(await search(asked)).toMatchObject({ mode_reason: 'language', degraded: false, total_count: 1 })
    expect(await search({ ...asked, mode: 'semantic' })).toMatchObject({ mode: 'keyword', degraded: true })
    expect(await search({ mode: 'hybrid' })).toMatchObject({ mode_reason: 'no_query', total_count: 1 })
  })
})

it('COL-1704 without an embedder: by words, and degraded where better was asked for', async () => {
  open({ embedder: undefined })
  await post('the harbour crane')
  for (const mode of ['semantic', 'hybrid'] as const) {
    const answer = await search({ query: 'crane', mode })
    expect(answer).toMatchObject({ mode: 'keyword', mode_reason: 'no_embedder', degraded: true, total_count: 1 })
  }
  const auto = await search({ query: 'crane', order: 'relevance' })
  expect(auto).toMatchObject({ mode: 'keyword', mode_reason: 'no_embedder', degraded: false, total_count: 1 })
})

describe('COL-1704 a server may be set to', () => {
  it.each([
    ['hybrid', {}, 'hybrid'],
    ['hybrid', { mode: 'keyword' }, 'keyword'],
    ['keyword', { order: 'relevance' }, 'keyword'],
    ['keyword', { order: 'relevance', mode: 'auto' }, 'hybrid'],
    ['auto', {}, 'keyword'],
  ] as const)('%s: %j goes by %s', async (unitSearchMode, asked, mode) => {
    open({ settings: { unitSearchMode } })
    await post('the harbour crane')
    await settle()
    expect(await search({ query: 'crane', ...asked })).toMatchObject({ mode, degraded: false })
  })

  it('hybrid, without an embedder: words, degraded', async () => {
    open({ settings: { unitSearchMode: 'hybrid' }, embedder: undefined })
    await post('the harbour crane')
    expect(await search({ query: 'crane' })).toMatchObject({ mode: 'keyword', degraded: true, total_count: 1 })
  })
})

describe('a model that fails', () => {
  it.each([
    ['never loads', { start: () => never() }, 'embedder_loading'],
    ['is late', { embed: () => never() }, 'embedder_timeout'],
    ['throws', { embed: () => Promise.reject(new Error('out of memory')) }, 'embedder_error'],
  ] as const)('COL-1704, RET-606 %s: by words, degraded', async (_, fault, reason) => {
    const sound = hashingEmbedder()
    let isBroken = false
    const broken: Partial<Embedder> = fault
    open({
      embedder: {
        ...sound,
        start: () => (isBroken && broken.start !== undefined ? broken.start() : sound.start()),
        embed: (given, signal) =>
          isBroken && broken.embed !== undefined ? broken.embed(given, signal) : sound.embed(given, signal),
      },
    })
    for (let n = 0; n < 4; n++) await post(`the harbour crane ${n}`)
    await settle()
    const { next_cursor: cursor } = await search({ query: 'crane', mode: 'hybrid', limit: 2 })
    if (broken.start !== undefined) await world.deps.meaning?.close()
    isBroken = true
    for (const mode of ['auto', 'hybrid', 'semantic'] as const) {
      const answer = await search({ query: 'crane harbour', order: 'relevance', mode })
      expect(answer).toMatchObject({ mode: 'keyword', mode_reason: reason, degraded: true, total_count: 4 })
    }
    // What was asked before is remembered, so its list goes on.
    expect((await search({ query: 'crane', mode: 'hybrid', limit: 2, cursor })).hits).toHaveLength(2)
  })

  it('COL-1704 the next page of a list by meaning waits for the model, in another process too', async () => {
    open()
    for (let n = 0; n < 4; n++) await post(`the harbour crane ${n}`)
    await settle()
    const asked = { query: 'crane', mode: 'hybrid', limit: 2 } as const
    const { next_cursor: cursor } = await search(asked)
    let isLoaded = (): void => undefined
    const loading = new Promise<void>((resolve) => {
      isLoaded = resolve
    })
    const later = openTestEngine({
      dataDir: world.directory,
      embedder: { ...hashingEmbedder(), start: () => loading },
    })
    try {
      const first = await later.engine.call('work-unit.search', asked)
      expect(first).toMatchObject({ mode: 'keyword', mode_reason: 'embedder_loading' })
      const next = later.engine.call('work-unit.search', { ...asked, min_similarity: 0, include_units: true, cursor })
      isLoaded()
      expect(await next).toMatchObject({ mode: 'hybrid', next_cursor: '' })
    } finally {
      await later.close()
    }
  })

  it('COL-1704 a list by meaning cannot go on by words', async () => {
    open()
    for (let n = 0; n < 4; n++) await post(`the harbour crane ${n}`)
    await settle()
    const asked = { query: 'crane', mode: 'hybrid', limit: 2 } as const
    const { next_cursor: cursor } = await search(asked)
    await world.deps.store.write(dropVectors)
    await expect(search({ ...asked, cursor })).rejects.toMatchObject({ code: 'cursor_gone' })
    expect(await search(asked)).toMatchObject({ mode: 'keyword', mode_reason: 'no_vectors' })
  })
})

const never = (): Promise<never> => new Promise(() => undefined)

const bundled = minilmEmbedder()
const isInstalled = await bundled?.start().then(
  () => true,
  () => false,
)
await bundled?.close()

describe.runIf(bundled !== null && isInstalled === true)('with the bundled model', () => {
  it('COL-1704 a question finds the unit that answers it in other words', { timeout: 60_000 }, async () => {
    open({ embedder: bundled ?? undefined })
    await post('Everybody signs in through the OAuth page')
    await post('The invoice export runs every night')
    await post('Whales sing below the ice')
    await settle()
    const question = { query: 'how does user login work', order: 'relevance', min_similarity: undefined } as const
    expect((await search({ ...question, mode: 'keyword' })).hits).toEqual([])
    const answer = await search(question)
    expect([answer.mode, texts(answer)]).toEqual(['hybrid', ['Everybody signs in through the OAuth page']])
    await world.deps.meaning?.close()
  })
})
