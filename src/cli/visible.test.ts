import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oneLine, visible, visibleJson } from './visible.ts'

describe('visible', () => {
  it.each([
    ['RET-757 colours', '\u001b[31mred\u001b[0m', '\\u{1b}[31mred\\u{1b}[0m'],
    ['RET-757 window title', '\u001b]0;pwned\u0007', '\\u{1b}]0;pwned\\u{7}'],
    ['RET-757 one-byte CSI', '\u009b2J', '\\u{9b}2J'],
    ['RET-757 right-to-left override', 'a\u202eb', 'a\\u{202e}b'],
    ['RET-757 isolates', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['RET-757 tag characters', 'a\u{e0041}', 'a\\u{e0041}'],
    ['RET-757 carriage return hides nothing', 'good\rbad', 'goodbad'],
    ['RET-757 line breaks become blanks', 'a\nb\tc', 'a b c'],
    ['joiners of emoji and scripts stay', '👩‍🚀 می‌خواهم', '👩‍🚀 می‌خواهم'],
  ])('%s', (_name, text, shown) => expect(visible(text)).toBe(shown))

  it('RET-757 keeps line breaks where they are the text', () =>
    expect(visible('a\nb\tc', { keepLines: true })).toBe('a\nb    c'))

  it('RET-757 nothing a terminal obeys is left, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        // oxlint-disable-next-line no-control-regex -- controls are what is looked for
        expect(visible(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
        expect(oneLine(text)).not.toContain('\n')
      }),
      { numRuns: 50 },
    )
  })
})

describe('visibleJson', () => {
  it('RET-757 is the same value, without a character a terminal obeys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const json = visibleJson({ value, text }, 2)
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, text })))
        // oxlint-disable-next-line no-control-regex -- controls are what is looked for
        expect(json.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      }),
    )
  })
})
