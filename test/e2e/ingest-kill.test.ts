import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { extract, type Rules } from '../../src/ingest/extract/extract.ts'
import { runIngest } from '../../src/ingest/run.ts'
import type { IngestDoors } from '../../src/ingest/doors.ts'
import { createMemoryLocks } from '../../src/platform/file-lock.ts'
import { seededRandom } from '../../src/platform/random.ts'
import { ClaudeSession, uuidOf, workedSession } from './ingest-lines.ts'
import {
  dropPlaces,
  longAgoMs,
  makePlaces,
  openWorld,
  snapshotOf,
  withWorld,
  writeOld,
  type Places,
  type Snapshot,
} from './ingest-world.ts'

let places: Places
beforeEach(() => {
  places = makePlaces()
})
afterEach(() => dropPlaces(places))

const pathIn = (where: Places, name: string): string => join(where.claude, 'projects/orchard', `${name}.jsonl`)

/** The data dir of one run that nothing interrupted. */
async function undisturbed(sessions: readonly ClaudeSession[]): Promise<Snapshot> {
  const other = makePlaces()
  for (const [index, session] of sessions.entries()) {
    writeOld(pathIn(other, session.id), session.text, longAgoMs + index * 1_000)
  }
  const snapshot = await withWorld(other, async (world) => {
    await world.run()
    return snapshotOf(world)
  })
  dropPlaces(other)
  return snapshot
}

/** Doors that fail for good from the n-th use on: before it takes effect, or after. */
function dying(doors: IngestDoors, uses: number, isAfter: boolean): IngestDoors {
  let left = uses
  const use = async <T>(work: () => Promise<T>): Promise<T> => {
    left -= 1
    if (left < 0 || (left === 0 && !isAfter)) throw new Error('the process is gone')
    const answer = await work()
    if (left === 0) throw new Error('the process is gone')
    return answer
  }
  return {
    ...doors,
    locks: createMemoryLocks(),
    caller: { call: (...call) => use(() => doors.caller.call(...call)) },
    transcripts: {
      open: async () => {
        const store = await doors.transcripts.open()
        return {
          appendBatch: (...call) => use(() => store.appendBatch(...call)),
          exists: (...call) => use(() => store.exists(...call)),
          notes: (...call) => use(() => store.notes(...call)),
          setNotes: (...call) => use(() => store.setNotes(...call)),
          getSummary: (...call) => use(() => store.getSummary(...call)),
          setSummary: (...call) => use(() => store.setSummary(...call)),
          readHistory: (...call) => use(() => store.readHistory(...call)),
          listSessions: (...call) => use(() => store.listSessions(...call)),
        }
      },
    },
  }
}

describe('a run that dies', () => {
  it('ING-ARC-3 ING-CRS-1 at whichever step: the next one makes what one run makes', async () => {
    const sessions = [workedSession(1), workedSession(2)]
    sessions[1]?.add({
      type: 'user',
      isCompactSummary: true,
      message: { role: 'user', content: 'All that was said before.' },
    })
    const expected = await undisturbed(sessions)
    let steps = 0
    for (let uses = 1; uses < 200; uses++) {
      const isAfter = uses % 2 === 0
      const here = makePlaces()
      for (const [index, session] of sessions.entries()) {
        writeOld(pathIn(here, session.id), session.text, longAgoMs + index * 1_000)
      }
      const isOver = await withWorld(here, async (world) => {
        const doors = dying(world.doors, Math.ceil(uses / 2), isAfter)
        const report = await runIngest(doors, {}, {}).catch(() => null)
        return report !== null && report.errors.length === 0
      })
      await withWorld(here, async (world) => {
        const report = await world.run()
        expect(report.errors).toEqual([])
        expect(
          await snapshotOf(world),
          `died at use ${Math.ceil(uses / 2)}, ${isAfter ? 'after' : 'before'} it`,
        ).toEqual(expected)
      })
      dropPlaces(here)
      if (isOver) break
      steps = uses
    }
    expect(steps).toBeGreaterThan(30)
  })

  it('ING-INC-6 an upgrade at whichever step: the next one goes on, and makes what one makes', async () => {
    const earlier: Rules = {
      version: 1,
      extract: (entries, options) => ({ ...extract(entries, options), candidates: [] }),
    }
    const present: Rules = { version: 2, extract }
    const prepare = async (): Promise<Places> => {
      const here = makePlaces()
      for (const number of [1, 2, 3]) writeOld(pathIn(here, uuidOf(number)), workedSession(number).text)
      await withWorld(here, (world) => runIngest({ ...world.doors, rules: earlier }, {}, {}))
      return here
    }
    const finish = (here: Places) =>
      withWorld(here, async (world) => {
        const report = await runIngest({ ...world.doors, rules: present }, { upgrade: true }, {})
        return { left: report.upgrade?.sessions, snapshot: await snapshotOf(world) }
      })
    const alone = await prepare()
    const expected = await finish(alone)
    dropPlaces(alone)
    const lefts = new Set<number | undefined>()
    for (let uses = 1; uses < 100; uses++) {
      const here = await prepare()
      const isOver = await withWorld(here, async (world) => {
        const doors = { ...dying(world.doors, Math.ceil(uses / 2), uses % 2 === 0), rules: present }
        const report = await runIngest(doors, { upgrade: true }, {}).catch(() => null)
        return report?.upgrade?.sessions === 3
      })
      const { left, snapshot } = await finish(here)
      expect(snapshot).toEqual(expected.snapshot)
      lefts.add(left)
      dropPlaces(here)
      if (isOver) break
    }
    expect(lefts).toEqual(new Set([3, 2, 1, 0]))
  })

  it('ING-ARC-3 killed again and again, in the end it has made what one run makes', async () => {
    const long = new ClaudeSession(1).human('Please walk through all the rows of the orchard.')
    while (long.lines.length < 5_000) {
      long.says(`Row ${long.lines.length} is fine.`).runs(`look at row ${long.lines.length}`, 'apples')
    }
    const sessions = [workedSession(2), long, workedSession(3)]
    const expected = await undisturbed(sessions)
    for (const [index, session] of sessions.entries()) {
      writeOld(pathIn(places, session.id), session.text, longAgoMs + index * 1_000)
    }
    const random = seededRandom(7)
    let killed = 0
    for (let attempt = 0; attempt < 4; attempt++) {
      const isKilled = await killedAfter(20 + (Number.parseInt(random.hex(2), 16) % 500))
      killed += isKilled ? 1 : 0
    }
    const world = await openWorld(places)
    const report = await world.run()
    expect(report.errors).toEqual([])
    expect(await snapshotOf(world)).toEqual(expected)
    await world.close()
    expect(killed).toBeGreaterThan(0)
  })
})

/** Starts a run in a process of its own and kills it so long after it has begun; false when it was done before. */
function killedAfter(ms: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['test/e2e/ingest-worker.ts', JSON.stringify(places)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), ms))
    child.on('error', reject)
    child.on('exit', (_code, signal) => resolve(signal === 'SIGKILL'))
  })
}
