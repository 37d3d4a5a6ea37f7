import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openTestEngine } from '../engine/testing/test-engine.ts'
import { hlcAt, hlcMs, isHlc } from '../model/hlc.ts'
import { metaValue, receiveHlc, stampChange } from './change-clock.ts'

const start = Date.UTC(2026, 0, 1)
const hour = 3_600_000
const wall = fc.integer({ min: start - 48 * hour, max: start + 48 * hour })

it('MEM-109 MEM-503 every stamp is later than the last, and than what it follows, whatever the wall clock does', async () => {
  const test = openTestEngine()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(wall, fc.option(wall)), { minLength: 1, maxLength: 30 }), async (moments) => {
      const stamps = await test.deps.store.write((tx) =>
        moments.map(([nowMs, parentMs]) => {
          const parent = parentMs === null ? [] : [hlcAt(parentMs)]
          return { ...stampChange(tx, nowMs, ...parent), parent: parent[0] ?? '' }
        }),
      )
      for (const [index, stamp] of stamps.entries()) {
        expect(isHlc(stamp.hlc) && stamp.hlc > stamp.parent).toBe(true)
        const before = stamps[index - 1]
        if (before !== undefined) expect(stamp.changeSeq).toBe(before.changeSeq + 1)
      }
      const own = stamps.filter((stamp) => stamp.parent < stamp.hlc.slice(0, 12))
      expect(new Set(own.map((stamp) => stamp.hlc)).size).toBe(own.length)
    }),
    { numRuns: 60 },
  )
  await test.close()
})

it('MEM-503 the clock set back: stamps go on from the last one given', async () => {
  const test = openTestEngine()
  const stamps = await test.deps.store.write((tx) => [
    stampChange(tx, start),
    stampChange(tx, start - 3 * hour),
    stampChange(tx, start - 3 * hour),
    stampChange(tx, start + hour),
  ])
  const times = stamps.map((stamp) => stamp.hlc)
  expect([...new Set(times)].sort()).toEqual(times)
  expect(hlcMs(times[2] ?? '')).toBe(start)
  expect(hlcMs(times[3] ?? '')).toBe(start + hour)
  await test.close()
})

it('MEM-503 a time more than ten minutes ahead orders its record and does not move our clock', async () => {
  const test = openTestEngine()
  const ahead = hlcAt(start + hour)
  const [child, next] = await test.deps.store.write((tx) => {
    receiveHlc(tx, ahead, start)
    return [stampChange(tx, start, ahead), stampChange(tx, start)]
  })
  expect(child?.hlc && child.hlc > ahead).toBe(true)
  expect(hlcMs(next?.hlc ?? '')).toBe(start)
  const near = hlcAt(start + 9 * 60_000)
  const after = await test.deps.store.write((tx) => {
    receiveHlc(tx, near, start)
    return [stampChange(tx, start).hlc, metaValue(tx, 'hlc')]
  })
  expect(after[0] && after[0] > near).toBe(true)
  expect(after[0]).toBe(after[1])
  await test.close()
})
