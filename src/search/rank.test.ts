import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CandidateRow } from '../store/full-text-search.ts'
import type { Candidate } from './candidates.ts'
import { aboveKnee, collapseTwins, freshness, rank, scoreOf, type RankingContext } from './rank.ts'

const nowMs = Date.UTC(2026, 5, 1)
const plain: RankingContext = { nowMs, period: null, authors: new Set(), supersededBy: new Map() }

const candidate = (id: number, L: number, row: Partial<CandidateRow> = {}, hasPhrase = false): Candidate => ({
  L,
  hasPhrase,
  row: {
    id,
    sync_id: `obs-${String(id).padStart(4, '0')}`,
    type: 'discovery',
    title: `title ${id}`,
    project: 'alpha',
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    expires_at: null,
    created_at: '2020-01-01 00:00:00',
    updated_at: '2020-01-01 00:00:00',
    pinned: 0,
    confidence: null,
    provenance: null,
    hlc: '',
    author: null,
    ...row,
  },
})
const order = (candidates: readonly Candidate[], context: Partial<RankingContext> = {}): readonly number[] =>
  rank(candidates, { ...plain, ...context }).map((one) => one.row.id)

describe('order', () => {
  it('RET-407/by score, ties by sync id', () => {
    expect(order([candidate(3, 0.5), candidate(1, 0.5), candidate(2, 1)])).toEqual([2, 1, 3])
  })

  it.each([
    ['RET-404/a named author', { author: 'Ana' }, { authors: new Set(['Ana']) }],
    ['RET-405/freshness', { updated_at: '2026-05-31 23:00:00' }, {}],
    ['RET-405/last seen counts before updated', { last_seen_at: '2026-05-31 23:00:00' }, {}],
    [
      'RET-405/inside the period asked for',
      { created_at: '2026-02-10 00:00:00' },
      { period: { fromMs: Date.UTC(2026, 1, 1), toMs: Date.UTC(2026, 2, 1) } },
    ],
    ['RET-406/a pin', { pinned: 1 as const }, {}],
    ['RET-406/stability', { revision_count: 9, duplicate_count: 9 }, {}],
  ])('%s lifts a near-equal', (_, row, context) => {
    expect(order([candidate(1, 1), candidate(2, 0.99, row)], context)).toEqual([2, 1])
  })

  it.each([
    [
      'RET-406/extracted and unreviewed',
      { provenance: '{"kind":"extracted","review":"unreviewed"}', confidence: 0.8 },
      0.9,
    ],
    ['RET-406/weak', { provenance: '{"kind":"llm"}', confidence: 0.6 }, 0.8],
    ['RET-406/promoted', { provenance: '{"kind":"extracted","review":"promoted"}' }, 1],
    ['RET-406/curated', { provenance: '{"kind":"curated"}' }, 1],
    ['RET-406/unreadable', { provenance: '{' }, 1],
  ])('%s', (_, row, trust) => {
    expect(rank([candidate(1, 1, row)], plain)[0]?.factors.trust).toBe(trust)
  })

  it('RET-307/a quoted phrase in own columns multiplies by 1.5', () => {
    expect(order([candidate(1, 1), candidate(2, 0.7, {}, true)])).toEqual([2, 1])
  })

  it('RET-406/a superseded record stands below the one that supersedes it, cycles stay as scored', () => {
    const supersededBy = new Map([['obs-0001', ['obs-0003']]])
    expect(order([candidate(1, 1), candidate(2, 0.5), candidate(3, 0.1)], { supersededBy })).toEqual([3, 1, 2])
    const cycle = new Map([
      ['obs-0001', ['obs-0002']],
      ['obs-0002', ['obs-0001']],
    ])
    expect(order([candidate(1, 1), candidate(2, 0.5)], { supersededBy: cycle })).toHaveLength(2)
  })

  it('RET-405/1.5 now, 1.17 at a day, 1.03 at a week, old for an unreadable time', () => {
    const hour = 3_600_000
    expect([0, 24 * hour, 168 * hour, -5].map((age) => freshness(age).toFixed(2))).toEqual([
      '1.50',
      '1.17',
      '1.03',
      '1.50',
    ])
    expect(rank([candidate(1, 1, { updated_at: 'never' })], plain)[0]?.factors.time).toBe(1)
  })

  it('RET-753/the product of the parts is the score, whatever the order of the candidates', () => {
    const one = fc.record({ id: fc.integer({ min: 1, max: 40 }), L: fc.double({ min: 0, max: 1, noNaN: true }) })
    fc.assert(
      fc.property(fc.uniqueArray(one, { selector: ({ id }) => id, maxLength: 12 }), (given) => {
        const candidates = given.map(({ id, L }) => candidate(id, L, { pinned: id % 2 === 0 ? 1 : 0 }))
        const ranked = rank(candidates, plain)
        for (const { L, factors, S } of ranked) {
          const product = Object.values(factors).reduce((a, b) => a * b, L)
          expect(S).toBeCloseTo(product, 8)
          expect(S).toBe(scoreOf(L, factors))
        }
        expect(rank(candidates.toReversed(), plain)).toEqual(ranked)
      }),
    )
  })
})

describe('twins', () => {
  const ranked = (rows: readonly Partial<CandidateRow>[]) =>
    rank(
      rows.map((row, index) => candidate(index + 1, 1 - index / 10, row)),
      plain,
    )

  it('RET-408/equal title, type and project collapse and take no place', () => {
    const groups = collapseTwins(
      ranked([{ title: 'Session  ended' }, { title: 'other' }, { title: 'session ended' }, {}]),
      3,
    )
    expect(groups.map(({ best, twins }) => [best.row.id, twins])).toEqual([
      [1, [3]],
      [2, []],
      [4, []],
    ])
  })

  it.each([
    ['another type', { title: 'same', type: 'bugfix' }],
    ['another project', { title: 'same', project: 'beta' }],
    ['the author for a title', { title: 'Ana', author: 'ana' }],
    ['no title', { title: ' ' }],
  ])('RET-408/%s stays apart', (_, row) => {
    const first = { ...row, type: 'discovery', project: 'alpha' }
    expect(collapseTwins(ranked([first, row]), 9)).toHaveLength(2)
  })

  it('RET-408/at most ten twins are named', () => {
    expect(collapseTwins(ranked(Array.from({ length: 30 }, () => ({ title: 'same' }))), 5)[0]?.twins).toHaveLength(10)
  })
})

it.each([
  [[1, 0.9, 0.5, 0.49, 0.1], 3],
  [[1, 1], 2],
  [[], 0],
])('RET-704/of %j the first %i are above the knee', (scores, kept) => {
  expect(aboveKnee(scores)).toBe(kept)
})
