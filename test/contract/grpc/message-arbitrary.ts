import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { ScalarType } from '@bufbuild/protobuf'
import * as fc from 'fast-check'

/** Any message of a description as plain members, enum numbers that nobody knows among them. */
export function messageArbitrary(message: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  const members = Object.fromEntries(message.fields.map((field) => [field.localName, memberOf(field)]))
  return fc.record(members, { requiredKeys: [] })
}

function memberOf(field: DescField): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case 'scalar':
      return scalarOf(field.scalar)
    case 'enum':
      return enumNumber
    case 'message':
      return messageOf(field.message)
    case 'list':
      return fc.array(itemOf(field), { maxLength: 3 })
    case 'map':
      // Every map of the contract is of texts.
      return fc.dictionary(text, text, { maxKeys: 3 })
  }
}

function itemOf(field: Extract<DescField, { readonly fieldKind: 'list' }>): fc.Arbitrary<unknown> {
  if (field.listKind === 'message') return messageOf(field.message)
  return field.listKind === 'enum' ? enumNumber : scalarOf(field.scalar)
}

const messageOf = (message: DescMessage): fc.Arbitrary<unknown> =>
  message.typeName === 'google.protobuf.Timestamp'
    ? fc.record({ seconds: fc.bigInt({ min: 0n, max: 253_402_300_799n }), nanos: fc.nat(999_999_999) })
    : messageArbitrary(message)

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const enumNumber = fc.oneof(fc.nat(9), fc.constantFrom(77, -1))

/** The scalars that the contract has. */
const scalars: ReadonlyMap<ScalarType, fc.Arbitrary<unknown>> = new Map<ScalarType, fc.Arbitrary<unknown>>([
  [ScalarType.STRING, text],
  [ScalarType.BYTES, fc.uint8Array({ maxLength: 20 })],
  [ScalarType.BOOL, fc.boolean()],
  [ScalarType.INT32, fc.integer()],
  [ScalarType.INT64, fc.bigInt({ min: 0n, max: 2n ** 53n - 1n })],
  [ScalarType.UINT64, fc.bigInt({ min: 0n, max: 2n ** 53n - 1n })],
  [ScalarType.FLOAT, fc.constantFrom(0, 0.5, -2, 1024)],
  [ScalarType.DOUBLE, fc.double({ noNaN: true })],
])

function scalarOf(scalar: ScalarType): fc.Arbitrary<unknown> {
  const made = scalars.get(scalar)
  if (made === undefined) throw new Error(`no value for the scalar ${scalar}`)
  return made
}
