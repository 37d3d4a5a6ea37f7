import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acksOf, errorsOf, type LogLine } from './memory-workers/log-lines.ts'
import { auditMemory, sound } from './memory-workers/memory-audit.ts'
import { MemoryProcess } from './memory-workers/memory-process.ts'
import { dice, isLong, newPlace, pause, seed, tellFigure, type Place } from './memory-workers/simulation.ts'

const processes = isLong ? 32 : 8
const runMs = isLong ? 180_000 : 8_000
const killEveryMs = isLong ? 1_000 : 600

let place: Place
beforeEach(() => {
  place = newPlace('memory-processes')
})
afterEach(() => place.remove())

/** The longest waits, and when in the run they ended: a crowd of them at one moment has one cause. */
const longestOf = (lines: readonly LogLine[], startedMs: number): string[] =>
  acksOf(lines)
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, 5)
    .map(({ ms, at }) => `${Math.round(ms)} ms at ${((at - startedMs) / 1_000).toFixed(1)} s`)

const worstOf = (lines: readonly LogLine[]): number => acksOf(lines).reduce((worst, { ms }) => Math.max(worst, ms), 0)

describe('several processes with one memory', () => {
  it(
    `L1 ${processes} that save at once, some killed and replaced: nobody is refused, nothing is lost, counted twice or torn`,
    async () => {
      const below = dice(seed)
      const options = { ...place, seed }
      const first = Array.from(
        { length: processes },
        (_, n) => new MemoryProcess({ ...options, writer: n + 1, ms: runMs }),
      )
      // Whoever begins while thirty others still start would wait for their start.
      await Promise.all(first.map((one) => one.ready()))
      await Promise.all(first.map((one) => one.start()))
      const startedMs = Date.now()
      const all = [...first]
      const living = [...first]
      const untilMs = performance.now() + runMs
      while (performance.now() < untilMs - 1_500) {
        await pause(killEveryMs / 2 + below(killEveryMs))
        // The last two are never killed, so that fairness is told of processes that wrote all the time.
        const at = below(processes - 2)
        living[at]?.signal('SIGKILL')
        const next = new MemoryProcess({ ...options, writer: all.length + 1, ms: untilMs - performance.now() })
        living[at] = next
        all.push(next)
        void next.start()
      }
      // Two hundred logs are read when nobody waits for a core any more.
      await Promise.all(all.map((one) => one.gone()))
      const logs = all.map((one) => one.lines())
      const lines = logs.flat()
      const audit = await auditMemory(place.dataDir, lines)
      const whole = logs.filter((_, at) => at < processes && living[at] === all[at]).map((log) => acksOf(log).length)
      const queued = acksOf(lines).filter((ack) => ack.outcome === 'queued').length
      tellFigure({
        check: 'L1 memory',
        seed,
        processes,
        durability: 'disk',
        seconds: runMs / 1_000,
        kills: all.length - processes,
        ...audit,
        errors: errorsOf(lines).length,
        queued,
        worst_ms: worstOf(logs.flatMap((log) => acksOf(log).slice(1))),
        longest: longestOf(
          logs.flatMap((log) => acksOf(log).slice(1)),
          startedMs,
        ),
        // A process pays for its start with its first save: that is no wait for others.
        worst_first_ms: worstOf(logs.flatMap((log) => acksOf(log).slice(0, 1))),
        target_ms: 250,
        writes_of_survivors: whole,
      })
      expect(all.map((one) => one.stderr).join('')).toBe('')
      expect(errorsOf(lines)).toEqual([])
      expect(audit).toMatchObject(sound)
      expect(audit.acked).toBeGreaterThan(100)
      expect(queued).toBe(0)
      expect(worstOf(lines)).toBeLessThan(isLong ? 5_000 : 2_000)
      expect(Math.min(...whole)).toBeGreaterThan(0)
    },
    runMs + 120_000,
  )

  it(
    'L1 some that stand still for longer than others wait for them: what one did for another is not done again',
    async () => {
      const below = dice(seed)
      const ms = isLong ? 120_000 : 12_000
      const started = Array.from({ length: 8 }, (_, n) => new MemoryProcess({ ...place, seed, writer: n + 1, ms }))
      await Promise.all(started.map((one) => one.start()))
      const untilMs = performance.now() + ms
      while (performance.now() < untilMs - 4_000) {
        const one = started[below(started.length)]
        one?.signal('SIGSTOP')
        // Whoever does not move for two seconds is passed.
        await pause(2_100 + below(600))
        one?.signal('SIGCONT')
        await pause(below(400))
      }
      const logs = await Promise.all(started.map((one) => one.ended()))
      const lines = logs.flat()
      const audit = await auditMemory(place.dataDir, lines)
      tellFigure({ check: 'L1 memory, stopped', seed, seconds: ms / 1_000, ...audit, errors: errorsOf(lines).length })
      expect(errorsOf(lines)).toEqual([])
      expect(audit).toMatchObject(sound)
      expect(audit.acked).toBeGreaterThan(100)
    },
    (isLong ? 120_000 : 12_000) + 60_000,
  )
})
