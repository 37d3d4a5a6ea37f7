import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { indexLag, indexUnits } from '../store/unit-index.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'
import { catchUpUnits, followUnits } from './unit-indexing.ts'

let world: TestEngine
beforeEach(() => {
  world = openTestEngine()
})
afterEach(() => world.close())

const unit = (payload: string) =>
  ({ context_id: 'c', agent_id: 'ada', type: 'MESSAGE', payload, create_context: true }) as const
const post = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, at) => world.engine.call('work-unit.append', unit(`word${at} here`))))
const lag = (): number => world.deps.store.read(indexLag)
const found = (word: string): number =>
  world.deps.store.read((tx) => tx.all('SELECT rowid FROM unit_fts(?)', `text : ${word}`).length)

describe('the words of units', () => {
  it('COL-1703 a step stops when its time is over, after one row at least, and the next goes on there', async () => {
    await post(5)
    const { store } = world.deps
    let now = 0
    const clock = { monotonicMs: () => (now += 10) }
    const before = lag()
    const step = await store.write((tx) => indexUnits(tx, { rowsMax: 100, budgetMs: 1, clock }))
    expect(step.isCurrent).toBe(false)
    expect(lag()).toBe(before - 1)
    await catchUpUnits(world.deps)
    expect([lag(), found('here')]).toEqual([0, 5])
  })

  it('COL-1703 the background comes to the end of the log while others write', async () => {
    await post(50)
    const following = followUnits(world.deps)
    await post(50)
    await following
    await followUnits(world.deps)
    expect([lag(), found('here'), found('word7')]).toEqual([0, 100, 2])
  })

  it('COL-1703 no step is charged with merging a whole level: the segments of the index stay few all the same', async () => {
    const { store, clock } = world.deps
    await post(600)
    for (let isDone = false; !isDone;) {
      const step = await store.write((tx) => indexUnits(tx, { rowsMax: 100, budgetMs: 0, clock }))
      isDone = step.isCurrent && step.isMerged
    }
    const config = store.read((tx) => tx.all<{ k: string; v: number }>('SELECT k, v FROM unit_fts_config ORDER BY k'))
    expect(config).toContainEqual({ k: 'automerge', v: 0 })
    const segments = store.read((tx) => tx.all('SELECT DISTINCT segid FROM unit_fts_idx').length)
    expect(segments).toBeLessThan(20)
    expect(found('here')).toBe(600)
  })
})
