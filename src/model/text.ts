/** Pure text measures shared by every layer: bytes, code points, cutting without breaking a character. */

const encoder = new TextEncoder()

/** Length in UTF-8 bytes. Lone surrogates count as U+FFFD (3 bytes), as they are stored. */
export function utf8Bytes(text: string): number {
  let bytes = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(index + 1))) {
      bytes += 4
      index++
    } else bytes += 3
  }
  return bytes
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000

/** The longest prefix of at most `bytesMax` UTF-8 bytes that ends at a character boundary. */
export function cutUtf8(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text
  const { read } = encoder.encodeInto(text, new Uint8Array(bytesMax))
  return text.slice(0, read)
}

/** The first `count` code points, with `suffix` when something was cut off. */
export function cutCodePoints(text: string, count: number, suffix = '...'): string {
  if (text.length <= count) return text
  let index = 0
  for (let taken = 0; taken < count && index < text.length; taken++) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1
  }
  return index >= text.length ? text : text.slice(0, index) + suffix
}

/** Well-formed Unicode without NUL: lone surrogates become U+FFFD, NUL goes (CHK-203). */
export function cleanText(text: string): string {
  const formed = text.toWellFormed()
  return formed.includes('\0') ? formed.replaceAll('\0', '') : formed
}

export const isBlank = (text: string | null | undefined): boolean => text == null || text.trim() === ''

/** Estimated tokens: ASCII code points / 4 rounded up, every other code point one (RET-755). */
export function estimateTokens(text: string): number {
  let ascii = 0
  let other = 0
  for (const character of text) {
    if (character.charCodeAt(0) < 0x80) ascii++
    else other++
  }
  return Math.ceil(ascii / 4) + other
}

/** One line of what may be several: a record must not open a heading, a bullet or a fence of its own (RET-757). */
export function oneLine(text: string): string {
  const lines = text.split(/[\r\n\v\f\u0085\u2028\u2029]/)
  if (lines.length === 1) return text.trim()
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ')
}
