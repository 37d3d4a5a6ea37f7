import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addObservation, openInventedStore } from '../store/testing/invented-store.ts'
import { embeddedText, observationVectors } from '../store/observation-vectors.ts'
import { signsOf, writeVector } from '../store/vectors.ts'
import { unitVector } from './embedder.ts'
import { SignIndex } from './sign-index.ts'

const model = 'test-model'
const dimensions = 64
const everywhere = { project: null, scope: undefined, notExpiredAtMs: null }

const vectors = fc.array(
  fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: dimensions, maxLength: dimensions }),
  { minLength: 1, maxLength: 40 },
)

function distance(a: Uint32Array, b: Uint32Array): number {
  const onesOf = (word: number): number => (word >>> 0).toString(2).replaceAll('0', '').length
  return a.reduce((sum, word, at) => sum + onesOf(word ^ (b[at] ?? 0)), 0)
}

it('RET-605/the scan finds what a look at every record finds, whatever came, moved and went', async () => {
  await fc.assert(
    fc.asyncProperty(vectors, fc.array(fc.nat(39)), fc.integer({ min: 1, max: 50 }), async (rows, gone, limit) => {
      const opened = openInventedStore()
      try {
        const index = new SignIndex(observationVectors, model, dimensions)
        const kept = new Map<number, Uint32Array>()
        for (const [at, values] of rows.entries()) {
          await opened.store.write((tx) => {
            const row = addObservation(tx, { title: `t ${at}`, content: `c ${at}` })
            const vector = unitVector(values)
            const text = { id: row.id, text: embeddedText(row), seq: row.change_seq }
            writeVector(tx, observationVectors, model, text, vector)
            kept.set(row.id, signsOf(vector))
          })
          if (at % 3 === 0) opened.store.read((tx) => index.refresh(tx))
        }
        opened.store.read((tx) => index.refresh(tx))
        const ids = [...kept.keys()]
        const leaving = gone.flatMap((at) => ids[at] ?? [])
        index.forget(leaving)
        for (const id of leaving) kept.delete(id)
        const query = signsOf(unitVector(rows[0] ?? []))
        const byDistance = [...kept]
          .map(([id, signs]) => ({ id, away: distance(signs, query) }))
          .sort((a, b) => a.away - b.away || a.id - b.id)
        const expected = byDistance.slice(0, limit)
        expect(new Set(index.nearest(query, everywhere, limit))).toEqual(new Set(expected.map(({ id }) => id)))
        const passing = (asked: readonly number[]): ReadonlySet<number> => new Set(asked.filter((id) => id % 3 === 0))
        const few = byDistance.filter(({ id }) => id % 3 === 0).slice(0, limit % 5)
        expect(index.nearest(query, { ...everywhere, passing }, limit % 5)).toEqual(few.map(({ id }) => id))
        expect(index.size).toBe(kept.size)
      } finally {
        await opened.close()
      }
    }),
    { numRuns: 25 },
  )
})
