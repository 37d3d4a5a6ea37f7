import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodedName } from './project-name.ts'

describe('ING-CMD-4 names in lists', () => {
  it.each([
    ['alpha', 'alpha'],
    ['beta-2', 'beta-2'],
    ['my project', 'my%20project'],
    ['a*b', 'a%2Ab'],
    ['größe', 'größe'],
    ['100%', '100%25'],
    ['a$(rm)', 'a%24%28rm%29'],
    ['tab\tname', 'tab%09name'],
    ['漢字', '漢字'],
    ['\u001b[31m', '%1B%5B31m'],
    ['a\u202eb', 'a%E2%80%AEb'],
  ])('%j is printed as %s', (name, shown) => expect(encodedName(name)).toBe(shown))

  it('comes back by decoding, and holds nothing a shell acts on', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const shown = encodedName(name)
        expect(decodeURIComponent(shown)).toBe(name)
        expect(shown).not.toMatch(/[\s*?[\]$"'`\\;&|<>()]/)
      }),
    )
  })
})
