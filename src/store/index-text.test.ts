import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  dayText,
  foldText,
  gramText,
  gramsOf,
  identifierParts,
  indexedText,
  keysText,
  unspacedRuns,
  wordsOf,
} from './index-text.ts'

describe('folding', () => {
  it.each([
    ['Ｆｕｌｌ ﬁne', 'full fine'],
    ['Café Ñandú Ångström', 'cafe nandu angstrom'],
    ['Καλημέρα Οδυσσεύς', 'καλημερα οδυσσευσ'],
    ['Ёлка и Йод', 'елка и йод'],
    ['كَتَبَ كتـاب', 'كتب كتاب'],
    ['שָׁלוֹם', 'שלום'],
    ['हिन्दी में', 'हिन्दी में'],
    ['ภาษาไทย', 'ภาษาไทย'],
    ['\u0301lead', 'lead'],
    ['がぎぐ 한국어', 'がぎぐ 한국어'],
  ])('RET-208/%s', (text, folded) => {
    expect(foldText(text)).toBe(folded)
  })

  it('RET-208/folding twice changes nothing, and never breaks on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(foldText(foldText(text))).toBe(foldText(text))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('identifiers', () => {
  it.each([
    ['getUserName', ['get', 'User', 'Name']],
    ['parseHTTPHeader', ['parse', 'HTTP', 'Header']],
    ['sha256Sum', ['sha256', 'Sum']],
    ['word', []],
    ['WORD', []],
    ['Word', []],
  ])('RET-201/%s', (word, parts) => {
    expect(identifierParts(word)).toEqual(parts)
  })

  it.each([
    ['calls getUserName twice', 'calls getusername twice\nget user name'],
    ['plain text', 'plain text'],
    ['修复getUserName错误', '修复getusername错误\nget user name getusername get user name'],
    ['get_user-name.ts', 'get_user-name.ts'],
  ])('RET-201/the parts stand at the end: %s', (text, indexed) => {
    expect(new Set(wordsOf(indexedText(text)))).toEqual(new Set(wordsOf(indexed)))
    expect(indexedText(text).startsWith(foldText(text))).toBe(true)
  })
})

describe('scripts without spaces', () => {
  it.each([
    ['数据库和 index', ['数据库和']],
    ['ラーメンを食べた', ['ラーメンを食べた']],
    ['한국어 문서', ['한국어', '문서']],
    ['ภาษาไทย', ['ภาษาไทย']],
    ['plain', []],
  ])('RET-207/runs of %s', (text, runs) => {
    expect(unspacedRuns(text)).toEqual(runs)
  })

  it('RET-207/pairs everywhere, triples of title and keys, a border between words', () => {
    expect(gramText({ title: 'Parser fix', keys: 'src/lexer.ts', content: '修复数据 wording' })).toBe(
      '修复 复数 数据 0 par ars rse ser 0 lex exe xer',
    )
  })

  it.each([
    ['abcd', 3, ['abc', 'bcd']],
    ['ab', 3, ['ab']],
    ['数', 2, ['数']],
    ['😀😁😂', 2, ['😀😁', '😁😂']],
  ] as const)('RET-207/grams of %s by %i', (word, size, grams) => {
    expect(gramsOf(word, size)).toEqual(grams)
  })
})

describe('the short way of plain text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary-ascii', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc
      .array(fc.constantFrom('getHTTPName', ' ', 'Word', '0', 'abcd', '修复', 'é', '-', '_', '\0', 'ab3'), {
        maxLength: 9,
      })
      .map((parts) => parts.join('')),
  )

  it('RET-201 words are those of the long way', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(wordsOf(given)).toEqual(given.match(/[\p{L}\p{Mn}\p{Mc}\p{N}]+/gu) ?? [])
        expect(indexedText(given).startsWith(foldText(given))).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('RET-207 grams are those of the long way', () => {
    const byLetters = (word: string, size: number): readonly string[] => {
      const letters = Array.from(word)
      const last = Math.max(0, letters.length - size)
      return letters.slice(0, last + 1).map((_, at) => letters.slice(at, at + size).join(''))
    }
    fc.assert(
      fc.property(
        text.filter((given) => given !== ''),
        fc.integer({ min: 2, max: 3 }),
        (given, size) => {
          expect(gramsOf(given, size)).toEqual(byLetters(given, size))
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('the other columns', () => {
  it('RET-102/the day in words, UTC', () => {
    expect(dayText('2023-05-08 13:56:00')).toBe('Monday 8 May 2023')
    expect(dayText('2023-05-08T23:30:00-02:00')).toBe('Tuesday 9 May 2023')
    expect(dayText('some day')).toBe('')
  })

  it('RET-102/keys are topic key, tool and files; broken provenance counts as none', () => {
    const row = { topic_key: 'bug/cache', tool_name: 'Edit', provenance: '{"kind":"curated","files":["src/a.ts",3]}' }
    expect(keysText(row)).toBe('bug/cache\nEdit\nsrc/a.ts')
    expect(keysText({ ...row, provenance: '{"files":' })).toBe('bug/cache\nEdit')
    expect(keysText({ topic_key: null, tool_name: null, provenance: null })).toBe('')
  })
})
