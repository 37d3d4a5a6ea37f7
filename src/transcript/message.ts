import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { utf8Bytes } from '../model/text.ts'
import { bounds } from './bounds.ts'
import { crc32cHex } from './crc32c.ts'
import { fieldOrder, isNoTime, isNothing, isRecord, isThought, wrongField } from './fields.ts'
import { redactMessage } from './redaction.ts'
import type { Redact } from './redaction.ts'

/** One message as it will stand in the file. */
export type Line = {
  /** The whole line with its newline. */
  readonly bytes: Buffer
  readonly messageId: string | null
  readonly redacted: number
}

export type LineOptions = {
  readonly messageId?: string | undefined
  /** RFC 3339 time for a message that has none (TRN-203). */
  readonly now: string
  readonly redact: Redact | null
  readonly hasSums: boolean
  readonly keepsThoughts: boolean
}

const newline = 0x0a
/** `,"crc":"01234567"}` and the newline, in place of the closing brace. */
const sumBytes = 18

/**
 * The line of a message, or null for a thought alone (TRN-205). Checks it as a whole first (TRN-110); the caller's
 * object is never changed. Throws `invalid_request` naming the field, or `payload_too_large`.
 */
export function lineOf(message: unknown, options: LineOptions): Line | null {
  if (!isRecord(message))
    throw new EngramError('invalid_request', `message: expected an object, got ${nameOf(message)}`)
  for (const name of ['role', 'content']) {
    if (typeof message[name] !== 'string') {
      throw new EngramError('invalid_request', `${name}: expected text, got ${nameOf(message[name])}`)
    }
  }
  const wrong = wrongField(message)
  if (wrong !== null) throw new EngramError('invalid_request', `${wrong}: not of the type this field has`)
  if (options.hasSums && Object.hasOwn(message, 'crc')) {
    throw new EngramError('invalid_request', 'crc: the field is reserved for the sum of the line')
  }
  checkMessageId(options.messageId)
  if (!options.keepsThoughts && isThought(message)) return null
  const { message: clean, places } =
    options.redact === null ? { message, places: 0 } : redactMessage(message, options.redact)
  const messageId = options.messageId ?? (typeof clean['message_id'] === 'string' ? clean['message_id'] : null)
  const bytes = bytesOf(jsonOf(clean, messageId, options.now), options.hasSums)
  if (bytes.length > limits.transcriptLineBytesMax) {
    const size = `got ${bytes.length}`
    throw new EngramError(
      'payload_too_large',
      `message: expected at most ${limits.transcriptLineBytesMax} bytes, ${size}`,
      {
        details: { bytes: bytes.length, bytesMax: limits.transcriptLineBytesMax },
      },
    )
  }
  return { bytes, messageId: messageId === '' ? null : messageId, redacted: places }
}

export function checkMessageId(messageId: unknown): void {
  if (messageId === undefined) return
  const bytes = typeof messageId === 'string' ? utf8Bytes(messageId) : 0
  if (bytes < 1 || bytes > bounds.messageIdBytesMax) {
    const came = typeof messageId === 'string' ? `${bytes} bytes` : nameOf(messageId)
    throw new EngramError(
      'invalid_request',
      `messageId: expected text of 1..${bounds.messageIdBytesMax} bytes, got ${came}`,
    )
  }
}

const nameOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value)

function jsonOf(message: Readonly<Record<string, unknown>>, messageId: string | null, now: string): string {
  const parts: string[] = []
  const put = (name: string, value: unknown): void => {
    const json = stringify(name, value)
    if (json !== undefined) parts.push(`${JSON.stringify(name)}:${json}`)
  }
  for (const name of fieldOrder) {
    const value = name === 'message_id' ? messageId : message[name]
    if (name === 'created_at') put(name, isNoTime(value) ? now : value)
    else if (name === 'tool_calls' && Array.isArray(value) && value.length > 0) put(name, value.map(withId))
    else if (name === 'role' || name === 'content' || !isNothing(value)) put(name, value)
  }
  for (const [name, value] of Object.entries(message)) if (!fieldOrder.includes(name)) put(name, value)
  return `{${parts.join(',')}}`
}

/** `id` is always written (TRN-201). */
const withId = (call: unknown): unknown =>
  isRecord(call) && typeof call['id'] !== 'string' ? { ...call, id: '' } : call

function stringify(name: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    throw new EngramError('invalid_request', `${name}: expected what JSON can say, got a cycle or a big integer`)
  }
}

function bytesOf(json: string, hasSums: boolean): Buffer {
  if (!hasSums) return Buffer.from(`${json}\n`, 'utf8')
  const length = Buffer.byteLength(json, 'utf8')
  const bytes = Buffer.allocUnsafe(length + sumBytes)
  bytes.write(json, 0, 'utf8')
  bytes.write(`,"crc":"${crc32cHex(bytes, length - 1)}"}`, length - 1, 'latin1')
  bytes[length + sumBytes - 1] = newline
  return bytes
}
