import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c, crc32cHex } from './crc32c.ts'

/** One bit at a time, as the definition reads. */
function slowly(bytes: Uint8Array): number {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1
  }
  return (sum ^ 0xffffffff) >>> 0
}

describe('crc32c', () => {
  it.each([
    ['', '00000000'],
    ['123456789', 'e3069283'],
    ['\0'.repeat(32), '8a9136aa'],
    ['a', 'c1d04330'],
  ])('TRN-210 published value of %j', (text, sum) => {
    expect(crc32cHex(Buffer.from(text, 'latin1'))).toBe(sum)
  })

  it('TRN-210 equals the definition for any bytes and any end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        const end = Math.min(cut, bytes.length)
        expect(crc32c(bytes, end)).toBe(slowly(bytes.subarray(0, end)))
      }),
    )
  })
})
