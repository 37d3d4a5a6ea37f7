/** CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as iSCSI and ext4 use it. Sliced by eight. */

const polynomial = 0x82f63b78
const slices = 8

/** `tables[256 * s + b]`: byte `b` followed by `s` zero bytes. Signed, so that compiled code stays with small integers. */
const tables = ((): Int32Array => {
  const out = new Int32Array(256 * slices)
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte
    for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ polynomial : sum >>> 1
    out[byte] = sum
  }
  for (let at = 256; at < out.length; at++) {
    const before = out[at - 256] ?? 0
    out[at] = (before >>> 8) ^ (out[before & 0xff] ?? 0)
  }
  return out
})()

// Every index is inside; `| 0` says so to the compiler at no cost.
const after = (slice: number, byte: number): number => (tables[(slice << 8) | byte] ?? 0) | 0

/** The sum of `bytes[0, end)` as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, end = bytes.length): number {
  let sum = -1
  let at = 0
  const byte = (index: number): number => (bytes[index] ?? 0) | 0
  for (const stop = end - 7; at < stop; at += 8) {
    sum ^= byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)
    sum =
      after(7, sum & 0xff) ^
      after(6, (sum >>> 8) & 0xff) ^
      after(5, (sum >>> 16) & 0xff) ^
      after(4, sum >>> 24) ^
      after(3, byte(at + 4)) ^
      after(2, byte(at + 5)) ^
      after(1, byte(at + 6)) ^
      after(0, byte(at + 7))
  }
  for (; at < end; at++) sum = after(0, (sum ^ byte(at)) & 0xff) ^ (sum >>> 8)
  return (sum ^ -1) >>> 0
}

/** Eight lower-case hex digits. */
export const crc32cHex = (bytes: Uint8Array, end = bytes.length): string =>
  crc32c(bytes, end).toString(16).padStart(8, '0')
