import { crc32cHex } from './crc32c.ts'
import { exactNames, fieldOrder, isRecord, isThought, wrongField } from './fields.ts'
import type { TranscriptMessage } from './store.ts'

/** What a raw line holds. `bad` lines are skipped and counted (TRN-207); the reason never quotes them. */
export type Decoded =
  | { readonly kind: 'message'; readonly message: TranscriptMessage; readonly isThought: boolean }
  | { readonly kind: 'bad'; readonly reason: BadReason }

export type BadReason = 'too long' | 'wrong sum' | 'not JSON' | 'not an object' | `field ${string}`

const bad = (reason: BadReason): Decoded => ({ kind: 'bad', reason })

/** Decodes one line without its newline; null is a line above the limit. Sums are checked where there are any. */
export function decodeLine(bytes: Buffer | null): Decoded {
  if (bytes === null) return bad('too long')
  if (hasMark(bytes)) return decodeLine(bytes.subarray(markBytes))
  const sumStart = findRightSum(bytes)
  const value = parse(sumStart === null ? bytes.toString('utf8') : `${bytes.toString('utf8', 0, sumStart)}}`)
  if (value === undefined) return bad('not JSON')
  if (!isRecord(value)) return bad('not an object')
  // Whatever sum is left was not the right one, or not at its place.
  if (sumStart === null && Object.hasOwn(value, 'crc')) return bad('wrong sum')
  const wrong = wrongField(value)
  if (wrong !== null) return bad(`field ${wrong}`)
  const message = asMessage(value)
  return { kind: 'message', message, isThought: isThought(message) }
}

/** The line without its sum, when it ends with the right one: other programs know no sums (TRN-210). */
export function withoutSum(bytes: Buffer): Buffer {
  const start = findRightSum(bytes)
  return start === null ? bytes : Buffer.concat([bytes.subarray(0, start), Buffer.from('}')])
}

/** As picoclaw's decoder takes a line (TRN-207, TRN-208): names in any case, `null` for an empty message, no sums. */
export function decodeCompatLine(bytes: Buffer | null): Decoded {
  if (bytes === null) return bad('too long')
  if (hasMark(bytes)) return decodeCompatLine(bytes.subarray(markBytes))
  const value = parse(bytes.toString('utf8'))
  if (value === undefined) return bad('not JSON')
  if (value !== null && !isRecord(value)) return bad('not an object')
  const named = exactNames(value ?? {})
  const wrong = wrongField(named)
  if (wrong !== null) return bad(`field ${wrong}`)
  const message = asMessage(named)
  return { kind: 'message', message, isThought: isThought(message) }
}

/** A byte order mark some editors put at the start of a file (TRN-208). */
const hasMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
const markBytes = 3

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

const known: ReadonlySet<string> = new Set(fieldOrder)

const comma = 0x2c
const quote = 0x22
const brace = 0x7d
/** `,"crc":"01234567"}` */
const tailBytes = 18

/**
 * Where the right sum at the end of a line starts; null when there is none. A member whose value is the right sum is one
 * whatever its name has become.
 */
function findRightSum(bytes: Buffer): number | null {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0d || bytes[end - 1] === 0x20)) end--
  const start = end - tailBytes
  if (start < 1 || bytes[end - 1] !== brace || bytes[start] !== comma || bytes[start + 1] !== quote) return null
  const sum = /^...":"([0-9a-f]{8})"$/.exec(bytes.toString('latin1', start + 2, end - 1))?.[1]
  return sum !== undefined && sum === crc32cHex(bytes, start) ? start : null
}

/** Without nulls; role and content always there. */
function asMessage(fields: Readonly<Record<string, unknown>>): TranscriptMessage {
  const full = hasNull(fields) ? withoutNulls(fields) : fields
  return isMessage(full) ? full : { role: '', content: '', ...full }
}

const isMessage = (fields: Readonly<Record<string, unknown>>): fields is TranscriptMessage =>
  typeof fields['role'] === 'string' && typeof fields['content'] === 'string'

function hasNull(fields: Readonly<Record<string, unknown>>): boolean {
  for (const name in fields) if (fields[name] === null) return true
  return false
}

/** Null in a known field means absent (TRN-206); in an unknown one it is kept (TRN-204). */
function withoutNulls(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => value !== null || !known.has(name)))
}
