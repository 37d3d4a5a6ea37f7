import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { SimulatedClock } from '../../src/platform/clock.ts'
import { inventedWords, project } from './memory-workers/save-mix.ts'
import { dice, isLong, newPlace, seed, tellFigure, type Place } from './memory-workers/simulation.ts'

const hourMs = 3_600_000
const yearMs = 8_766 * hourMs
const startMs = Date.UTC(2026, 1, 27, 12)
const savesPerStep = isLong ? 1_000 : 100

let place: Place
let clock: SimulatedClock
let opened: OpenedEngine
const open = (): Promise<OpenedEngine> =>
  openEngine({ dataDir: place.dataDir, clock, environment: {}, settings: { durability: 'normal' } })
beforeEach(async () => {
  place = newPlace('memory-clock')
  clock = new SimulatedClock(startMs)
  opened = await open()
})
afterEach(async () => {
  await opened.close()
  place.remove()
})

type Stamp = { readonly id: number; readonly sync_id: string; readonly hlc: string; readonly change_seq: number }

let serial = 0
async function save(sessionId = 'session'): Promise<void> {
  const content = `Number ${++serial}: ${inventedWords(serial)}`
  await opened.caller.call('observation.save', { project, session_id: sessionId, title: `Number ${serial}`, content })
}

const stamps = (): Stamp[] =>
  opened.deps.store.read((tx) => tx.all<Stamp>('SELECT id, sync_id, hlc, change_seq FROM observations ORDER BY id'))

/** Neighbours that do not rise. */
const falls = (rows: readonly Stamp[], key: 'hlc' | 'change_seq'): string[] =>
  rows.slice(1).flatMap((row, at) => {
    const before = rows[at]
    return before !== undefined && row[key] > before[key] ? [] : [`${before?.[key]} then ${row[key]}`]
  })

const listed = async (sort: 'created_at:asc' | 'created_at:desc'): Promise<readonly number[]> => {
  const rows = await opened.caller.call('observation.list', { all_projects: true, sort, limit: 100 })
  return rows.map((row) => row.id)
}

const jumps: readonly (readonly [string, (clock: SimulatedClock) => void])[] = [
  ['back 1 h', (at) => at.set(at.nowMs() - hourMs)],
  ['forward 10 years', (at) => at.set(at.nowMs() + 10 * yearMs)],
  ['back 10 years', (at) => at.set(at.nowMs() - 10 * yearMs)],
  ['to 29 February', (at) => at.set(Date.UTC(2028, 1, 29, 23, 59, 59, 900))],
  ['into the hour that summer time skips', (at) => at.set(Date.UTC(2026, 2, 29, 1, 30))],
  ['back to the start', (at) => at.set(startMs)],
]

describe('a wall clock that jumps', () => {
  it('S5 saves keep a strictly rising hybrid time and change number through every jump, and across a restart', async () => {
    for (let n = 0; n < savesPerStep; n++) await save()
    for (const [, jump] of jumps) {
      jump(clock)
      for (let n = 0; n < savesPerStep; n++) await save()
      await opened.close()
      opened = await open()
      clock.advance(7)
    }
    const below = dice(seed)
    for (let n = 0; n < savesPerStep * 3; n++) {
      clock.advance(1_000)
      if (below(2) === 0) clock.set(clock.nowMs() - 2_000)
      await save()
    }
    const rows = stamps()
    const wrong = { hlc: falls(rows, 'hlc'), change_seq: falls(rows, 'change_seq') }
    tellFigure({ check: 'S5 memory', seed, saves: rows.length, jumps: jumps.length, falls: wrong })
    expect(wrong).toEqual({ hlc: [], change_seq: [] })
    expect(rows.length).toBe(savesPerStep * (jumps.length + 4))
  })

  it('S5 edits of one memory stay in order, each later than its parent, whatever the wall clock says', async () => {
    await save()
    const id = stamps()[0]?.sync_id ?? ''
    for (const [name, jump] of jumps) {
      jump(clock)
      await opened.caller.call('observation.update', { id, content: `Changed after the clock went ${name}.` })
    }
    const { versions } = await opened.caller.call('observation.history', { id, limit: 20 })
    const times = opened.deps.store.read((tx) =>
      tx.all<{ hlc: string }>(
        `SELECT hlc FROM (SELECT number, hlc FROM observation_versions WHERE sync_id = ?1
           UNION ALL SELECT 9e15 AS number, hlc FROM observations WHERE sync_id = ?1) ORDER BY number`,
        id,
      ),
    )
    const current = await opened.caller.call('observation.get', { id })
    expect(current.content).toContain('back to the start')
    expect(versions.length).toBeGreaterThanOrEqual(jumps.length)
    expect(times.map((row) => row.hlc)).toEqual(times.map((row) => row.hlc).toSorted())
    expect(new Set(times.map((row) => row.hlc)).size).toBe(times.length)
  })

  it('S5 the order by (created_at, hlc, id) is the same at every reading, forwards and backwards, and after a restart', async () => {
    for (const [, jump] of jumps) {
      jump(clock)
      for (let n = 0; n < 6; n++) await save()
    }
    const first = await listed('created_at:asc')
    const expected = opened.deps.store
      .read((tx) => tx.all<{ id: number }>('SELECT id FROM observations ORDER BY created_at, hlc, id'))
      .map((row) => row.id)
    await opened.close()
    opened = await open()
    expect(first).toEqual(expected)
    expect(await listed('created_at:asc')).toEqual(first)
    expect(await listed('created_at:desc')).toEqual(first.toReversed())
    expect(first.length).toBe(jumps.length * 6)
  })

  it('S5, MEM-707 a session in use outlives a jump: its next save goes on under its own id', async () => {
    await save('in-use')
    clock.advance(1_000)
    for (const [name, jump] of jumps) {
      jump(clock)
      await opened.tend()
      await save('in-use')
      const [newest] = opened.deps.store.read((tx) =>
        tx.all<{ session_id: string; ended_at: string | null }>(
          `SELECT o.session_id, s.ended_at FROM observations o JOIN sessions s ON s.id = o.session_id ORDER BY o.id DESC LIMIT 1`,
        ),
      )
      expect([name, newest]).toEqual([name, { session_id: 'in-use', ended_at: null }])
    }
  })

  it('S5 a wall clock that goes back frees no lease: a session in use is not closed for idleness', async () => {
    await save('in-use')
    for (let n = 0; n < 300; n++) {
      clock.advance(1_000)
      clock.set(clock.nowMs() - 2_000)
      if (n % 50 === 0) await opened.tend()
    }
    const row = opened.deps.store.read((tx) =>
      tx.get<{ ended_at: string | null }>(`SELECT ended_at FROM sessions WHERE id = 'in-use'`),
    )
    expect(row).toEqual({ ended_at: null })
  })
})
