import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutEnd, cutInput, cutMiddle, kept } from './cut.ts'

const bytes = (text: string): number => Buffer.byteLength(text)
const words = fc
  .array(fc.constantFrom('a', 'é', '€', '𝄞', '\n'), { maxLength: 400, size: 'max' })
  .map((each) => each.join(''))
const size = fc.integer({ min: 8, max: 200 }).map((half) => half * 2)

describe('what an entry keeps', () => {
  it('ING-ARC-4/short texts stay, long ones keep whole characters and name every missing byte', () => {
    fc.assert(
      fc.property(words, size, (text, max) => {
        for (const cut of [cutMiddle(text, max), cutEnd(text, max)]) {
          if (bytes(text) <= max) expect(cut).toBe(text)
          else {
            const [marker = '', out = ''] = /\n\[… (\d+) bytes left out …\]\n?/.exec(cut) ?? []
            const rest = cut.replace(marker, '')
            expect(rest).not.toContain('\uFFFD')
            expect(bytes(rest) + Number(out)).toBe(bytes(text))
            expect(bytes(rest)).toBeLessThanOrEqual(max)
            expect(bytes(rest)).toBeGreaterThan(max - 8)
          }
        }
      }),
    )
  })

  it('ING-ARC-4/an input of many values is bounded as a whole', () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`key ${index}`, 'x'.repeat(60_000)]))
    const cut = JSON.stringify(cutInput({ many, list: Array.from({ length: 500_000 }, () => 1) }))
    expect(cut.length).toBeLessThan(1.2 * kept.inputBytesMax)
    expect(cut).toContain('values left out')
  })
})
