import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import {
  relationshipTypes,
  toRelationshipType,
  toWorkUnitType,
  workUnitTypes,
  type Relationship,
  type RelationshipType,
  type WorkUnitType,
} from '../model/live.ts'
import type { NewUnit } from '../model/log-store.ts'
import { utf8Bytes } from '../model/text.ts'
import type { TextCleaner } from './clean-texts.ts'
import { cleanMeta } from './contexts.ts'

/** What a caller gives for a unit, as the log takes it. */

/** Throws `invalid_type`, which lists the names: an unknown one never means anything (COL-403). */
export function workUnitTypeOf(given: string | number | undefined): WorkUnitType {
  const type = given === undefined ? null : toWorkUnitType(given)
  if (type !== null) return type
  throw unknownType('type', given, workUnitTypes)
}

export function relationshipTypeOf(given: string | number | undefined): RelationshipType {
  const type = given === undefined ? 'UNSPECIFIED' : toRelationshipType(given)
  if (type !== null) return type
  throw unknownType('relationship type', given, relationshipTypes)
}

const unknownType = (what: string, given: string | number | undefined, names: readonly string[]): EngramError =>
  new EngramError(
    'invalid_type',
    given === undefined
      ? `A ${what} is required: one of ${names.join(', ')}.`
      : `Unknown ${what} ${JSON.stringify(given)}; known are ${names.join(', ')}.`,
    { details: { names } },
  )

type AppendInput = Parsed<'work-unit.append'>

/** The unit of an append: types read, texts cleaned, payload as text where it is text. */
export function newUnit(input: AppendInput, newId: () => string, cleaner: TextCleaner): NewUnit {
  return {
    id: input.id === undefined ? newId() : ownId(input.id),
    isOwnId: input.id !== undefined,
    type: workUnitTypeOf(input.type),
    meta: cleanMeta(cleaner, input.meta ?? {}),
    ...payloadOf(input, cleaner),
    ...(input.content_type === undefined ? {} : { content_type: input.content_type }),
    relationships: relationshipsOf(input, cleaner),
    ...(input.thread_id === undefined ? {} : { thread_id: input.thread_id }),
  }
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function ownId(given: string): string {
  const id = given.toLowerCase()
  if (uuid.test(id)) return id
  throw new EngramError('invalid_request', `id: ${JSON.stringify(given)} is no UUID.`, { details: { field: 'id' } })
}

function relationshipsOf(input: AppendInput, cleaner: TextCleaner): readonly Relationship[] {
  const named = (input.relationships ?? []).map((one) => ({
    target_id: one.target_id,
    type: relationshipTypeOf(one.type),
    meta: cleanMeta(cleaner, one.meta ?? {}),
  }))
  if (input.reply_to === undefined) return named
  const isNamed = named.some((one) => one.type === 'RESPONDS_TO' && one.target_id === input.reply_to)
  return isNamed ? named : [...named, { target_id: input.reply_to, type: 'RESPONDS_TO', meta: {} }]
}

type Payload = Pick<NewUnit, 'payload' | 'payload_base64'>

function payloadOf(input: AppendInput, cleaner: TextCleaner): Payload {
  if (input.payload !== undefined && input.payload_base64 !== undefined) {
    throw new EngramError('invalid_payload', 'Give payload or payload_base64, not both.')
  }
  const bytes = input.payload_base64 === undefined ? null : base64Bytes(input.payload_base64)
  const text = bytes === null ? (input.payload ?? '') : textOf(bytes)
  if (
    bytes === null ? isLongerThan(text ?? '', limits.unitPayloadBytesMax) : bytes.length > limits.unitPayloadBytesMax
  ) {
    throw new EngramError('payload_too_large', `A payload has at most ${limits.unitPayloadBytesMax} bytes.`)
  }
  if (text !== null) return { payload: cleaner.clean(text) }
  return { payload_base64: Buffer.from(bytes ?? []).toString('base64') }
}

/** A character is at most three bytes, so most texts need no counting. */
const isLongerThan = (text: string, bytesMax: number): boolean =>
  text.length * 3 > bytesMax && utf8Bytes(text) > bytesMax

/** Standard or URL alphabet, padding optional (COL-402). Nothing else is guessed at. */
function base64Bytes(text: string): Uint8Array {
  const plain = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={1,2}$/, '')
  if (/^[A-Za-z0-9+/]*$/.test(plain) && plain.length % 4 !== 1) return Buffer.from(plain, 'base64')
  throw new EngramError('invalid_payload', 'The payload is not base64.')
}

/** Null for bytes that are no text: they are stored as they are (COL-1506). */
function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
