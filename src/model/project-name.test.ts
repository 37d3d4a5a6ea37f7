import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameProject, normaliseProject, projectVariantKey } from './project-name.ts'

describe('project names', () => {
  it.each([
    ['  My--App ', 'my-app'],
    ['a__b', 'a_b'],
    ['a-_b', 'a-_b'],
    ['GRÖSSE', 'grösse'],
  ])('MEM-801 %j is filed as %s', (given, name) => {
    expect(nameProject(given)).toMatchObject({ name, reducedFromPath: false })
  })

  it.each([
    ['/home/someone/src/acme', 'acme'],
    ['C:\\work\\Acme', 'acme'],
    ['../x/', 'x'],
    ['.dotted', 'dotted'],
    ['a/b/..', 'b'],
  ])('MEM-803 %j looks like a path and is reduced to %s', (given, name) => {
    expect(nameProject(given)).toEqual({ name, reducedFromPath: true, changedFrom: given })
  })

  it.each(['', '   ', 'a\0b', '...', '/', 'x'.repeat(300)])('MEM-110 %j is refused', (given) => {
    expect(() => nameProject(given)).toThrow(expect.objectContaining({ code: 'invalid_project' }))
  })

  it('MEM-801 naming twice changes nothing more', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (given) => {
        const once = normaliseProject(given)
        expect(normaliseProject(once)).toBe(once)
      }),
    )
  })

  it('MEM-805 variants differ in case, - and _ only', () => {
    expect(projectVariantKey('My-App')).toBe(projectVariantKey('my_app'))
    expect(projectVariantKey('my-app')).not.toBe(projectVariantKey('my-apps'))
  })
})
