import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countWords, plain, prose, proseSentences, sentences } from './prose.ts'

const texts = (text: string): readonly string[] => prose(text).map((block) => block.text)
const long = (sentence: string, times: number): string => Array.from({ length: times }, () => sentence).join(' ')

describe('spec ingest 10.1 prose', () => {
  it.each<[string, string, readonly string[]]>([
    ['joins soft-wrapped lines', 'one\ntwo\n\nthree', ['one two', 'three']],
    ['fenced code', 'one\n```ts\nconst x = 1\n```\ntwo', ['one', 'two']],
    ['a fence that never closes', 'one\n~~~\ncode\n\nmore', ['one']],
    ['a fence within a fence', '````\n```\ncode\n```\n````\ntwo', ['two']],
    ['code in one line between fences is no fence', '```x``` is code\n\ntwo', ['```x``` is code', 'two']],
    ['indented code', 'one\n\n    code\n    more\n\ntwo', ['one', 'two']],
    ['indentation in a list is no code', '- one\n\n    still one', ['one', 'still one']],
    ['block quotes', 'one\n> quoted\ntwo', ['one', 'two']],
    ['tables', 'one\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\ntwo', ['one', 'two']],
    ['comments', 'one <!-- hidden\nstill --> two', ['one  two']],
    ['a comment that never closes is text', 'one <!-- two', ['one <!-- two']],
    ['four log lines', '2026-01-02 03:04:05 a\n[info] b\nERROR: c\n    at d (e.js:1:1)\n\nsaid', ['said']],
    ['three log lines stay', '[info] a\n[info] b\n[info] c', ['[info] a [info] b [info] c']],
    ['an unbroken line over 300 characters', `one\n${'x'.repeat(301)}\ntwo`, ['one', 'two']],
    ['a paragraph on one line stays', long('The worker takes one job.', 20), [long('The worker takes one job.', 20)]],
    [
      'a line with a label begins a block',
      'said\nRoot cause: this\nFix: that',
      ['said', 'Root cause: this', 'Fix: that'],
    ],
    ['CRLF', 'one\r\n\r\ntwo\r\n', ['one', 'two']],
  ])('10.1 %s', (_name, text, expected) => {
    expect(texts(text)).toEqual(expected)
  })

  it('10.1 tells headings, items and paragraphs apart', () => {
    const blocks = prose('## Title ##\ntext\n- item\n  goes on\n  1. deeper\n**Bold line**')
    expect(blocks.map(({ kind, text, indent, ordered }) => [kind, text, indent, ordered])).toEqual([
      ['heading', 'Title', 0, false],
      ['text', 'text', 0, false],
      ['item', 'item goes on', 0, false],
      ['item', 'deeper', 2, true],
      ['heading', '**Bold line**', 0, false],
    ])
  })

  it.each<[string, readonly string[]]>([
    ['One. Two! Three?', ['One.', 'Two!', 'Three?']],
    ['Use e.g. pnpm. Not npm.', ['Use e.g. pnpm.', 'Not npm.']],
    ['Open src/a.ts. Then b.', ['Open src/a.ts.', 'Then b.']],
    ['The `a. b` call. Done.', ['The `a. b` call.', 'Done.']],
    ['A lone ` mark. Done.', ['A lone ` mark.', 'Done.']],
    ['He said "stop." Then left.', ['He said "stop."', 'Then left.']],
    ['第一句。第二句！', ['第一句。', '第二句！']],
    ['Wait... what', ['Wait...', 'what']],
    ['version 1.2.3 is out', ['version 1.2.3 is out']],
    ['', []],
  ])('10.1 sentences of %j', (text, expected) => {
    expect(sentences(text)).toEqual(expected)
  })

  it('10.1 sentences lose no word', () => {
    const piece = fc.constantFrom('a', 'word', '. ', '? ', '`', '。', ' ', '"', 'e.g. ', '1. ')
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('')
        expect(sentences(text).join('').replace(/\s+/g, '')).toBe(text.replace(/\s+/g, ''))
      }),
    )
  })

  it('10.1 never throws on any text', () => {
    const line = fc.oneof(
      fc.constantFrom('```', '> ', '- ', '# ', '<!--', '-->', '    ', '|', '**', '\t'),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(line), (lines) =>
        proseSentences(prose(lines.join('\n'))).every((sentence) => sentence !== ''),
      ),
    )
  })

  it.each([
    ['**Bold** and `code`', 'Bold and code'],
    ['see [the page](https://x.test/a) now', 'see the page now'],
    ['## Title', 'Title'],
    ['- *really* new', 'really new'],
    ['a * b * c', 'a * b * c'],
    ['snake_case_name', 'snake_case_name'],
  ])('ING-EXT-3 %j without Markdown', (text, expected) => {
    expect(plain(text)).toBe(expected)
  })

  it.each([
    ['one two  three', 3],
    ['src/a.ts is new', 3],
    ['工作进程', 4],
    ['— … !', 0],
  ])('10.1 words of %j', (text, expected) => {
    expect(countWords(text)).toBe(expected)
  })
})
