import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, cutCodePoints, cutUtf8, estimateTokens, utf8Bytes } from './text.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 200 })

describe('text', () => {
  it('MEM-110 counts the bytes the text is stored in', () => {
    fc.assert(fc.property(anyText, (text) => utf8Bytes(text) === Buffer.byteLength(text.toWellFormed())))
    expect(utf8Bytes('\ud800')).toBe(3)
  })

  it('MEM-301 a cut is a prefix within the limit that ends at a character', () => {
    fc.assert(
      fc.property(anyText, fc.nat(100), (text, max) => {
        const cut = cutUtf8(text, max)
        expect(text.startsWith(cut)).toBe(true)
        expect(utf8Bytes(cut)).toBeLessThanOrEqual(max)
        expect(cut.isWellFormed()).toBe(text.slice(0, cut.length).isWellFormed())
      }),
    )
    expect(cutUtf8('aé😀b', 6)).toBe('aé')
    expect(cutUtf8('aé😀b', 7)).toBe('aé😀')
  })

  it('MEM-605 a preview counts code points, not halves of them', () => {
    expect(cutCodePoints('😀😀😀', 2)).toBe('😀😀...')
    expect(cutCodePoints('😀😀', 2)).toBe('😀😀')
    expect(cutCodePoints('abc', 3)).toBe('abc')
  })

  it('CHK-203 what is stored is well-formed and without NUL', () => {
    fc.assert(fc.property(anyText, (text) => cleanText(text).isWellFormed() && !cleanText(text).includes('\0')))
  })

  it('RET-755 four ASCII letters are a token, every other character one', () => {
    expect(estimateTokens('abcd')).toBe(1)
    expect(estimateTokens('abcde')).toBe(2)
    expect(estimateTokens('日本')).toBe(2)
  })
})
