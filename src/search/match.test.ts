import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchingIds } from '../store/full-text-search.ts'
import { addObservation, openInventedStore } from '../store/testing/invented-store.ts'
import { kindColumns, observationColumns, planMatch, type MatchOptions } from './match.ts'
import { parseQuery } from './query.ts'

const plan = (text: string, total: number, df: Readonly<Record<string, number>>, options: Partial<MatchOptions> = {}) =>
  planMatch(
    parseQuery(text, { authors: [], nowMs: 0 }),
    { total, of: new Map(Object.entries(df)) },
    { mode: 'any', facets: [], columns: observationColumns, ...options },
  )
const all = '{title content keys before after day} : '

describe('the expression', () => {
  it('RET-306/words and pairs by OR, behind the facet; columns are named for words like those of the facet', () => {
    const facets = ['fp12', 'fsp']
    expect(plan('session token', 100, { session: 3, token: 5 }, { facets }).words).toBe(
      'facet : ("fp12" AND "fsp") AND ("session" OR "token" OR "session token")',
    )
    expect(plan('fp12', 100, { fp12: 3 }, { facets }).words).toBe(`facet : ("fp12" AND "fsp") AND ${all}("fp12")`)
    expect(plan('fs', 100, {}).words).toBe(`${all}("fs"*)`)
  })

  it('RET-303/the rarest words propose as many rows as scoring affords, the others only add, all weigh alike', () => {
    const df = { rare: 300, quince: 1_500, apple: 9_000 }
    expect(plan('rare and quince and apple', 40_000, df)).toMatchObject({
      fewer: '((("rare" OR "quince")) AND ("rare" OR "quince" OR "apple" OR "apple"))',
      words: '("rare" OR "quince" OR "apple")',
    })
    expect(plan('rare and quince', 40_000, df).fewer).toBe(null)
  })

  it('RET-303/few rows are enough only when the words left out stand in most records', () => {
    const df = { rare: 500, quince: 2_400, apple: 30_000 }
    expect(plan('rare and apple', 40_000, df)).toMatchObject({
      fewer: '((("rare")) AND ("rare"))',
      isFewerSure: true,
    })
    const further = plan('rare and quince and apple', 40_000, df)
    expect(further.fewer).toBe('((("rare")) AND ("rare" OR "quince" OR "quince"))')
    expect(further.isFewerSure).toBe(false)
    expect(plan('apple', 40_000, df).isFewerSure).toBe(false)
    expect(plan('unknown', 40_000, {}).fewer).toBe(null)
    expect(plan('rare and quince', 6_000, df)).toMatchObject({ fewer: null, isFewerSure: false })
  })

  it('RET-303/of common words only rows that hold several are scored, of the commonest in their own text', () => {
    const df = { apple: 9_000, pear: 11_000, plum: 12_000, fruit: 39_000 }
    expect(plan('apple and pear', 40_000, df).fewer).toBe('((("apple" AND "pear")) AND ("apple" OR "pear"))')
    expect(plan('apple and pear and plum', 40_000, df).fewer).toBe(
      '((("apple" AND "pear")) AND ("apple" OR "pear" OR "plum" OR "plum"))',
    )
    expect(plan('apple and fruit', 40_000, df).fewer).toBe('((("apple")) AND ("apple"))')
    expect(plan('fruit', 40_000, df)).toMatchObject({
      fewer: '(({title content keys} : ("fruit")) AND ("fruit"))',
      words: '("fruit")',
    })
  })

  it('RET-303/common words leave when three rarer ones stay', () => {
    const df = { alpha: 1, beta: 2, gamma: 900, delta: 950, epsilon: 200 }
    const made = plan('alpha beta gamma delta epsilon', 1_000, df)
    expect(made.dropped.map((word) => word.word)).toEqual(['gamma', 'delta'])
    expect(plan('gamma delta', 1_000, df).words).toContain('"gamma" OR "delta"')
  })

  it('RET-303/the postings budget bounds what is read', () => {
    const df = { one: 10_000, two: 11_000, three: 12_000, four: 13_000, five: 14_000, six: 15_000 }
    const made = plan('one two three four five six', 100_000, df)
    expect(made.dropped.map((word) => word.word)).toEqual(['five', 'six'])
  })

  it('RET-304/a pair needs a word that survived, and none that nobody knows', () => {
    const df = { alpha: 1, beta: 2, gamma: 3, delta: 900, epsilon: 950 }
    expect(plan('delta epsilon alpha beta gamma nowhere', 1_000, df).pairs).toEqual([
      'epsilon alpha',
      'alpha beta',
      'beta gamma',
    ])
  })

  it('RET-305/unknown words: short ones as prefix, long ones by grams, runs by grams', () => {
    const made = plan('ab ersion 数据库 x', 100, {})
    expect(made.words).toBe('("ab"* OR "ersion" OR "x")')
    expect(made.grams).toBe('{grams} : ("ers rsi sio ion" OR "数据 据库")')
  })

  it('RET-305/a long run is a question: any of its pairs counts', () => {
    expect(plan('如何修复', 9, {}).grams).toBe('{grams} : ("如何 何修 修复")')
    expect(plan('如何修复它', 9, {}).grams).toBe(
      '{grams} : ("如何 何修 修复 复它" OR "如何" OR "何修" OR "修复" OR "复它")',
    )
    expect(plan('库', 9, {}).grams).toBe('{grams} : ("库"*)')
  })

  it('RET-307/all: every word in own columns, phrases too', () => {
    const made = plan('session "token cache"', 10, { session: 1, token: 1, cache: 1 }, { mode: 'all' })
    expect(made.words).toBe('{title content keys} : ("session" AND "token" AND "cache" AND "token cache")')
    expect(plan('session ersion', 10, { session: 1 }, { mode: 'all' }).grams).toBe('{grams} : ("ers rsi sio ion")')
  })

  it('MEM-608/prompts have no grams: runs are searched as beginnings of words', () => {
    expect(plan('数据 token', 10, { token: 2 }, { columns: kindColumns.prompt }).words).toBe('("token" OR "数据"*)')
  })

  it('RET-308/nothing to ask is no expression', () => {
    expect(plan('?!', 10, {})).toMatchObject({ words: null, grams: null })
  })
})

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom(
        '"',
        '*',
        'NEAR(',
        '-',
        '^',
        '{',
        '}',
        ':',
        'title:',
        ' OR ',
        ' AND ',
        ' NOT ',
        '\0',
        '\ud800',
        ')',
        '数据',
        "'",
      ),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(' '))

