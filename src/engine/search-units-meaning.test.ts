import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import type { SearchAnswer } from '../api/search.ts'
import { hashingEmbedder } from '../search/embedders/hashing.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'
import { unitCalls } from './testing/unit-calls.ts'

let world: TestEngine
beforeEach(() => {
  world = openTestEngine({ embedder: hashingEmbedder() })
})
afterEach(() => world.close())

const { post, settle } = unitCalls(() => world)
const save = (content: string) =>
  world.engine.call('observation.save', { project: 'alpha', title: content, content, session_id: content })
/** Any nearness will do, unless a test is about it. */
const search = (query: string, more: Partial<Input<'memory.search'>> = {}): Promise<SearchAnswer> =>
  world.engine.call('memory.search', { query, all_projects: true, in: ['units'], min_similarity: 0, ...more })
const found = ({ found: all = [] }: SearchAnswer) => all.map(({ kind, snippet }) => `${kind}: ${snippet}`)

describe('RET-758, COL-1704 units by meaning in the one search', () => {
  it('RET-758, COL-1704 finds what shares no word with the query, where no memory has a vector', async () => {
    await post('tokenizers and tokenization of texts')
    await post('a tokeniser')
    expect(await search('tokeniser')).toMatchObject({ mode: 'lexical', mode_reason: 'no_vectors' })
    await settle()
    const answer = await search('tokeniser')
    expect(answer).toMatchObject({ mode: 'hybrid', confidence: 'ok', hits: [], held_back: 0 })
    expect(found(answer)).toEqual(['unit: a tokeniser', 'unit: tokenizers and tokenization of texts'])
    expect(found(await search('tokeniser', { mode: 'lexical' }))).toEqual(['unit: a tokeniser'])
    expect(await search('tokeniser', { match_mode: 'all' })).toMatchObject({
      mode: 'lexical',
      mode_reason: 'match_all',
    })
  })

  it('RET-758 beside memories each is found its own way, and the answer says that of memories', async () => {
    await post('tokenizers and tokenization of texts')
    await save('tokenization of a text')
    await save('whales below the ice')
    await settle()
    const both: Input<'memory.search'>['in'] = ['memory', 'units']
    const answer = await search('tokeniser', { in: both })
    expect(answer).toMatchObject({ mode: 'hybrid', held_back: 0, found: { length: 3 } })
    expect(found(answer)).toContain('unit: tokenizers and tokenization of texts')
    expect(await search('tokeniser', { in: both, min_similarity: 1 })).toMatchObject({ found: [], held_back: 3 })
  })

  it('RET-758, COL-1704 as few vectors as there are, so it goes, and it says so', async () => {
    await post('a tokeniser')
    await settle()
    await post('tokenization')
    await post('tokenizers')
    expect(await search('tokeniser')).toMatchObject({ mode: 'lexical', mode_reason: 'vectors_incomplete' })
    expect(await search('tokeniser', { in: ['prompts'] })).toMatchObject({ mode: 'lexical', mode_reason: 'no_vectors' })
  })

  it('RET-758, COL-1705 filters hold', async () => {
    await post('tokenizers of texts', { context_id: 'here' })
    await post('tokenization of texts', { context_id: 'there', agent_id: 'bob' })
    await settle()
    expect(found(await search('tokeniser', { context_ids: ['here'] }))).toEqual(['unit: tokenizers of texts'])
    expect(found(await search('tokeniser', { author: 'bob' }))).toEqual(['unit: tokenization of texts'])
    expect(found(await search('tokeniser', { session_id: 's' }))).toEqual([])
  })

  it('RET-758, RET-610 what only meaning finds must be near enough, and what is held back is counted', async () => {
    for (const text of ['tokenizers and tokenization', 'a tokeniser', 'whales below the ice']) await post(text)
    await settle()
    expect(await search('tokeniser')).toMatchObject({ held_back: 0, found: { length: 3 } })
    const none = await search('tokeniser', { min_similarity: 1 })
    expect([found(none), none.held_back]).toEqual([['unit: a tokeniser'], 2])
  })

  it('RET-758, COL-1704 the newest first goes by words, unless it says otherwise', async () => {
    await post('a tokeniser')
    world.clock.advance(60_000)
    await post('tokenization', { context_id: 'elsewhere' })
    await settle()
    const newest = await search('tokeniser', { order: 'recent' })
    expect([newest.mode, newest.mode_reason, found(newest)]).toEqual(['lexical', 'newest_first', ['unit: a tokeniser']])
    const asked = await search('tokeniser', { order: 'recent', mode: 'hybrid' })
    expect(found(asked)).toEqual(['unit: tokenization', 'unit: a tokeniser'])
  })

  it('RET-758, RET-753 both scores by their weights, times the factors, are the score', async () => {
    for (const text of ['a token cache', 'the cache of sessions', 'whales']) await post(text)
    await settle()
    const answer = await search('session cache', { explain: true })
    expect(answer.explanation).toMatchObject({ mode: 'hybrid' })
    for (const { explanation, score } of answer.found ?? []) {
      const { L = 0, V = 0, weights, factors = {}, S } = explanation ?? {}
      const sum = (weights?.words ?? 0) * L + (weights?.meaning ?? 0) * V
      expect(Object.values(factors).reduce((product, factor) => product * factor, sum)).toBeCloseTo(score, 6)
      expect(S).toBe(score)
    }
    expect(answer.found).toHaveLength(3)
  })

  it('RET-758 by meaning alone they are not in the one list: it says where', async () => {
    await expect(search('tokeniser', { mode: 'semantic' })).rejects.toMatchObject({
      code: 'semantic_unavailable',
      hint: expect.stringContaining('engram unit search') as string,
    })
  })
})
