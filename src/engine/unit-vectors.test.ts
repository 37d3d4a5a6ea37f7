import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Embedder } from '../search/embedder.ts'
import { hashingEmbedder } from '../search/embedders/hashing.ts'
import { dropVectors } from '../store/vectors.ts'
import { openTestEngine, type TestEngine, type TestEngineOptions } from './testing/test-engine.ts'
import { unitCalls } from './testing/unit-calls.ts'

let world: TestEngine
const open = (options: TestEngineOptions = {}): void => {
  world = openTestEngine({ embedder: hashingEmbedder(), ...options })
}
afterEach(() => world.close())

const { post, search, settle, texts } = unitCalls(() => world)

describe('vectors of units', () => {
  beforeEach(() => open())

  it('COL-1704 units without text get no vector and hold up nothing', async () => {
    const bytes = Buffer.from([0, 1, 2, 255]).toString('base64')
    for (let n = 0; n < 20; n++) await post(undefined, { payload_base64: bytes, meta: { name: `crane ${n}` } })
    await post('\u0001 crane', { meta: { name: 'control' } })
    await post('  ')
    await post('the harbour crane')
    for (let n = 0; n < 10; n++) await post(undefined, { payload_base64: bytes })
    await settle()
    const { vectors } = await world.engine.call('index.status', {})
    expect(vectors).toMatchObject({ units: { records: 33, vectors: 1 } })
    const answer = await search({ query: 'harbour', mode: 'semantic' })
    expect([answer.mode, texts(answer)]).toEqual(['semantic', ['the harbour crane']])
    const byMeta = await search({ query: 'control', mode: 'hybrid' })
    expect(byMeta.hits[0]?.unit?.meta).toEqual({ name: 'control' })
  })

  it('COL-1704, RET-403 with vectors of fewer than half the units of the contexts, words alone decide', async () => {
    await post('the first crane')
    await settle()
    await post('a second crane')
    await post('a third crane')
    await post('elsewhere', { context_id: 'd' })
    const asked = { query: 'crane', mode: 'hybrid' } as const
    expect(await search(asked)).toMatchObject({ mode: 'keyword', mode_reason: 'vectors_incomplete', degraded: true })
    await settle()
    expect(await search(asked)).toMatchObject({ mode: 'hybrid' })
  })

  it('COL-1704 rebuilt vectors answer as those kept up to date', async () => {
    for (let n = 0; n < 12; n++) await post(`crane ${n} at harbour ${n % 5}`, { context_id: n % 2 === 0 ? 'c' : 'd' })
    await settle()
    await post('crane at night')
    await settle()
    const questions = ['crane at night', 'harbour 3', 'nothing of all this']
    const all = () => Promise.all(questions.map((query) => search({ query, mode: 'hybrid', explain: true })))
    const before = await all()
    const rebuilt = await world.engine.call('index.rebuild', { what: 'vectors' })
    expect(rebuilt).toMatchObject({ vectors: { units: { records: 13, vectors: 13 } } })
    const after = await all()
    expect(after).toEqual(before)
    expect(after.map(({ mode }) => mode)).toEqual(questions.map(() => 'hybrid'))
  })

  it('COL-1704 vectors that are dropped in the middle of a pass are all made again', async () => {
    for (let n = 0; n < 20; n++) await post(`crane ${n}`)
    await world.deps.embedding?.step()
    expect((await world.engine.call('index.status', {})).vectors.units.vectors).toBe(8)
    await world.deps.store.write(dropVectors)
    expect(await settle()).toMatchObject({ vectors: { units: { records: 20, vectors: 20 } } })
  })
})

