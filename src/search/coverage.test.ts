import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestEngine, type TestEngine } from '../engine/testing/test-engine.ts'
import type { ReadTx } from '../store/transaction.ts'
import { confidenceNear, confidenceOf, coverageOf, observationHolds, type Judged } from './coverage.ts'
import { parameters } from './parameters.ts'
import { parseQuery } from './query.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

const keep = async (title: string, content: string): Promise<number> => {
  test.clock.advance(60_000)
  const place = { project: 'orchard', session_id: 's1' }
  return (await test.engine.call('observation.save', { ...place, type: 'note', title, content })).id ?? 0
}

/** A question put to records, each word in one of ten. */
function judge<T extends string | number | string[]>(
  text: string,
  ids: readonly number[],
  work: (tx: ReadTx, judged: Judged) => T,
): T {
  const query = parseQuery(text, { authors: [], nowMs: test.clock.nowMs() })
  const of = new Map(query.words.map((word) => [word.text, 1]))
  return test.deps.store.read((tx): string | number | string[] =>
    work(tx, { query, frequencies: { total: 10, of }, ids, record: observationHolds(tx) }),
  ) as T
}

it('RET-702/with vectors an answer is sure where anything in scope is near, whatever words the first results hold', async () => {
  const id = await keep('Apples', 'They ripen in autumn')
  const by = (nearest: number) => judge('turbine blades', [id], (tx, judged) => confidenceNear(tx, judged, nearest))
  expect([by(parameters.nearnessLow), by(parameters.nearnessLow - 0.001)]).toEqual(['ok', 'low'])
  expect(judge('turbine blades', [], (tx, judged) => confidenceNear(tx, judged, 0.9))).toBe('none')
})

it('RET-702/with vectors the words around a record do not speak for it; by words alone they do', async () => {
  await keep('Wind', 'The turbine lost two blades')
  const id = await keep('Lunch', 'Soup was good')
  const both = judge('turbine blades', [id], (tx, judged) => [confidenceOf(judged), confidenceNear(tx, judged, 0)])
  expect(both).toEqual(['ok', 'low'])
})

it('RET-702/half of a question in the own text of one of the first three is enough, a fourth result is not looked at', async () => {
  const ids: number[] = []
  for (const text of ['Soup', 'Salad', 'Bread', 'The turbine lost two blades']) {
    ids.push(await keep(text, text))
    test.clock.advance(4 * 3_600_000)
  }
  const near = (order: readonly number[]) =>
    judge('turbine blades lost yesterday evening', order, (tx, judged) => confidenceNear(tx, judged, 0))
  expect([near(ids), near(ids.toReversed())]).toEqual(['low', 'ok'])
  expect(judge('turbine blades', ids.toReversed(), (_, judged) => coverageOf(judged))).toBe(1)
  expect(judge('turbine cooking', ids.toReversed(), (_, judged) => coverageOf(judged))).toBeCloseTo(0.5)
})
