import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import type { SearchAnswer } from '../api/search.ts'
import type { Embedder } from '../search/embedder.ts'
import { hashingEmbedder } from '../search/embedders/hashing.ts'
import { withoutAuthors } from './search-meaning.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
afterEach(() => test.close())

const save = async (content: string, more: Partial<Input<'observation.save'>> = {}): Promise<number> => {
  test.clock.advance(60_000)
  const saved = await test.engine.call('observation.save', { project: 'alpha', title: content, content, ...more })
  return saved.id ?? 0
}
const search = (query: string, more: Partial<Input<'memory.search'>> = {}): Promise<SearchAnswer> =>
  test.engine.call('memory.search', { query, project: 'alpha', ...more })
const settle = () => test.engine.call('index.wait', { vectors: true })
const ids = (answer: SearchAnswer): readonly number[] => answer.hits.map((hit) => hit.id)

/** The hashing embedder with a fault of its own. */
const faulty = (fault: Partial<Embedder>): Embedder => ({ ...hashingEmbedder(), ...fault })
const never = (): Promise<never> => new Promise(() => undefined)

describe('with vectors', () => {
  beforeEach(() => {
    test = openTestEngine({ embedder: hashingEmbedder() })
  })

  it('RET-403, RET-409/auto is hybrid once the vectors stand, and finds what no word finds', async () => {
    const near = await save('tokenizers and tokenization of texts')
    await save('whales below the ice')
    expect(await search('tokeniser')).toMatchObject({ mode: 'lexical', mode_reason: 'no_vectors' })
    expect(await settle()).toMatchObject({ vectors: { records: 2, vectors: 2, coverage: 1 } })
    const answer = await search('tokeniser')
    expect(answer).toMatchObject({ mode: 'hybrid' })
    expect(answer.hits[0]?.id).toBe(near)
    expect(await search('tokeniser', { mode: 'lexical' })).toMatchObject({ mode: 'lexical', mode_reason: 'asked' })
    expect(await search('tokeniser', { mode: 'semantic' })).toMatchObject({ mode: 'semantic' })
  })

  it('RET-610/what only meaning finds must be near enough, and what is held back is counted', async () => {
    const texts = ['tokenizers and tokenization', 'a tokeniser of texts', 'whales below the ice']
    for (const text of texts) await save(text, { session_id: text })
    await settle()
    const all = await search('tokeniser', { explain: true, mode: 'hybrid' })
    const nearness = all.hits.flatMap(({ ext }) => (ext.explanation?.L === 0 ? [ext.explanation.c ?? 0] : []))
    const nearest = Math.max(...nearness)
    expect([all.hits.length, nearness.length, all.held_back]).toEqual([3, 2, undefined])
    const some = await search('tokeniser', { mode: 'hybrid', min_similarity: nearest })
    expect([some.hits.length, some.held_back]).toEqual([2, 1])
    const none = await search('tokeniser', { mode: 'hybrid', min_similarity: 1 })
    expect([none.hits.map(({ content }) => content), none.held_back]).toEqual([['a tokeniser of texts'], 2])
    expect(await search('tokeniser', { mode: 'semantic', min_similarity: 1 })).toMatchObject({ hits: [], held_back: 3 })
  })

  it('RET-753/both scores by their weights, times the factors, are the score', async () => {
    for (const text of ['session token cache', 'token cache', 'the cache of sessions', 'whales']) await save(text)
    await settle()
    const answer = await search('cache token', { explain: true })
    expect(answer.mode).toBe('hybrid')
    expect(answer.hits).toHaveLength(4)
    for (const { ext } of answer.hits) {
      const { L = 0, V = 0, weights, factors = {}, S } = ext.explanation ?? {}
      const score = (weights?.words ?? 0) * L + (weights?.meaning ?? 0) * V
      expect(Object.values(factors).reduce((product, factor) => product * factor, score)).toBeCloseTo(S ?? -1, 8)
      expect(ext.score).toBe(S)
    }
  })

  it('RET-402/a short record leans on what stands around it in its session', async () => {
    await save('the harbour crane lifts crates', { session_id: 's-1' })
    const between = await save('yes exactly', { session_id: 's-1' })
    const alone = await save('yes exactly so', { session_id: 's-2' })
    await settle()
    const answer = await search('harbour crane crates', { explain: true, mode: 'semantic' })
    const nearness = (id: number) => answer.hits.find((hit) => hit.id === id)?.ext.explanation
    expect(nearness(between)?.V ?? 0).toBeGreaterThan(nearness(between)?.c ?? 1)
    expect(nearness(alone)?.V).toBeCloseTo(nearness(alone)?.c ?? 1, 9)
  })

  it('RET-604/deleting or editing is seen by the very next query', async () => {
    const gone = await save('harbour crane lifts crates')
    const edited = await save('harbour crane lowers barrels')
    await save('whales below the ice')
    await settle()
    await search('harbour crane')
    expect(ids(await search('harbour crane', { mode: 'semantic' }))).toContain(gone)
    await test.engine.call('observation.delete', { id: gone })
    await test.engine.call('observation.update', { id: edited, title: 'lighthouse', content: 'lighthouse keeper' })
    const answer = await search('harbour crane', { mode: 'semantic' })
    expect(ids(answer)).not.toContain(gone)
    expect(ids(answer)).not.toContain(edited)
    await settle()
    expect((await search('lighthouse keeper', { mode: 'semantic' })).hits[0]?.id).toBe(edited)
    await test.engine.call('observation.delete', { id: edited, hard: true })
    expect(ids(await search('lighthouse keeper', { mode: 'semantic' }))).not.toContain(edited)
  })

  it('RET-604, RET-104/rebuilt vectors and rows answer as those kept up to date', async () => {
    const made = await Promise.all(['alpha crane', 'beta crates', 'gamma harbour'].map((text) => save(text)))
    await settle()
    await test.engine.call('observation.update', { id: made[1] ?? 0, content: 'beta harbour at night' })
    await save('delta crane at night', { session_id: 's-9' })
    await test.engine.call('observation.delete', { id: made[2] ?? 0 })
    await settle()
    await search('warm up')
    const questions = ['crane at night', 'harbour', 'beta', 'nothing of all this']
    const before = await Promise.all(questions.map((text) => search(text, { explain: true })))
    await test.engine.call('index.rebuild', { what: 'all' })
    const after = await Promise.all(questions.map((text) => search(text, { explain: true })))
    expect(after.map(({ hits }) => hits)).toEqual(before.map(({ hits }) => hits))
    expect(before.map(({ mode }) => mode)).toEqual(questions.map(() => 'hybrid'))
  })

  it('RET-502/nothing of another project or scope is in an answer, wherever records are moved', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            project: fc.constantFrom('alpha', 'beta'),
            scope: fc.constantFrom('project', 'personal'),
            words: fc.array(fc.constantFrom('crane', 'crates', 'night'), { minLength: 1, maxLength: 3 }),
          }),
          { minLength: 2, maxLength: 12 },
        ),
        async (records) => {
          await test.close()
          test = openTestEngine({ embedder: hashingEmbedder() })
          await save('something of alpha')
          for (const [at, { project, scope, words }] of records.entries()) {
            await save(`${words.join(' ')} ${at}`, { project, scope })
          }
          await settle()
          await search('crane')
          for (const scope of ['project', 'personal'] as const) {
            for (const mode of ['auto', 'semantic'] as const) {
              const answer = await search('crane night', { scope, mode, limit: 100 })
              for (const hit of answer.hits) expect([hit.project, hit.scope]).toEqual(['alpha', scope])
            }
          }
        },
      ),
      { numRuns: 15 },
    )
  })

  it('RET-802, RET-307/other scripts and match_mode=all go by words', async () => {
    await save('Счётчик очереди переполнен')
    await settle()
    expect(await search('очереди')).toMatchObject({ mode: 'lexical', mode_reason: 'language' })
    expect(await search('counter', { match_mode: 'all' })).toMatchObject({ mode_reason: 'match_all' })
  })

  it('RET-403/with vectors of fewer than half the records, words alone decide', async () => {
    await save('the first crane')
    await settle()
    await search('crane')
    await save('a second crane')
    await save('a third crane')
    expect(await search('crane')).toMatchObject({ mode: 'lexical', mode_reason: 'vectors_incomplete' })
  })

  it('RET-407/the same list again, byte for byte', async () => {
    for (let at = 0; at < 30; at++) await save(`crane ${at % 3} at harbour ${at % 7}`)
    await settle()
    await search('warm up')
    const [first, second] = [await search('crane harbour 3'), await search('crane harbour 3')]
    expect(first.mode).toBe('hybrid')
    expect(second).toEqual(first)
  })
})

