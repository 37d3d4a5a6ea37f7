import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { utf8Bytes } from '../model/text.ts'
import { sha256Hex } from '../platform/bytes.ts'

/** Longest encoding that stands for itself, and what is kept in front of a hash (TRN-307). */
const plainBytesMax = 180
const headBytes = 100
const prefix = 's-'

/** Refuses what is no session key (TRN-306): well-formed Unicode of 0..4,096 UTF-8 bytes. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string') throw new EngramError('invalid_request', `sessionKey: expected text, got ${typeof key}`)
  if (!key.isWellFormed())
    throw new EngramError('invalid_key', 'session key: expected well-formed Unicode, got half a pair')
  const bytes = key.length * 3 <= limits.transcriptKeyBytesMax ? 0 : utf8Bytes(key)
  if (bytes > limits.transcriptKeyBytesMax) {
    throw new EngramError(
      'invalid_key',
      `session key: expected at most ${limits.transcriptKeyBytesMax} bytes, got ${bytes}`,
    )
  }
}

/** a-z 0-9 _ - stand for themselves. */
const isPlain = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === 0x2d

const encodeByte = (byte: number): string =>
  isPlain(byte) ? String.fromCharCode(byte) : `~${byte.toString(16).padStart(2, '0')}`

/**
 * The native file name of a key, without extension (TRN-307). Injective: bytes are escaped one by one, and a name made
 * from a hash holds `~~`, which no escape does.
 */
export function nativeName(key: string): string {
  const units = Array.from(Buffer.from(key, 'utf8'), encodeByte)
  const encoded = units.join('')
  if (encoded.length <= plainBytesMax) return prefix + encoded
  let head = ''
  for (const unit of units) {
    if (head.length + unit.length > headBytes) break
    head += unit
  }
  return `${prefix}${head}~~${sha256Hex(key)}`
}

/** The key a native name stands for; null when it is no native name or only a hash of its key. */
export function nativeKey(name: string): string | null {
  const encoded = name.slice(prefix.length)
  if (!name.startsWith(prefix) || !/^(?:[a-z0-9_-]|~[0-9a-f]{2})*$/.test(encoded)) return null
  const bytes = encoded.replace(/~(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const key = Buffer.from(bytes, 'latin1').toString('utf8')
  return nativeName(key) === name ? key : null
}

/** picoclaw's name of a key (TRN-305): keys that map to one name are one session. */
export const compatName = (key: string): string => key.replace(/[:/\\]/g, '_')

/** With `.meta.json` the longest name a file system takes. */
const compatBytesMax = 255 - '.meta.json'.length

/** Refuses what picoclaw's layout cannot name (TRN-306). */
export function checkCompatName(name: string): void {
  if (name.includes('\0')) throw new EngramError('invalid_key', 'session key: expected text without NUL in this layout')
  const bytes = utf8Bytes(name)
  if (bytes <= compatBytesMax) return
  throw new EngramError(
    'invalid_key',
    `session key: expected at most ${compatBytesMax} bytes in this layout, got ${bytes}`,
  )
}

/** Also true for names that are a hash of their key. */
export const isNativeName = (name: string): boolean =>
  // Without an escape there is nothing that could be written in two ways.
  (name.length <= prefix.length + plainBytesMax && /^s-[a-z0-9_-]*$/.test(name)) ||
  nativeKey(name) !== null ||
  /^s-(?:[a-z0-9_-]|~[0-9a-f]{2}){0,100}~~[0-9a-f]{64}$/.test(name)
