import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNativeName, nativeKey, nativeName } from './keys.ts'

const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => text.isWellFormed()),
  fc.string({ unit: fc.constantFrom('~', 'a', 'A', '3', ':', '/', '.', 'é', 'e\u0301', '\0'), maxLength: 80 }),
)

describe('native names', () => {
  it.each([
    ['telegram:123', 's-telegram~3a123'],
    ['', 's-'],
    ['..', 's-~2e~2e'],
    ['CON', 's-~43~4f~4e'],
    ['a~b', 's-a~7eb'],
    ['é', 's-~c3~a9'],
  ])('TRN-307 %j is %s', (given, name) => {
    expect(nativeName(given)).toBe(name)
    expect(nativeKey(name)).toBe(given)
  })

  it('TRN-307 a long key keeps its head, uncut escapes and a hash', () => {
    const name = nativeName('x'.repeat(99) + ':'.repeat(100))
    expect(name).toMatch(/^s-x{99}~~[0-9a-f]{64}$/)
    expect(nativeKey(name)).toBe(null)
    expect(isNativeName(name)).toBe(true)
    expect(nativeName('a'.repeat(180))).toBe(`s-${'a'.repeat(180)}`)
    expect(nativeName('a'.repeat(181))).toHaveLength(2 + 100 + 2 + 64)
  })

  it('TRN-P3 two keys never share a name, not even where case is folded, and names stay in the directory', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        const [first, second] = [nativeName(a), nativeName(b)]
        expect(first.toLowerCase() === second.toLowerCase()).toBe(a === b)
        for (const name of [first, second]) {
          expect(name).toMatch(/^s-[a-z0-9_~-]*$/)
          expect(name.length).toBeLessThanOrEqual(182)
          expect(isNativeName(name)).toBe(true)
        }
        if (!first.includes('~~')) expect(nativeKey(first)).toBe(a)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each(['x', 's-A', 's-~4', 's-~G0', 's-a/b', 's-~61', 's-a.b', 's-~~1'])('TRN-307 %s is no native name', (name) => {
    expect(isNativeName(name)).toBe(false)
  })
})
