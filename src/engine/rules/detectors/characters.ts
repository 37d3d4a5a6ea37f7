/** Character classes of secrets, as bits, so that a run is walked with one table look-up per character. */
export const digit = 1
export const upper = 2
export const lower = 4
/** `_` and `-` */
export const dash = 8
/** `+` and `/` */
export const slash = 16
export const equals = 32
export const dot = 64

export const alnum = digit | upper | lower
export const word = alnum | dash
export const base64 = alnum | slash | equals

const table = new Uint8Array(128)
const mark = (characters: string, bit: number): void => {
  for (const character of characters) table[character.charCodeAt(0)] = bit
}
mark('0123456789', digit)
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZ', upper)
mark('abcdefghijklmnopqrstuvwxyz', lower)
mark('_-', dash)
mark('+/', slash)
mark('=', equals)
mark('.', dot)

/** The class bit of a UTF-16 unit; 0 for everything that stands in no secret's alphabet. */
export const classOf = (unit: number): number => (unit < 128 ? (table[unit] ?? 0) : 0)

/** Where the run of characters of these classes ends that begins at `from`. */
export function runEnd(text: string, from: number, classes: number, limit = text.length): number {
  let at = from
  while (at < limit && (classOf(text.charCodeAt(at)) & classes) !== 0) at++
  return at
}

/** Where the run of characters of these classes begins that ends at `end`. */
export function runStart(text: string, end: number, classes: number, limit = 0): number {
  let at = end
  while (at > limit && (classOf(text.charCodeAt(at - 1)) & classes) !== 0) at--
  return at
}

/** How many backslashes stand right before `at`, counted up to `max`. */
export function backslashesBefore(text: string, at: number, max = 64): number {
  let count = 0
  while (count < max && text.charCodeAt(at - 1 - count) === 92) count++
  return count
}

const colourCode = /\[[0-9;]{0,12}m$/

/**
 * Whether a word may begin at `at`. Besides what is no letter or digit this is the end of an escape: `\n` inside JSON,
 * `\u0026`, `%3D`, or the `m` that closes a terminal's colour.
 */
export function isWordStart(text: string, at: number): boolean {
  if (at === 0) return true
  const before = text.charCodeAt(at - 1)
  if ((classOf(before) & (alnum | dash)) === 0) return true
  if (backslashesBefore(text, at - 1) % 2 === 1) return true
  const tail = text.slice(Math.max(0, at - 16), at)
  return /(?:\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2})$/.test(tail) || (before === 109 && colourCode.test(tail))
}

/** Whether no letter or digit stands at `at`, so that a word may end there. */
export const isWordEnd = (text: string, at: number): boolean =>
  at >= text.length || (classOf(text.charCodeAt(at)) & alnum) === 0
