import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitText, textWidth, wrapText } from './text-width.ts'

describe('text width', () => {
  it.each([
    ['plain', 5],
    ['größe', 5],
    ['e\u0301', 1],
    ['漢字', 4],
    ['😀', 2],
    ['\u001b[31mred\u001b[39m', 3],
    ['', 0],
  ])('%j takes %i columns', (text, width) => expect(textWidth(text)).toBe(width))

  it.each([
    ['one two three', 7, ['one two', 'three']],
    ['abcdefgh', 3, ['abc', 'def', 'gh']],
    ['漢字漢字', 4, ['漢字', '漢字']],
    ['a\nb c', 80, ['a', 'b c']],
    ['', 10, ['']],
  ])('%j in %i columns', (text, columns, lines) => expect(wrapText(text, columns)).toEqual(lines))

  it('no line is wider than it may be, and no letter is lost', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é', '漢', '😀', '-') })
    fc.assert(
      fc.property(letters, fc.integer({ min: 2, max: 40 }), (text, columns) => {
        const lines = wrapText(text, columns)
        for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
        expect(textWidth(fitText(text, columns))).toBeLessThanOrEqual(columns)
      }),
    )
  })
})
