import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../model/limits.ts'
import { parseQuery } from './query.ts'

const nowMs = Date.UTC(2026, 2, 20)
const parse = (text: string, authors: readonly string[] = []) => parseQuery(text, { authors, nowMs })
const wordsIn = (text: string): readonly string[] => parse(text).words.map((word) => word.text)

describe('words', () => {
  it.each([
    ['Why does the token cache expire?', ['token', 'cache', 'expire']],
    ['token TOKEN Token', ['token']],
    ['what is it', ['what', 'is', 'it']],
    ['getUserName fails', ['getusername', 'fails', 'get', 'user', 'name']],
    ['get_user_name', ['get', 'user', 'name']],
    ['NEAR(a b) OR "x" AND c* -d ^e {f}: g', ['near', 'b', 'x', 'c', 'd', 'e', 'f', 'g']],
    ['por qué falla la caché', ['falla', 'cache']],
    ['die Warteschlange der Sitzung', ['warteschlange', 'sitzung']],
    ['the die der was cast', ['die', 'der', 'cast']],
    ['修复getUserName错误', ['getusername', 'get', 'user', 'name']],
    ['***', []],
    ['', []],
  ])('RET-301/%j', (text, words) => {
    expect(wordsIn(text)).toEqual(words)
  })

  it('RET-302/dropped stop words are named', () => {
    expect(parse('the cache of the').dropped).toEqual([
      { word: 'the', why: 'stop_word' },
      { word: 'of', why: 'stop_word' },
    ])
  })

  it('RET-756/32 words, 4 phrases, 4,096 code points', () => {
    const many = parse(Array.from({ length: 40 }, (_, index) => `word${index}`).join(' '))
    expect(many.words).toHaveLength(limits.queryWordsMax)
    expect(many.dropped.filter((word) => word.why === 'too_many')).toHaveLength(8)
    expect(parse('"a b" "c d" "e f" "g h" "i j"').phrases).toHaveLength(4)
    const long = parse('😀'.repeat(limits.queryCharsMax) + ' last')
    expect(long.isCut).toBe(true)
    expect(long.words).toEqual([])
    expect(parse('x'.repeat(limits.queryCharsMax)).isCut).toBe(false)
  })

  it('RET-301/a word is at most 64 code points', () => {
    expect(wordsIn('x'.repeat(200))).toEqual(['x'.repeat(64)])
  })
})

describe('pairs, phrases, runs', () => {
  it.each([
    [
      'session token cache',
      [
        ['session', 'token'],
        ['token', 'cache'],
      ],
    ],
    ['session of the token', []],
    [
      'fix getUserName now',
      [
        ['fix', 'getusername'],
        ['get', 'user'],
        ['user', 'name'],
      ],
    ],
  ])('RET-304/%s', (text, pairs) => {
    expect(parse(text).pairs).toEqual(pairs)
  })

  it.each([
    ['"Session Token" fails', ['session token']],
    ['say "one" and "two three', ['one']],
    ['""', []],
    ['" ! "', []],
  ])('RET-301/%s', (text, phrases) => {
    expect(parse(text).phrases).toEqual(phrases)
  })

  it('RET-305/runs of scripts without spaces', () => {
    expect(parse('数据库 の index 연결').runs).toEqual(['数据库', 'の', '연결'])
  })
})

describe('exact names', () => {
  it.each([
    ['bug/Token-Cache', { topicKeys: ['bug/token-cache'], ids: [], syncIds: [] }],
    [
      'look at (bug/token-cache), please',
      { topicKeys: ['look-at-(bug/token-cache),-please', 'bug/token-cache'], ids: [], syncIds: [] },
    ],
    ['Release Plan', { topicKeys: ['release-plan'], ids: [], syncIds: [] }],
    ['#41', { topicKeys: ['#41'], ids: [41], syncIds: [] }],
    ['obs-0123456789abcdef', { topicKeys: ['obs-0123456789abcdef'], ids: [], syncIds: ['obs-0123456789abcdef'] }],
  ])('MEM-603/%s', (text, names) => {
    expect(parse(text).names).toEqual(names)
  })
})

describe('authors', () => {
  it.each([
    ['what did Ana decide', ['Ana', 'Bo', 'Cleo Marin'], ['Ana']],
    ['what did ána decide', ['Ana', 'Cleo'], ['Ana']],
    ['did Cleo Marin agree', ['Ana', 'Cleo Marin'], ['Cleo Marin']],
    ['did Cleo agree', ['Ana', 'Cleo Marin'], []],
    ['Ana and Cleo', ['Ana', 'Cleo'], []],
    ['Anatomy of a bug', ['Ana', 'Cleo'], []],
    ['Bo said so', ['Bo', 'Ana'], []],
  ])('RET-404/%s', (text, authors, named) => {
    expect(parse(text, authors).authors).toEqual(named)
  })
})

it('RET-308/any text can be read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => {
      for (const word of parse(text).words) expect(word.text).toMatch(/^[\p{L}\p{M}\p{N}]+$/u)
    }),
    { numRuns: 3_000 },
  )
})