/** From nowhere to nearly everywhere: every way of proposing rows. */
const frequencies = fc.array(fc.constantFrom(0, 1, 600, 3_000, 11_000, 30_000), { minLength: 1, maxLength: 4 })

it('RET-308/SQLite reads every expression made from any text', async () => {
  const opened = openInventedStore()
  try {
    await opened.store.write((tx) => addObservation(tx, { title: 'token', content: 'cache 数据' }))
    opened.store.read((tx) => {
      fc.assert(
        fc.property(hostile, frequencies, fc.boolean(), fc.boolean(), (text, dfs, needsAll, isWhole) => {
          const query = parseQuery(text, { authors: [], nowMs: 0 })
          const of = new Map(query.words.map((word) => [word.text, dfs[word.text.length % dfs.length] ?? 0]))
          const options = {
            mode: needsAll ? ('all' as const) : ('any' as const),
            facets: isWhole ? [] : ['fp1'],
            columns: observationColumns,
          }
          const made = planMatch(query, { total: 40_000, of }, options)
          if (made.words !== null) matchingIds(tx, 'observation_fts', made.words, 9)
          if (made.fewer !== null) matchingIds(tx, 'observation_fts', made.fewer, 9)
          if (made.grams !== null) matchingIds(tx, 'observation_grams', made.grams, 9)
          for (const phrase of made.phrases) matchingIds(tx, 'observation_fts', phrase, 9)
        }),
        { numRuns: 5_000 },
      )
    })
  } finally {
    await opened.close()
  }
})
