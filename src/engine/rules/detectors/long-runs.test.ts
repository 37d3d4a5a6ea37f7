import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { longRuns } from './long-runs.ts'

it('ING-RED-5 skipping ahead finds the runs a plain search finds', () => {
  const piece = fc.oneof(
    fc.constantFrom(' ', 'é', '"', '\n'),
    fc.integer({ min: 1, max: 45 }).map((count) => 'aZ9_'.repeat(12).slice(0, count)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (parts) => {
      const text = parts.join('')
      const plain = [...text.matchAll(/[A-Za-z0-9_+/=.-]{20,}/g)].map((hit) => ({
        start: hit.index,
        end: hit.index + hit[0].length,
      }))
      expect(longRuns(text)).toEqual(plain)
    }),
  )
})
