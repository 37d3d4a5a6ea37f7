import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acksOf, errorsOf } from './memory-workers/log-lines.ts'
import { auditMemory, sound } from './memory-workers/memory-audit.ts'
import { MemoryProcess } from './memory-workers/memory-process.ts'
import { dice, isLong, newPlace, pause, seed, tellFigure, type Place } from './memory-workers/simulation.ts'

const killsWanted = Number(process.env['KILLS'] ?? (isLong ? 5_000 : 200))
/** However slow the machine is. */
const killsLeast = isLong ? 500 : 30
const budgetMs = isLong ? 30 * 60_000 : 15_000
const lanes = 3

let place: Place
beforeEach(() => {
  place = newPlace('memory-kills')
})
afterEach(() => place.remove())

describe('killed writers', () => {
  it(
    `C1, C6 killed at random, up to ${killsWanted} times, each on what the last one left: all that was acknowledged is there`,
    async () => {
      const below = dice(seed)
      const all: MemoryProcess[] = []
      // The first may end by itself: what is killed leaves no compiled code for the next one.
      all.push(await new MemoryProcess({ ...place, writer: 1, seed, ms: 50 }).start())
      await all[0]?.ended()
      const untilMs = performance.now() + budgetMs
      const lane = async (): Promise<void> => {
        while (all.length < killsWanted && (performance.now() < untilMs || all.length <= killsLeast)) {
          const writer = all.length + 1
          const one = new MemoryProcess({ ...place, writer, seed, ms: 60_000 })
          all.push(one)
          // Some die while they open, and so perhaps in the middle of recovering what the last one left.
          const fate = below(8)
          if (fate === 0) await pause(80 + below(200))
          else await one.start()
          if (fate > 1) await one.firstAck()
          await pause(below(50))
          one.signal('SIGKILL')
          await one.ended()
        }
      }
      await Promise.all(Array.from({ length: lanes }, lane))
      const lines = all.flatMap((one) => [...one.lines()])
      const audit = await auditMemory(place.dataDir, lines)
      const kinds = Object.groupBy(acksOf(lines), (ack) => `${ack.kind} ${ack.outcome}`)
      tellFigure({
        check: 'C1 memory',
        seed,
        durability: 'disk',
        kills: all.length - 1,
        ...audit,
        kinds: Object.fromEntries(Object.entries(kinds).map(([kind, acks]) => [kind, acks?.length])),
      })
      expect(all.map((one) => one.stderr).join('')).toBe('')
      expect(errorsOf(lines)).toEqual([])
      expect(audit).toMatchObject(sound)
      expect(all.length).toBeGreaterThan(killsLeast)
      expect(audit.acked).toBeGreaterThan(all.length / 2)
    },
    budgetMs + 120_000,
  )
})
