import { utf8Bytes } from '../../model/text.ts'
import { isObject } from './record.ts'
import type { JsonObject } from './record.ts'

/** What an entry keeps, in UTF-8 bytes (ING-ARC-4). */
export const kept = {
  /** Output of a tool, and each text value of a call's input. */
  outputBytesMax: 64 * 1024,
  /** Contents of a file the agent read: the path is what matters. */
  readBytesMax: 4 * 1024,
  /** What a person or the agent wrote; far above what either types, below the store's line limit. */
  proseBytesMax: 1024 * 1024,
  /** All values of one call's input together. */
  inputBytesMax: 1024 * 1024,
  /** Short texts of notes. */
  noteBytesMax: 4 * 1024,
} as const

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** First and last half of `bytesMax` around a marker that names what is missing; whole when it fits. */
export function cutMiddle(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text
  const total = utf8Bytes(text)
  if (total <= bytesMax) return text
  const head = firstBytes(text, bytesMax / 2)
  const tail = lastBytes(text, bytesMax / 2)
  const out = total - head.length - tail.length
  return `${decoder.decode(head)}\n${leftOut(out)}\n${decoder.decode(tail)}`
}

/** The first `bytesMax` bytes and a marker; whole when it fits. */
export function cutEnd(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text
  const total = utf8Bytes(text)
  if (total <= bytesMax) return text
  const head = firstBytes(text, bytesMax)
  return `${decoder.decode(head)}\n${leftOut(total - head.length)}`
}

export const leftOut = (bytes: number): string => `[… ${bytes} bytes left out …]`

const isInside = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

/**
 * Both ends are encoded and decoded again, so that the pieces do not keep the whole text in memory, as slices of a
 * string would.
 */
function firstBytes(text: string, count: number): Uint8Array {
  const bytes = encoder.encode(text.slice(0, count))
  let end = Math.min(count, bytes.length)
  while (end > 0 && isInside(bytes[end])) end--
  return bytes.subarray(0, end)
}

function lastBytes(text: string, count: number): Uint8Array {
  const bytes = encoder.encode(text.slice(-count))
  let start = Math.max(0, bytes.length - count)
  while (start < bytes.length && isInside(bytes[start])) start++
  return bytes.subarray(start)
}

type Budget = { bytesLeft: number }

/**
 * A call's input within bounds: long texts keep head and tail, and when all values together are too many the rest is
 * named by its number. Keys stay data, `__proto__` too (ING-LIN-6).
 */
export function cutInput(input: JsonObject): JsonObject {
  return cutObject(input, { bytesLeft: kept.inputBytesMax })
}

function cutObject(value: JsonObject, budget: Budget): JsonObject {
  const fields: [string, unknown][] = []
  const entries = Object.entries(value)
  for (const [key, each] of entries) {
    if (budget.bytesLeft <= 0) {
      fields.push(['…', `[… ${entries.length - fields.length} values left out …]`])
      break
    }
    const name = cutMiddle(key, kept.noteBytesMax)
    budget.bytesLeft -= name.length + 8
    fields.push([name, cutValue(each, budget)])
  }
  return Object.fromEntries(fields)
}

function cutList(value: readonly unknown[], budget: Budget): readonly unknown[] {
  const items: unknown[] = []
  for (const each of value) {
    if (budget.bytesLeft <= 0) {
      items.push(`[… ${value.length - items.length} values left out …]`)
      break
    }
    budget.bytesLeft -= 8
    items.push(cutValue(each, budget))
  }
  return items
}

function cutValue(value: unknown, budget: Budget): unknown {
  if (typeof value === 'string') {
    const text = cutMiddle(value, Math.max(kept.noteBytesMax, Math.min(kept.outputBytesMax, budget.bytesLeft)))
    budget.bytesLeft -= utf8Bytes(text)
    return text
  }
  if (Array.isArray(value)) return cutList(value, budget)
  return isObject(value) ? cutObject(value, budget) : value
}
