const quote = 0x22
const backslash = 0x5c
const openObject = 0x7b
const closeObject = 0x7d
const openList = 0x5b
const closeList = 0x5d

const comma = 0x2c

export type ShapeLimits = {
  /** Levels of brackets. */
  readonly depthMax: number
  /** So many values may stand as close as they like; of more, one needs {@link bytesEach} on average. */
  readonly valuesMin: number
}

/** A value with its name is longer, and what is made of one takes ten times as much memory. */
const bytesEach = 8

/**
 * Why a text must not be parsed; looked at before anything is made of it (CHK-703). Null for a good one.
 * @param atBracket told of every bracket outside strings: its place, and the level that it opens or closes, from 1 on
 */
export function shapeFault(
  bytes: Uint8Array,
  { depthMax, valuesMin }: ShapeLimits,
  atBracket?: (at: number, depth: number) => void,
): 'deep' | 'dense' | null {
  const valuesMax = valuesMin + bytes.length / bytesEach
  let [depth, values] = [0, 0]
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at]
    if (code === quote) at = endOfString(bytes, at + 1)
    else if (code === comma) values++
    else if (code === openObject || code === openList) {
      values++
      if (++depth > depthMax) return 'deep'
      atBracket?.(at, depth)
    } else if (code === closeObject || code === closeList) {
      atBracket?.(at, depth)
      depth--
    }
  }
  return values > valuesMax ? 'dense' : null
}

/** Where the string that began before `from` ends; searching for the quote is faster than looking at every byte. */
function endOfString(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(quote, from); at !== -1; at = bytes.indexOf(quote, at + 1)) {
    let slashes = 0
    while (bytes[at - 1 - slashes] === backslash && at - 1 - slashes >= from) slashes++
    if (slashes % 2 === 0) return at
  }
  return bytes.length
}
