import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allCursor, contextCursor, parseCursor } from './cursor.ts'

describe('cursors', () => {
  it('COL-701 say what they were made of, in characters that survive everywhere, in the order of the log', () => {
    const place = fc.maxSafeNat()
    const epoch = fc.integer({ min: 0, max: 0xffff_ffff })
    fc.assert(
      fc.property(epoch, place, place, (of, a, b) => {
        expect(parseCursor(contextCursor('0123abcd', of, a))).toEqual({
          kind: 'context',
          hash: '0123abcd',
          epoch: of,
          seq: a,
        })
        expect(parseCursor(allCursor(of, a))).toEqual({ kind: 'all', epoch: of, gseq: a })
        expect(contextCursor('0123abcd', of, a)).toMatch(/^[0-9a-z_]{1,128}$/)
        expect(allCursor(of, a) < allCursor(of, b)).toBe(a < b)
      }),
    )
  })

  it.each([
    ['begin', 'begin'],
    ['-1', 'begin'],
    ['0', 'begin'],
    ['now', 'now'],
    ['$', 'now'],
  ])('COL-702 takes the word %j', (text, kind) => {
    expect(parseCursor(text)).toEqual({ kind })
  })

  it.each([
    '',
    '1',
    'c1_',
    'C1_0123abcd_00000001_0000000000000001',
    `g1_00000001_${'f'.repeat(16)}`,
    'g1_1_1',
    'x'.repeat(200),
  ])('COL-702 refuses %j', (text) => {
    expect(() => parseCursor(text)).toThrow('no cursor')
  })
})
