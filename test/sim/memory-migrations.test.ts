import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { normalisedHash } from '../../src/engine/rules/dedupe.ts'
import { toEngramError } from '../../src/model/errors.ts'
import { formatTime } from '../../src/model/times.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { systemRandom } from '../../src/platform/random.ts'
import { migrations } from '../../src/store/migrations/index.ts'
import { Store } from '../../src/store/store.ts'
import { catchUp } from '../../src/upkeep.ts'
import { workerEnvironment, workerPath } from './memory-workers/memory-process.ts'
import { inventedWords, project } from './memory-workers/save-mix.ts'
import { schemaNumberOf, setSchemaNumber } from './memory-workers/schema-number.ts'
import { dice, isLong, newPlace, pause, seed, tellFigure, type Place } from './memory-workers/simulation.ts'

const newest = migrations.length
const doubleKills = isLong ? 500 : 8
const memories = 1_200

let place: Place
const opened: OpenedEngine[] = []
beforeEach(() => {
  place = newPlace('memory-migrations')
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  place.remove()
})

async function open(dataDir = place.dataDir): Promise<OpenedEngine> {
  const one = await openEngine({ dataDir, environment: {} })
  opened.push(one)
  return one
}

const closeAll = async (): Promise<void> => {
  for (const one of opened.splice(0)) await one.close()
}

/** What the program of that schema would have left behind: a session and memories in it. */
async function makeOld(schema: number, dataDir: string): Promise<void> {
  const store = Store.open({
    dataDir,
    migrations: migrations.slice(0, schema),
    clock: systemClock,
    random: systemRandom,
    program: `engram of schema ${schema}`,
  })
  const at = formatTime(Date.UTC(2025, 3, 2))
  await store.write((tx) => {
    tx.run(`INSERT INTO projects (name, created_at) VALUES (?, ?)`, project, at)
    tx.run(
      `INSERT INTO sessions (id, project, started_at, hlc, origin, change_seq) VALUES ('old', ?, ?, 'h0', 'o', 1)`,
      project,
      at,
    )
    for (let n = 1; n <= memories; n++) {
      tx.run(
        `INSERT INTO observations (sync_id, session_id, type, title, content, project, scope, normalized_hash, created_at,
           updated_at, version, hlc, origin, change_seq) VALUES (?, 'old', 'decision', ?, ?, ?, 'project', ?, ?, ?, ?, ?, 'o', ?)`,
        `obs-${String(n).padStart(16, '0')}`,
        `Old memory ${n}`,
        `Kept since long: ${inventedWords(n, 120)}`,
        project,
        normalisedHash(`Kept since long: ${inventedWords(n, 120)}`),
        at,
        at,
        `version ${n}`,
        `h${String(n).padStart(6, '0')}`,
        n + 1,
      )
    }
    tx.run(`UPDATE meta SET value = ? WHERE key = 'change_seq'`, String(memories + 1))
  })
  await store.close()
}

type Kept = { readonly sync_id: string; readonly title: string; readonly content: string }
const keptRows = (one: OpenedEngine): Kept[] =>
  one.deps.store.read((tx) => tx.all<Kept>('SELECT sync_id, title, content FROM observations ORDER BY sync_id'))

const oldRows = Array.from({ length: memories }, (_, at) => ({
  sync_id: `obs-${String(at + 1).padStart(16, '0')}`,
  title: `Old memory ${at + 1}`,
  content: `Kept since long: ${inventedWords(at + 1, 120)}`,
}))

async function integrityOf(one: OpenedEngine): Promise<unknown> {
  const report = await one.caller.call('doctor.report', { check: 'integrity', all_projects: true })
  return report.checks[0]?.result
}

describe('a memory of an older schema', () => {
  it.each(migrations.slice(0, -1).map(({ version }) => version))(
    'MEM-105 schema %d: opened, every memory is there and found by its words, and a copy of before lies in backups',
    async (schema) => {
      await makeOld(schema, place.dataDir)
      const one = await open()
      while (!(await catchUp(one))) continue
      expect(keptRows(one)).toEqual(oldRows)
      const found = await one.caller.call('memory.search', {
        query: inventedWords(77, 4),
        all_projects: true,
        limit: 5,
      })
      expect(found.hits.map((hit) => hit.title)).toContain('Old memory 77')
      expect(await integrityOf(one)).toBe('ok')
      const [copy, ...more] = await one.caller.call('backup.list', {})
      expect([copy?.schema, more]).toEqual([schema, []])
      expect(await one.caller.call('backup.verify', { path: copy?.path ?? '' })).toMatchObject({ ok: true, schema })
      const repeated = { title: 'New memory', content: 'Saved by the new program.', project }
      expect(await one.caller.call('observation.save', repeated)).toMatchObject({ outcome: 'created' })
    },
  )

  it(
    `C6 killed twice in the middle of migrating, ${doubleKills} times: the next one finishes and nothing is missing`,
    async () => {
      const below = dice(seed)
      const prepared = join(place.root, 'prepared')
      await makeOld(1, prepared)
      const schemas: number[] = []
      const unfinished: string[][] = []
      for (let round = 0; round < doubleKills; round++) {
        rmSync(place.dataDir, { recursive: true, force: true })
        cpSync(prepared, place.dataDir, { recursive: true })
        for (const _ of [1, 2]) {
          const child = spawn(process.execPath, [workerPath('memory-opener'), place.dataDir], {
            env: workerEnvironment,
          })
          const ended = once(child, 'exit')
          await startedOn(place.dataDir)
          await pause(below(40))
          child.kill('SIGKILL')
          await ended
        }
        schemas.push(await schemaLeft())
        unfinished.push(leftovers())
        const one = await open()
        const rows = keptRows(one)
        const sound = one.deps.store.read((tx) => tx.get('PRAGMA integrity_check'))
        expect([rows, sound]).toEqual([oldRows, { integrity_check: 'ok' }])
        expect(one.deps.store.stats().schema).toBe(newest)
        await closeAll()
        expect(leftovers()).toEqual([])
      }
      const killedBefore = unfinished.filter((names) => names.length > 0).length
      tellFigure({ check: 'C6 memory', seed, double_kills: doubleKills, schemas, killed_during_the_copy: killedBefore })
    },
    isLong ? 900_000 : 90_000,
  )
})

