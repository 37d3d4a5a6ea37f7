import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { gunzip, gzip } from './gzip.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const bytesMax = 40 * 1024 * 1024

async function unpacked(packed: Uint8Array, max = bytesMax): Promise<string> {
  const result = await gunzip(packed, max)
  return result.ok ? new TextDecoder().decode(result.bytes) : result.reason
}

describe('gzip', () => {
  it('CHK-101 the header that Go writes: no name, no time, no system', async () => {
    const packed = await gzip(bytes('a chunk'))
    expect(Buffer.from(packed.subarray(0, 10)).toString('hex')).toBe('1f8b08000000000000ff')
    expect(await unpacked(packed)).toBe('a chunk')
  })

  it('CHK-101 several members are one text, whoever packed them', async () => {
    expect(await unpacked(Buffer.concat([gzipSync('one ', { level: 1 }), gzipSync('two', { level: 9 })]))).toBe(
      'one two',
    )
    expect(await unpacked(gzipSync(''))).toBe('')
  })

  it('CHK-701 each cut and each foreign text has its reason', async () => {
    const packed = gzipSync('a text that is long enough to be cut anywhere')
    for (let length = 1; length < packed.length; length++)
      expect(await unpacked(packed.subarray(0, length))).toBe('truncated')
    expect(await unpacked(bytes('no gzip at all'))).toBe('unreadable_gzip')
    const flipped = Buffer.from(packed)
    flipped[packed.length - 8] = (flipped.at(-8) ?? 0) ^ 1
    expect(await unpacked(flipped)).toBe('unreadable_gzip')
  })

  it('CHK-101, CHK-703 what the end of a file says of its length is not believed', async () => {
    const text = 'a'.repeat(300_000)
    for (const said of [0, 1, 299_999, 300_001, 0x7fff_ffff, 0xffff_ffff]) {
      // Bytes behind the last member that are no member are passed over, as gzip does.
      const end = Buffer.alloc(5)
      end.writeUInt32LE(said, 1)
      expect(await unpacked(Buffer.concat([gzipSync(text), end]))).toBe(text)
    }
    const members = Buffer.concat([gzipSync(text), gzipSync('b'.repeat(10_000_000)), gzipSync('end')])
    expect(await unpacked(members)).toBe(`${text}${'b'.repeat(10_000_000)}end`)
  })

  it('CHK-703 exactly the limit is read, one byte more is not, small or large', async () => {
    for (const size of [1_000, 20 * 1024 * 1024]) {
      const packed = gzipSync(Buffer.alloc(size, 'a'))
      expect((await unpacked(packed, size)).length).toBe(size)
      expect(await unpacked(packed, size - 1)).toBe('too_large')
    }
  })
})
