import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextSlab } from './text-slab.ts'

describe('TextSlab', () => {
  it('CHK-507 every text stays as it was added until the slab is cleared, however often its memory has served', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { maxLength: 40 })
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 5 }), (rounds) => {
        const slab = new TextSlab(64)
        for (const round of rounds) {
          const bytes = round.map((text) => slab.add(text))
          expect(bytes.map((one) => Buffer.from(one))).toEqual(round.map((text) => Buffer.from(text)))
          slab.clear()
        }
      }),
    )
  })
})
