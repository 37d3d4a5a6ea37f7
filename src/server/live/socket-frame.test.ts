import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textFrame } from './socket-frame.ts'

describe('COL-807 a frame made here', () => {
  it.each([
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 0xff, 0xff]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])('COL-807 of %i bytes begins as RFC 6455 says', (length, head) => {
    const frame = textFrame(Buffer.alloc(length, 97))
    expect([...frame.subarray(0, head.length)]).toEqual(head)
    expect(frame.byteLength).toBe(head.length + length)
  })

  it('COL-807 holds its parts in order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (parts) => {
        const whole = Buffer.concat(parts)
        const frame = textFrame(...parts)
        expect(frame.subarray(frame.byteLength - whole.byteLength).equals(whole)).toBe(true)
      }),
    )
  })
})