it.each([
  ["What did Ana's friend say to Anabel?", ['Ana'], 'What did friend say to Anabel?'],
  ['what does ANA like', ['Ana'], 'what does like'],
  ['Ana', ['Ana'], 'Ana'],
  ['ask c++ (x). or a|b', ['c++ (x).', 'a|b'], 'ask or'],
  ['nobody', ['Al', ''], 'nobody'],
])('RET-603/%s: the names of authors are not embedded', (query, authors, expected) => {
  test = openTestEngine()
  expect(withoutAuthors(query, authors)).toBe(expected)
})

describe('a model that fails', () => {
  /** Vectors are there, of a sound model; then the same store is asked with a broken one. */
  async function openWith(fault: Partial<Embedder>): Promise<void> {
    const sound = hashingEmbedder()
    let isBroken = false
    test = openTestEngine({
      embedder: faulty({
        start: () => (isBroken && fault.start !== undefined ? fault.start() : sound.start()),
        embed: (texts, signal) =>
          isBroken && fault.embed !== undefined ? fault.embed(texts, signal) : sound.embed(texts, signal),
      }),
    })
    await save('the harbour crane')
    await settle()
    if (fault.start !== undefined) await test.deps.meaning?.close()
    isBroken = true
  }

  it.each([
    ['never loads', { start: never }, 'embedder_loading'],
    ['is late', { embed: never }, 'embedder_timeout'],
    ['throws', { embed: () => Promise.reject(new Error('out of memory')) }, 'embedder_error'],
    ['gives nonsense', { embed: () => Promise.resolve([new Float32Array(384).fill(Number.NaN)]) }, 'embedder_error'],
  ])('RET-606/%s: the answer goes by words and says so', async (_, fault, degraded) => {
    await openWith(fault)
    const startMs = performance.now()
    const answer = await search('crane')
    expect(answer).toMatchObject({ mode: 'lexical', degraded })
    expect(answer.hits).toHaveLength(1)
    expect(performance.now() - startMs).toBeLessThan(1_000)
    await save('saves go on')
    expect(ids(await search('saves'))).toHaveLength(1)
  })

  it('RET-606/cannot load: told once, tried again after a minute', async () => {
    let starts = 0
    await openWith({
      start: () => {
        starts++
        return Promise.reject(new Error('no such file'))
      },
    })
    await search('crane')
    expect(await search('crane')).toMatchObject({ mode: 'lexical', degraded: 'embedder_error' })
    expect(await search('crane', { mode: 'semantic' }).catch((error: unknown) => error)).toMatchObject({
      code: 'semantic_unavailable',
    })
    expect(starts).toBe(1)
    expect(await test.engine.call('index.status', {})).toMatchObject({
      model: { state: 'failed', last_error: 'no such file' },
    })
    test.clock.advance(61_000)
    await search('crane')
    expect(starts).toBe(2)
  })
})

it('RET-607, RET-609/without a model: words alone, told in status; vectors cannot be waited for', async () => {
  test = openTestEngine()
  await save('the harbour crane')
  expect(await search('crane')).toMatchObject({ mode: 'lexical', mode_reason: 'no_embedder' })
  expect(await test.engine.call('index.status', {})).toMatchObject({
    words: { observations: { records: 1, rows: 1 } },
    model: null,
  })
  expect(await test.engine.call('index.wait', {})).toMatchObject({ words: { behind: 0 } })
  await expect(test.engine.call('index.wait', { vectors: true })).rejects.toMatchObject({
    code: 'semantic_unavailable',
  })
})
