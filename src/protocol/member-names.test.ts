import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromWire, toCamel, toSnake, toWire } from './member-names.ts'

describe('COL-803 names of members', () => {
  it.each([
    [
      { contextId: 'c', replyTo: 'u' },
      { context_id: 'c', reply_to: 'u' },
    ],
    [{ meta: { aKey: '1', b_key: '2' } }, { meta: { aKey: '1', b_key: '2' } }],
    [{ metaFilters: { aKey: '1' } }, { meta_filters: { aKey: '1' } }],
    [
      { relationships: [{ targetId: 'x', meta: { aB: '' } }] },
      { relationships: [{ target_id: 'x', meta: { aB: '' } }] },
    ],
    [
      { displayName: null, ttlMs: 5 },
      { display_name: null, ttl_ms: 5 },
    ],
  ])('COL-803 %j', (typed, wire) => {
    expect(toWire(typed)).toEqual(wire)
    expect(fromWire(wire)).toEqual(typed)
  })

  it('COL-803 there and back is the same name', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/)
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        const name = words.join('_')
        expect(toSnake(toCamel(name))).toBe(name)
      }),
    )
  })
})
