import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { JsonbRows, type JsonbValue } from './jsonb.ts'
import { openInventedStore } from './testing/invented-store.ts'

const invented = openInventedStore()
afterAll(() => invented.close())

const value: fc.Arbitrary<JsonbValue> = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '"',
    '\\',
    '\\u0000',
    '\0',
    'a\0b',
    '\ud800',
    'x\udc00y',
    '',
    'é'.repeat(100),
    'word '.repeat(20_000),
  ),
  fc.maxSafeInteger(),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
)

/** In memory that has to grow. */
function encodedRows(rows: readonly (readonly JsonbValue[])[]): Uint8Array {
  const encoded = new JsonbRows(16)
  for (const row of rows) {
    encoded.begin()
    for (const one of row) encoded.put(one)
    encoded.end()
  }
  return encoded.finish()
}

type Read = { readonly value: JsonbValue; readonly type: string }

/** Each value as SQLite takes it out of the encoded rows, and as it is when it is bound by itself. */
function bothWays(rows: readonly (readonly JsonbValue[])[]): { readonly taken: Read[]; readonly bound: Read[] } {
  const bytes = encodedRows(rows)
  return invented.store.read((tx) => ({
    taken: rows.flatMap((row, key) =>
      row.flatMap((_, place) =>
        tx.all<Read>(
          `SELECT e.value ->> ${place} AS value, typeof(e.value ->> ${place}) AS type
           FROM jsonb_each(?1) AS e WHERE e.key = ?2`,
          bytes,
          key,
        ),
      ),
    ),
    bound: rows.flatMap((row) =>
      row.flatMap((one) => tx.all<Read>('SELECT value, typeof(value) AS type FROM (SELECT ? AS value)', one)),
    ),
  }))
}

describe('CHK-613', () => {
  it('CHK-613 SQLite takes out of encoded rows what it would have got value by value', () => {
    fc.assert(
      fc.property(fc.array(fc.array(value, { maxLength: 20 }), { maxLength: 6 }), (rows) => {
        const { taken, bound } = bothWays(rows)
        expect(taken).toEqual(bound)
      }),
      { numRuns: 300 },
    )
  })

  it('CHK-613 rows beyond the first megabyte are there', () => {
    const rows = Array.from({ length: 400 }, (_, index) => [index, 'ü'.repeat(5_000)])
    const { taken, bound } = bothWays(rows)
    expect(taken).toEqual(bound)
  })

  it('CHK-613 the rows are one well-formed value', () => {
    const { json, valid } = invented.store.read(
      (tx) =>
        tx.get<{ json: string; valid: number }>(
          'SELECT json(?1) AS json, json_valid(?1, 8) AS valid',
          encodedRows([['a', 1, null], []]),
        ) ?? { json: '', valid: 0 },
    )
    expect({ json, valid }).toEqual({ json: '[["a",1,null],[]]', valid: 1 })
  })
})
