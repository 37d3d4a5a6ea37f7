import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RecordFilters } from '../store/full-text-search.ts'
import { addObservation, openInventedStore, type InventedStore } from '../store/testing/invented-store.ts'
import { lexicalCandidates, searchScope, wordFrequencies, type Candidate } from './candidates.ts'
import { FrequencyCache } from './frequencies.ts'
import { observationColumns, planMatch } from './match.ts'
import { parseQuery } from './query.ts'

let opened: InventedStore
beforeEach(() => {
  opened = openInventedStore()
})
afterEach(() => opened.close())

function candidates(text: string, filters: RecordFilters, wanted = 10): readonly Candidate[] {
  const cache = new FrequencyCache()
  return opened.store.read((tx) => {
    const query = parseQuery(text, { authors: [], nowMs: 0 })
    const scope = searchScope(tx, filters, cache.counts(tx, 'observation'))
    const frequencies = wordFrequencies(tx, cache, query, scope)
    const plan = planMatch(query, frequencies, { mode: 'any', facets: scope.facets, columns: observationColumns })
    return lexicalCandidates(tx, plan, scope, wanted)
  })
}

/** Sync ids in no order of time. */
const name = (index: number): string => `obs-${((index * 7_919) % 10_007).toString().padStart(6, '0')}`

async function addEquals(count: number, fields: (index: number) => Readonly<Record<string, unknown>>): Promise<void> {
  await opened.store.write((tx) => {
    for (let index = 0; index < count; index++) {
      addObservation(tx, { content: 'same words', sync_id: name(index), created_at: 'never', ...fields(index) })
    }
  })
}

describe('the 200 best', () => {
  it.each([
    ['read without the join', 300, {}],
    ['equals beyond what is read', 450, {}],
    ['joined for another filter', 300, { types: ['discovery'] }],
    ['behind the facet', 300, { other: 700 }],
  ])('RET-401/equals stand by sync id: %s', async (_, count, more: { types?: readonly string[]; other?: number }) => {
    await addEquals(count, () => ({}))
    await addEquals(more.other ?? 0, (index) => ({ project: 'beta', sync_id: `obs-b${index}` }))
    const expected = Array.from({ length: count }, (_, index) => name(index)).sort((a, b) => (a < b ? -1 : 1))
    const found = candidates('same', { project: 'alpha', types: more.types })
    expect(found.map(({ row }) => row.sync_id)).toEqual(expected.slice(0, 200))
    expect(found.every(({ L }) => L === 1)).toBe(true)
  })

  it('RET-501/expired records take no place', async () => {
    await addEquals(500, (index) => ({ title: 'same', expires_at: index < 495 ? '2026-01-01 00:00:00' : null }))
    const filters = { project: 'alpha', notExpiredAt: '2026-02-01 00:00:00' }
    expect(candidates('same', filters)).toHaveLength(5)
    expect(candidates('same', { project: 'alpha' })).toHaveLength(200)
  })

  it('RET-501/also among few', async () => {
    await addEquals(3, (index) => ({ expires_at: index === 0 ? '2026-01-01 00:00:00' : null }))
    expect(candidates('same', { project: 'alpha', notExpiredAt: '2026-02-01 00:00:00' })).toHaveLength(2)
  })
})

it('RET-303, RET-502/what is common elsewhere is not common here', async () => {
  await opened.store.write((tx) => {
    for (const content of ['one', 'two', 'three', 'four', 'five', 'other', 'more'])
      addObservation(tx, { content, created_at: 'never' })
    for (let index = 0; index < 50; index++) {
      addObservation(tx, { content: 'four five', created_at: 'never', project: 'beta' })
    }
  })
  expect(candidates('one two three four five', { project: 'alpha' })).toHaveLength(5)
  // Over all projects the two are common, and leave.
  expect(candidates('one two three four five', { project: null })).toHaveLength(3)
})

it('RET-303/rows that hold only what is everywhere are read when the others do not fill the answer', async () => {
  await addEquals(6_500, () => ({ title: 'plain', content: 'words common' }))
  await addEquals(30, (index) => ({ title: `t${index >> 1}`, content: 'rare words', sync_id: `obs-r${index}` }))
  const filters = { project: 'alpha' }
  expect(candidates('rare words', filters, 15)).toHaveLength(30)
  const more = candidates('rare words', filters, 16)
  expect(more).toHaveLength(200)
  expect(more.slice(0, 30).every(({ row }) => row.title.startsWith('t'))).toBe(true)
  // Words that are all everywhere: those that have them in their own text.
  expect(candidates('common words', filters)).toHaveLength(200)
})

it('RET-303/counts are taken again after every change of a small store', async () => {
  const cache = new FrequencyCache()
  const counted = (): readonly number[] =>
    opened.store.read((tx) => {
      const { total } = cache.counts(tx, 'observation')
      return [total, cache.df(tx, 'observation', { text: 'fresh', term: 'fresh' }, [], total)]
    })
  expect(counted()).toEqual([0, 0])
  await addEquals(1, () => ({ content: 'fresh start' }))
  expect(counted()).toEqual([1, 1])
  await addEquals(1, () => ({ content: 'fresh bread', sync_id: 'obs-2' }))
  expect(counted()).toEqual([2, 2])
})
