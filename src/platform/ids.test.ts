import { describe, expect, it } from 'vitest'
import { SimulatedClock } from './clock.ts'
import { createIds } from './ids.ts'
import { seededRandom } from './random.ts'

describe('new names', () => {
  it('COL-102 UUIDs of version 7 sort by the time of their making, also when wall time goes back', () => {
    const clock = new SimulatedClock(Date.UTC(2026, 10, 20))
    const ids = createIds(clock, seededRandom(1))
    const made = Array.from({ length: 5_000 }, (_, at) => {
      if (at % 700 === 0) clock.advance(5)
      if (at === 3_000) clock.set(0)
      return ids.uuid()
    })
    expect(made).toEqual(made.toSorted())
    expect(new Set(made)).toHaveLength(5_000)
    for (const id of made) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
    expect(Number.parseInt((made[0] ?? '').replaceAll('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 10, 20) + 5)
  })
})