describe('COL-1704 of a long log the newest units alone get vectors', () => {
  beforeEach(() => open({ settings: { unitVectorsMax: 10 } }))
  const units = async () => (await world.engine.call('index.status', {})).vectors.units
  const bytes = Buffer.from([0, 1, 2, 255]).toString('base64')

  it('COL-1704 so many events back, and never more at once; what has one keeps it', async () => {
    for (let n = 0; n < 30; n++) await post(`crane ${n}`)
    const left = await settle()
    expect(left.vectors).toMatchObject({ units: { records: 30, vectors: 10, newest: 10 } })
    expect(await world.deps.embedding?.step()).toMatchObject({ done: true })
    const found = await search({ query: 'crane', mode: 'semantic', limit: 100 })
    expect([found.mode, found.mode_reason, found.degraded]).toEqual(['keyword', 'vectors_incomplete', true])
    for (let n = 30; n < 34; n++) await post(`crane ${n}`)
    await settle()
    expect(await units()).toMatchObject({ records: 34, vectors: 14 })
    for (let n = 34; n < 60; n++) await post(`crane ${n}`)
    await settle()
    expect(await units()).toMatchObject({ records: 60, vectors: 24 })
    expect(await world.engine.call('index.rebuild', { what: 'vectors' })).toMatchObject({
      vectors: { units: { records: 60, vectors: 10 } },
    })
  })

  it('COL-1704, RET-403 older ones are found by words: with the others where these are half, else alone and said so', async () => {
    for (let n = 0; n < 8; n++) await post(`old crane ${n}`, { context_id: 'old' })
    for (let n = 0; n < 4; n++) await post(`grey crane ${n}`)
    for (let n = 0; n < 9; n++) await post(`crane ${n}`)
    await settle()
    expect(await units()).toMatchObject({ vectors: 10 })
    const asked = { query: 'crane', mode: 'hybrid', limit: 100 } as const
    const inBoth = await search({ ...asked, context_ids: ['c'] })
    expect([inBoth.mode, inBoth.degraded, inBoth.total_count]).toEqual(['hybrid', false, 13])
    expect(texts(inBoth)).toContain('grey crane 0')
    expect(await search({ ...asked, context_ids: ['old'] })).toMatchObject({
      mode: 'keyword',
      mode_reason: 'vectors_incomplete',
      degraded: true,
      total_count: 8,
    })
  })

  it('COL-1704 those without text count as looked at within reach, and beyond it as not', async () => {
    for (let n = 0; n < 9; n++) await post(undefined, { payload_base64: bytes })
    await post('the harbour crane')
    await settle()
    const asked = { query: 'harbour', mode: 'semantic' } as const
    expect((await search(asked)).mode).toBe('semantic')
    for (let n = 0; n < 9; n++) await post(undefined, { payload_base64: bytes })
    await settle()
    expect((await search(asked)).mode).toBe('semantic')
    for (let n = 0; n < 9; n++) await post(undefined, { payload_base64: bytes })
    await settle()
    expect(await search(asked)).toMatchObject({ mode: 'keyword', mode_reason: 'vectors_incomplete' })
  })

  it('COL-1704 those that came while a pass was under way are of the next one', async () => {
    for (let n = 0; n < 20; n++) await post(`crane ${n}`)
    await world.deps.embedding?.step()
    for (let n = 20; n < 26; n++) await post(`crane ${n}`)
    await settle()
    expect(await units()).toMatchObject({ records: 26, vectors: 16 })
  })
})

it('COL-1704 memories get their vectors before units', async () => {
  const read: string[] = []
  open({ embedder: tapped((text) => read.push(text)) })
  await post('a unit')
  await world.engine.call('observation.save', { project: 'p', title: 'a memory', content: 'a memory' })
  await settle()
  expect(read).toEqual(['a memory\na memory', 'a unit'])
})

it('COL-1704, RET-604 a model sees of a unit what is stored: nothing that was redacted', async () => {
  const read: string[] = []
  open({ embedder: tapped((text) => read.push(text)) })
  await post('before <private>the secret</private> after')
  await settle()
  expect(read).toHaveLength(1)
  expect(read[0]).toMatch(/^before .*after$/)
  expect(read[0]).not.toContain('the secret')
})

/** The hashing embedder, which tells what it reads. */
function tapped(tell: (text: string) => void): Embedder {
  const sound = hashingEmbedder()
  return {
    ...sound,
    embed: (given, signal) => {
      for (const text of given) tell(text)
      return sound.embed(given, signal)
    },
  }
}
