import { afterEach, expect, it } from 'vitest'
import type { Settings } from '../model/settings.ts'
import { hashingEmbedder } from '../search/embedders/hashing.ts'
import { EmbedPace } from './embed-pace.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let world: TestEngine
afterEach(() => world.close())

/** The hashing embedder at a tenth of a second for each text, with something going on meanwhile. */
function open(meanwhile: () => Promise<void> = () => Promise.resolve(), settings: Partial<Settings> = {}): EmbedPace {
  const sound = hashingEmbedder()
  world = openTestEngine({
    settings,
    embedder: {
      ...sound,
      embed: async (texts, signal) => {
        world.clock.advance(100)
        await meanwhile()
        return sound.embed(texts, signal)
      },
    },
  })
  return new EmbedPace(world.deps)
}
const post = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) {
    const unit = { context_id: 'c', agent_id: 'a', type: 'MESSAGE', payload: `unit ${n}`, create_context: true }
    await world.engine.call('work-unit.append', unit)
  }
}
const save = () => world.engine.call('observation.save', { project: 'p', title: 'a memory', content: 'a memory' })
const made = async () => {
  const { vectors } = await world.engine.call('index.status', {})
  return { memories: vectors.vectors, units: vectors.units.vectors }
}
const signal = new AbortController().signal

it('COL-1704 in a calm log every unit gets its vector, and no time is left unused', async () => {
  const pace = open()
  await post(30)
  const startMs = world.clock.monotonicMs()
  await pace.run(signal)
  expect(await made()).toMatchObject({ units: 30 })
  expect(world.clock.monotonicMs() - startMs).toBe(30 * 100)
})

it('COL-1704 of a long log the newest units alone: it does not keep a core busy for days', async () => {
  const pace = open(undefined, { unitVectorsMax: 20 })
  await post(90)
  const startMs = world.clock.monotonicMs()
  await pace.run(signal)
  expect(await made()).toMatchObject({ units: 20 })
  expect((await world.engine.call('index.status', {})).vectors.remaining_s).toBe(0)
  expect(world.clock.monotonicMs() - startMs).toBe(20 * 100)
})

it('COL-1704 while many units come, memories alone get vectors; units when it is calm again', async () => {
  const pace = open()
  await pace.run(signal)
  await post(120)
  await save()
  await pace.run(signal)
  expect(await made()).toEqual({ memories: 1, units: 0 })
  await pace.run(signal)
  expect(await made()).toEqual({ memories: 1, units: 120 })
})

it('COL-1704 what came before the first look is no calm either', async () => {
  const pace = open()
  await post(120)
  await pace.run(signal)
  expect((await made()).units).toBe(0)
  await pace.run(signal)
  expect((await made()).units).toBe(120)
})

it('COL-1704 it stops where many units begin to come', async () => {
  let coming = 120
  const pace = open(async () => {
    await post(coming)
    coming = 0
  })
  await post(20)
  await pace.run(signal)
  expect((await made()).units).toBe(8)
})

it('COL-1704 beside a few writers it takes a fifth of the time', async () => {
  const pace = open(() => post(1))
  await post(7)
  const startMs = world.clock.monotonicMs()
  const stop = new AbortController()
  world.clock.sleep = (ms: number) => {
    world.clock.advance(ms)
    stop.abort()
    return Promise.resolve()
  }
  await pace.run(stop.signal)
  expect((await made()).units).toBe(7)
  expect(world.clock.monotonicMs() - startMs).toBeCloseTo(7 * 100 * 5, 6)
})
