import { classOf, digit, lower, upper } from './characters.ts'

/** Only this many characters are measured: enough to tell, and what bounds the time. */
const measuredMax = 256

/** Shannon entropy of the characters, in bits per character. Characters beyond ASCII share 128 places: enough to tell. */
export function entropyBits(text: string): number {
  const length = Math.min(text.length, measuredMax)
  const counts = new Uint16Array(256)
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at)
    const place = unit < 128 ? unit : 128 + (unit & 127)
    counts[place] = (counts[place] ?? 0) + 1
  }
  let sum = 0
  for (const count of counts) if (count > 1) sum += count * Math.log2(count)
  return length === 0 ? 0 : Math.log2(length) - sum / length
}

/** Whether at least `enough` different characters stand in the first 64. */
export function hasVariety(text: string, start: number, end: number, enough: number): boolean {
  const seen = new Set<number>()
  for (let at = start; at < end && at < start + 64; at++) {
    seen.add(text.charCodeAt(at))
    if (seen.size >= enough) return true
  }
  return false
}

/** Whether capitals, small letters and digits all occur. */
export function hasThreeClasses(text: string): boolean {
  let seen = 0
  for (let at = 0; at < text.length && at < measuredMax; at++) seen |= classOf(text.charCodeAt(at))
  return (seen & (upper | lower | digit)) === (upper | lower | digit)
}

/**
 * The share of characters that stand in four or more small letters in a row (capitals when there is no small letter).
 * About 0.08 for random base64, above 0.5 for words and camelCase names.
 */
export function wordShare(text: string): number {
  const sample = text.slice(0, measuredMax)
  const letters = /[a-z]/.test(sample) ? sample : sample.toLowerCase()
  let inWords = 0
  for (const [run] of letters.matchAll(/[a-z]{4,}/g)) inWords += run.length
  return letters.length === 0 ? 0 : inWords / letters.length
}

/** Marks that stand in passwords and in no name. */
const passwordMark = /[!#$%^&*~+=?|]/
const asciiPart = /^(?:[A-Za-z]+\d{0,2}|v?\d{1,4})$/
const anyPart = /^(?:\p{L}+\d{0,2}|v?\d{1,4})$/u

/**
 * Whether a value is made of words as people write names: `my-db-secret`, `next_page_token`, `kubernetes.io/tls`,
 * `YOUR_KEY_HERE`, `oauth2`. Random characters are not, however they fall.
 */
export function isWords(value: string): boolean {
  const sample = value.slice(0, measuredMax)
  if (passwordMark.test(sample) && /\d/.test(sample)) return false
  const isAscii = !/[^\0-\x7f]/.test(sample)
  const parts = sample.split(isAscii ? /[^A-Za-z0-9]+/ : /[^\p{L}\p{N}]+/u)
  const form = isAscii ? asciiPart : anyPart
  if (!parts.every((part) => part === '' || form.test(part))) return false
  const long = parts.filter((part) => part.length >= 12).join('')
  return long === '' ? hasVowelWords(parts) : isReadable(long)
}

/** A long part of letters only: a word or camelCase words, unlike `QkZrTmPwXcVb`. */
const isReadable = (letters: string): boolean => /[^\0-\x7f]/.test(letters) || wordShare(letters) >= 0.4

/** Among short parts at least half of the characters belong to parts that hold a vowel and keep one case. */
function hasVowelWords(parts: readonly string[]): boolean {
  const total = parts.reduce((sum, part) => sum + part.length, 0)
  const readable = parts.filter(
    (part) => /[aeiouy]|[^\0-\x7f]/i.test(part) && !/[a-z][A-Z]{2,}[a-z]|[A-Z][a-z][A-Z][a-z][A-Z]/.test(part),
  )
  return readable.reduce((sum, part) => sum + part.length, 0) * 2 >= total
}
