import { limits } from '../../model/limits.ts'
import { sha256Hex } from '../../platform/bytes.ts'

/** A JSON object as it came: any field may be missing or of any type (ING-LIN-5). */
export type JsonObject = { readonly [key: string]: unknown }

export type ParsedLine =
  | { readonly kind: 'record'; readonly record: JsonObject }
  | { readonly kind: 'bad'; readonly reason: 'no-json' | 'no-object' | 'too-deep' }

/** One line as a record, or why it is none (ING-LIN-4, ING-LIN-6). */
export function parseLine(text: string): ParsedLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'bad', reason: 'no-json' }
  }
  if (!isObject(value)) return { kind: 'bad', reason: 'no-object' }
  return isDeeper(value, limits.jsonDepthMax) ? { kind: 'bad', reason: 'too-deep' } : { kind: 'record', record: value }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  const inner: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
  return inner.some((each) => isDeeper(each, levels - 1))
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The field when it is a text, else null. */
export function textAt(record: JsonObject, key: string): string | null {
  const value = record[key]
  return typeof value === 'string' ? value : null
}

/** As {@link textAt}, with blank texts as null. */
export function nameAt(record: JsonObject, key: string): string | null {
  const value = textAt(record, key)
  return value === null || value.trim() === '' ? null : value
}

export function objectAt(record: JsonObject, key: string): JsonObject | null {
  const value = record[key]
  return isObject(value) ? value : null
}

export function listAt(record: JsonObject, key: string): readonly unknown[] {
  const value = record[key]
  return Array.isArray(value) ? value : []
}

/** A count that is not negative; anything else is 0. */
export function countAt(record: JsonObject, key: string): number {
  const value = record[key]
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0
}

/** The field's name, or its hash where the name must not reach the disk. */
export function safeName(name: string | null, isSecret: ((name: string) => boolean) | undefined): string | null {
  return name !== null && isSecret?.(name) === true ? lineId(name) : name
}

/** Names a record without an id of its own. */
export const lineId = (text: string): string => sha256Hex(text).slice(0, 32)

/**
 * Text fields at the top of a record whose end is missing (ING-LIN-3). Nested fields of the same name are not taken for
 * them.
 */
export function topTexts(head: string, keys: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let depth = 0
  let key: string | null = null
  for (let at = 0; at < head.length; at++) {
    const character = head[at]
    if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    else if (character === ',' && depth === 1) key = null
    else if (character === '"') {
      const end = stringEnd(head, at)
      if (end === -1) break
      if (depth === 1) {
        const text = jsonString(head.slice(at, end + 1))
        if (key === null) key = text
        else if (text !== null && keys.includes(key) && !found.has(key)) found.set(key, text)
      }
      at = end
    }
  }
  return found
}

/** As {@link topTexts}, of the object under one key; none when its beginning is missing. */
export function textsUnder(head: string, key: string, keys: readonly string[]): ReadonlyMap<string, string> {
  const at = head.indexOf(`"${key}"`)
  const start = at === -1 ? -1 : head.indexOf('{', at)
  return start === -1 ? new Map() : topTexts(head.slice(start), keys)
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return -1
}

function jsonString(quoted: string): string | null {
  try {
    const value: unknown = JSON.parse(quoted)
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}
