import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hlcAt, hlcMs, hlcNext, isHlc } from './hlc.ts'

const reading = fc.integer({ min: 0, max: 2 ** 47 }).map(hlcAt)

describe('hybrid logical clock', () => {
  it('MEM-503 a child is later than every parent and not before the wall clock', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 47 }), fc.array(reading, { maxLength: 4 }), (ms, parents) => {
        const next = hlcNext(ms, ...parents)
        expect(isHlc(next)).toBe(true)
        expect(next >= hlcAt(ms)).toBe(true)
        for (const parent of parents) expect(next > parent).toBe(true)
      }),
    )
  })

  it('MEM-503 time survives the encoding; a clock that goes back still counts on', () => {
    expect(hlcMs(hlcAt(1_700_000_000_123))).toBe(1_700_000_000_123)
    const first = hlcNext(1_000)
    expect(hlcNext(500, first)).toBe('0000000003e80001')
  })
})