/** The schema that a program which knows the first step alone finds; it changes nothing. */
async function schemaLeft(): Promise<number> {
  const steps = { migrations: migrations.slice(0, 1), clock: systemClock, random: systemRandom }
  const store = Store.open({ dataDir: place.dataDir, ...steps })
  await store.close()
  return store.stats().schema
}

/** Resolves when the copy before the migration has begun: the process is in the middle of it. */
async function startedOn(dataDir: string): Promise<void> {
  const untilMs = performance.now() + 5_000
  while (!existsSync(join(dataDir, 'backups')) && performance.now() < untilMs) await pause(2)
}

/** Files that a crash may leave and the next opening takes away. */
const leftovers = (): string[] => {
  const backups = join(place.dataDir, 'backups')
  return existsSync(backups) ? readdirSync(backups).filter((name) => !/^engram-\d+-\d{8}T\d{6}Z\.db$/.test(name)) : []
}

describe('a memory of a newer schema', () => {
  it('MEM-104, MEM-111 is read; saves wait in the spool, in order, and the next process that can write writes each once', async () => {
    const first = await open()
    await first.caller.call('observation.save', {
      project,
      title: 'Kept',
      content: 'Kept before the other program came.',
    })
    const { path } = first.deps.store
    await closeAll()
    setSchemaNumber(path, newest + 1)

    const old = await open()
    const save = (n: number) =>
      old.caller.call('observation.save', {
        project,
        session_id: 'session',
        title: `Queued ${n}`,
        content: `Queued text ${n}: ${inventedWords(n)}`,
      })
    const queued = [await save(1), await save(2), await save(1), await save(3)]
    expect(queued.map(({ outcome, id }) => [outcome, id])).toEqual(queued.map(() => ['queued', null]))
    expect(old.deps.store.mode).toBe('read-only')
    const listed = await old.caller.call('observation.list', { all_projects: true })
    const found = await old.caller.call('memory.search', { query: 'other program came', all_projects: true })
    expect([listed.map((row) => row.title), found.hits.map((hit) => hit.title)]).toEqual([['Kept'], ['Kept']])
    const [kept] = listed
    const refused = await old.caller
      .call('observation.update', { id: kept?.id ?? 0, title: 'Changed' })
      .catch((error: unknown) => toEngramError(error).code)
    expect(refused).toBe('newer_schema')
    await old.tend()
    const spool = join(place.dataDir, 'spool')
    expect(readdirSync(spool).length).toBe(4)
    await closeAll()

    setSchemaNumber(path, newest)
    const [one, two] = [await open(), await open()]
    await Promise.all([one.tend(), two.tend()])
    const rows = await one.caller.call('observation.list', { all_projects: true, sort: 'created_at:asc', limit: 20 })
    expect(rows.map((row) => [row.title, row.duplicate_count])).toEqual([
      ['Kept', 1],
      ['Queued 1', 2],
      ['Queued 2', 1],
      ['Queued 3', 1],
    ])
    const told = [queued[0], queued[1], queued[3]].map((answer) => answer?.sync_id)
    expect(rows.slice(1).map((row) => row.sync_id)).toEqual(told)
    expect(readdirSync(spool)).toEqual([])
  })

  it('MEM-105 a file made newer while it is in use: whoever opens it next reads, nothing is taken back', async () => {
    const running = await open()
    await running.caller.call('observation.save', { project, title: 'One', content: 'One, before.' })
    await closeAll()
    setSchemaNumber(running.deps.store.path, 99)
    const late = await open()
    const answer = await late.caller.call('observation.save', { project, title: 'Two', content: 'Two, after.' })
    const status = await late.caller.call('system.status', {})
    await closeAll()
    expect([answer.outcome, schemaNumberOf(running.deps.store.path)]).toEqual(['queued', 99])
    expect(JSON.stringify(status)).toContain('read-only')
  })
})
