import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { observationRow, readObservation, readRow } from './record-rows.ts'

/** Values that fit a field, and what hostile or old programs may put in their place. */
const odd = fc.constantFrom<unknown>(
  null,
  undefined,
  '',
  ' ',
  'x\0y',
  'x'.repeat(65),
  'é'.repeat(200),
  -1,
  0,
  1.5,
  2 ** 53,
  Number.NaN,
  true,
  [],
  {},
  ['a'],
)
type Wrap = <T>(good: fc.Arbitrary<T>) => fc.Arbitrary<unknown>
const always: Wrap = (good) => good
const mostly: Wrap = (good) => fc.oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: odd })

const time = fc.constantFrom('2026-06-01 10:00:00', '2026-06-01T10:00:00Z', 'not a time')
const text = fc.oneof(fc.stringMatching(/^[a-zé]{1,20}$/u), fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }))
const count = fc.nat()
const hex16 = fc.constantFrom('019e830e41160000', 'e677d21fdbff0000', '019E830E41160000', '019e830e4116000')
const names = fc.oneof(fc.array(fc.constantFrom('a1', 'b2', 'c-3'), { maxLength: 34 }), fc.constant(['.d', '']))

const extOf = (wrap: Wrap) =>
  fc.record(
    {
      version: wrap(fc.constantFrom('9c2f', 'v.1', 'v-2', '-x')),
      ancestors: wrap(names),
      hlc: wrap(hex16),
      origin: wrap(text),
      author: wrap(text),
      expires_at: wrap(time),
      confidence: wrap(fc.constantFrom(0, 0.5, 0.7, 1, 1.5)),
      provenance: wrap(fc.constant({ kind: 'extracted' })),
    },
    { requiredKeys: [] },
  )

const rowOf = (wrap: Wrap) =>
  fc.record(
    {
      sync_id: wrap(text),
      session_id: wrap(text),
      type: wrap(text),
      title: wrap(text),
      content: wrap(text),
      tool_name: wrap(text),
      project: wrap(text),
      scope: wrap(text),
      topic_key: wrap(text),
      revision_count: wrap(count),
      duplicate_count: wrap(count),
      last_seen_at: wrap(time),
      review_after: wrap(time),
      created_at: wrap(time),
      updated_at: wrap(time),
      deleted_at: wrap(time),
      pinned: wrap(fc.boolean()),
      ext: wrap(extOf(wrap)),
    },
    { requiredKeys: ['session_id', 'content'] },
  )

const unknownKey = fc.constant({ session_id: 's', content: 'text', later: 1, ext: { version: 'a', later: 1 } })

describe('a row of an observation', () => {
  it('CHK-608 read the short way it is what its schema makes of it, fault and field included', () => {
    let plain = 0
    fc.assert(
      fc.property(fc.oneof(rowOf(always), rowOf(mostly), odd, unknownKey), (value) => {
        const read = readObservation(value)
        expect(read).toEqual(readRow(observationRow, value))
        if (read.ok && read.row === value) plain++
      }),
      { numRuns: 3_000 },
    )
    // Both ways were taken.
    expect(plain).toBeGreaterThan(50)
    expect(plain).toBeLessThan(2_900)
  })

  it('CHK-608 the number of a row is nobody’s business', () => {
    const value = { id: 41, session_id: 's', content: 'text' }
    expect(readObservation(value)).toEqual({ ok: true, row: value })
  })
})
