import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/platform/random.ts'
import { auditStore } from './workers/store-audit.ts'
import { WriterProcess } from './workers/writer-process.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'store-processes-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const seed = Number(process.env['SEED'] ?? 7)
const random = seededRandom(seed)
const below = (bound: number): number => Number.parseInt(random.hex(4), 16) % bound

describe('several processes', () => {
  it('L1 eight that save at once, killed at random, lose nothing, are not refused and wait their turn', async () => {
    const ms = 7_000
    const untilMs = Date.now() + ms
    const started = await Promise.all(
      Array.from({ length: 8 }, (_, n) => new WriterProcess(dataDir, n + 1, ms).start()),
    )
    const all = [...started]
    const living = [...started]
    while (Date.now() < untilMs - 1_000) {
      await pause(200 + below(300))
      const at = below(living.length)
      living[at]?.signal('SIGKILL')
      const next = new WriterProcess(dataDir, all.length + 1, untilMs - Date.now())
      living[at] = next
      all.push(next)
      void next.start()
    }
    await Promise.all(all.map((writer) => writer.ended()))
    const audit = await auditStore(dataDir, all)
    const survivors = started.filter((writer) => living.includes(writer)).map((writer) => writer.acked.length)
    const worstMs = Math.max(...all.map((writer) => writer.worstMs))
    const kills = all.length - 8
    console.log(
      JSON.stringify({
        check: 'L1',
        seed,
        processes: 8,
        kills,
        worst_ms: worstMs,
        durability: 'disk',
        survivors,
        ...audit,
      }),
    )
    expect(all.flatMap((writer) => writer.errors)).toEqual([])
    expect(audit).toMatchObject({ lost: 0, gaps: 0, surplus: 0, integrity: 'ok' })
    expect(worstMs).toBeLessThan(1_500)
    expect(audit.acked).toBeGreaterThan(500)
  })

  it('L1 a process stopped for four seconds costs nobody an error, and all go on after it', async () => {
    const writers = await Promise.all([1, 2, 3].map((n) => new WriterProcess(dataDir, n, 5_000).start()))
    await pause(500)
    writers[0]?.signal('SIGSTOP')
    await pause(3_500)
    const before = writers.map((writer) => writer.acked.length)
    await pause(300)
    const after = writers.map((writer) => writer.acked.length)
    writers[0]?.signal('SIGCONT')
    await Promise.all(writers.map((writer) => writer.ended()))
    const audit = await auditStore(dataDir, writers)
    console.log(
      JSON.stringify({
        check: 'L1 stopped',
        before,
        after,
        worst_ms: writers.map((writer) => writer.worstMs),
        ...audit,
      }),
    )
    expect(writers.flatMap((writer) => writer.errors)).toEqual([])
    expect(audit).toMatchObject({ lost: 0, gaps: 0, integrity: 'ok' })
    expect(after[0]).toBe(before[0])
    expect(writers.every((writer, n) => writer.acked.length > (after[n] ?? 0))).toBe(true)
  })
})
