import { EngramError } from '../model/errors.ts'
import type { ContextPlace } from '../store/contexts.ts'

/** Cursors of lists that are no logs: where the page before ended, as base64url of JSON. Opaque, and checked when they come back. */

export const listCursor = (place: ContextPlace | string): string =>
  Buffer.from(JSON.stringify(place), 'utf8').toString('base64url')

export function contextPlace(cursor: string): ContextPlace {
  const place = decoded(cursor)
  if (typeof place === 'object' && place !== null && 'value' in place && 'number' in place) {
    const { value, number } = place
    if ((typeof value === 'string' || Number.isSafeInteger(value)) && Number.isSafeInteger(number)) {
      return { value: value as string | number, number: number as number }
    }
  }
  throw unknown()
}

export function resourcePlace(cursor: string): string {
  const place = decoded(cursor)
  if (typeof place === 'string') return place
  throw unknown()
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw unknown()
  }
}

const unknown = (): EngramError => new EngramError('invalid_cursor', 'This is no cursor of this list.')
