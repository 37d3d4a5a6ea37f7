const quote = 0x22
const backslash = 0x5c
const openObject = 0x7b
const closeObject = 0x7d
const openList = 0x5b
const closeList = 0x5d

/** Whether brackets outside strings stand deeper than `max` levels; looked at before anything is parsed (CHK-703). */
export function isDeeperThan(bytes: Uint8Array, max: number): boolean {
  let depth = 0
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at]
    if (code === quote) at = endOfString(bytes, at + 1)
    else if (code === openObject || code === openList) {
      if (++depth > max) return true
    } else if (code === closeObject || code === closeList) depth--
  }
  return false
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
