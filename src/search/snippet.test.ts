import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../model/limits.ts'
import { parseQuery } from './query.ts'
import { snippetAround, snippetOf, wordFinder } from './snippet.ts'

const finder = (query: string, df: Readonly<Record<string, number>> = {}) => {
  const parsed = parseQuery(query, { authors: [], nowMs: 0 })
  return wordFinder(parsed, { total: 1_000, of: new Map(parsed.words.map((word) => [word.text, df[word.text] ?? 5])) })
}
const marked = ({ text, matches }: ReturnType<typeof snippetOf>): readonly string[] =>
  matches.map(([start, end]) => Array.from(text).slice(start, end).join(''))

const filler = 'nothing to see in this sentence at all, it only takes up room. '.repeat(12)

describe('snippets', () => {
  it.each([
    ['running tests', 'He runs the TESTS; they ran.', ['runs', 'TESTS']],
    ['user', 'calls getUserName twice', ['getUserName']],
    ['cafe', 'Le Café de nuit', ['Café']],
    ['καλημερα', 'είπε καλημέρα', ['καλημέρα']],
    ['数据库', '修复了数据库连接', ['数据库']],
    ['happy', 'be happier, be happy', ['happy']],
    ['databases', 'one database', ['database']],
    ['absent', 'nothing of it', []],
  ])('RET-751/%s', (query, text, words) => {
    expect(marked(snippetOf(text, finder(query)))).toEqual(words)
  })

  it('RET-305/unknown words: beginnings of short ones, any place of long ones', () => {
    expect(marked(snippetOf('abort the conversion', finder('abo ersion', { abo: 0, ersion: 0 })))).toEqual([
      'abort',
      'conversion',
    ])
  })

  it('RET-751/the window with the rarest words, cut at words, marked where it is cut', () => {
    const text = `${filler} common here. ${filler} common and very rare stand together. ${filler}`
    const snippet = snippetOf(text, finder('common rare', { common: 900, rare: 1 }))
    expect(marked(snippet)).toEqual(['common', 'rare'])
    expect(snippet.text).toMatch(/^….*[^ ]…$/su)
    expect(Array.from(snippet.text).length).toBeLessThanOrEqual(limits.snippetCharsMax)
  })

  it('RET-751/without a match the beginning; short texts whole', () => {
    expect(snippetOf('short text', finder('x')).text).toBe('short text')
    expect(snippetOf(filler, finder('absent')).text.startsWith('nothing to see')).toBe(true)
  })

  it('RET-751/never longer than asked, ranges inside it, for any text', () => {
    const anyText = fc.string({
      unit: fc.oneof(
        fc.constantFrom('cache ', 'token', ' ', 'é', '😀', '数', '\n'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
      maxLength: 400,
    })
    fc.assert(
      fc.property(anyText, (text) => {
        const snippet = snippetOf(text, finder('cache token 数据'))
        const length = Array.from(snippet.text).length
        expect(length).toBeLessThanOrEqual(limits.snippetCharsMax)
        let until = 0
        for (const [start, end] of snippet.matches) {
          expect(start).toBeGreaterThanOrEqual(until)
          expect(end).toBeGreaterThan(start)
          until = end
        }
        expect(until).toBeLessThanOrEqual(length)
      }),
      { numRuns: 500 },
    )
  })

  it('ING-CMD-6/around the first range of a regular expression', () => {
    const at = filler.length
    const snippet = snippetAround(`${filler}found it. ${filler}`, [[at, at + 5]])
    expect(marked(snippet)).toEqual(['found'])
  })
})
