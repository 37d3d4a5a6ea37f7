import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Backup } from '../../src/api/backup.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { catchUp } from '../../src/upkeep.ts'
import { callSave, inventedWords, project, wantedSave } from './memory-workers/save-mix.ts'
import { dice, isLong, newPlace, seed, tellFigure, type Place } from './memory-workers/simulation.ts'

const records = isLong ? 100_000 : 2_000
const timeoutMs = isLong ? 30 * 60_000 : 60_000

let place: Place
const opened: OpenedEngine[] = []
beforeEach(() => {
  place = newPlace('memory-restore')
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  place.remove()
})

async function open(name: string): Promise<OpenedEngine> {
  const one = await openEngine({
    dataDir: join(place.root, name),
    environment: {},
    settings: { durability: 'normal' },
  })
  opened.push(one)
  return one
}

/** Everything a memory may hold: repeats, topics, edits, deletions of both kinds, pins, prompts, relations. */
async function fill(one: OpenedEngine): Promise<void> {
  const below = dice(seed)
  // Three of four are new texts, the rest is mixed.
  const chance = (): number => (below(4) > 0 ? 0 : below(1_000) / 1_000)
  let last = ''
  for (let n = 1; n <= records * 1.2; n += 20) {
    const wanted = Array.from({ length: 20 }, (_, at) => wantedSave(1 + (at % 3), n + at, chance(), last))
    const told = await Promise.all(wanted.map((each) => callSave(one.caller, 1, each)))
    last = told.find((each, at) => wanted[at]?.kind === 'new' && each.outcome === 'created')?.syncId ?? last
    if (last === '') continue
    if (n % 100 === 1) await one.caller.call('observation.pin', { id: last, pinned: true })
    if (n % 200 === 41) {
      await one.caller.call('observation.delete', { id: last, hard: n % 400 === 41 })
      last = ''
    }
  }
  await one.caller.call('prompt.save', {
    project,
    content: `To be deleted: ${inventedWords(7)}`,
    session_id: 'session-1',
  })
  const [prompt] = await one.caller.call('prompt.list', { all_projects: true, limit: 1 })
  if (prompt !== undefined) await one.caller.call('prompt.delete', { id: prompt.sync_id })
  while (!(await catchUp(one))) continue
}

/** The export without what names the moment and the place of its making, and without numbers of rows. */
function comparable(backup: Backup): unknown {
  const withoutId = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(withoutId)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => key !== 'id' || !('sync_id' in value))
        .map(([key, inner]) => [key, withoutId(inner)]),
    )
  }
  const { exported_at: _moment, ext, ...rest } = backup
  const { origin: _place, ...lossless } = ext ?? {}
  return withoutId({ ...rest, ext: lossless })
}

const lengthOf = (list: unknown): number => (Array.isArray(list) ? list.length : 0)

const exportAll = async (one: OpenedEngine): Promise<unknown> =>
  comparable(await one.caller.call('backup.export', { all_projects: true }))

/** What is this machine's alone: numbers of rows, who holds a lease, what was seen when. */
const localColumns: ReadonlySet<string> = new Set([
  'id',
  'number',
  'change_seq',
  'lease_until_ms',
  'agent_pid',
  'last_activity_ms',
])
const recordTables = ['sessions', 'observations', 'observation_versions', 'prompts', 'relations', 'tombstones']

/** Every row of every record, as it lies in the tables: what an export leaves out would be missing here. */
const logicalDump = (one: OpenedEngine): Readonly<Record<string, readonly string[]>> =>
  one.deps.store.read((tx) =>
    Object.fromEntries(
      recordTables.map((table) => [
        table,
        tx
          .all<Readonly<Record<string, unknown>>>(`SELECT * FROM ${table}`)
          .map((row) => JSON.stringify(Object.entries(row).filter(([column]) => keeps(table, column))))
          .sort(),
      ]),
    ),
  )

/** A session's own id is its name. */
const keeps = (table: string, column: string): boolean =>
  !localColumns.has(column) || (table === 'sessions' && column === 'id')

/** SQLite's own checks and the doctor's: `ok` when the file, the index and the rows agree. */
async function soundness(one: OpenedEngine): Promise<Readonly<Record<string, unknown>>> {
  while (!(await catchUp(one))) continue
  const integrity = one.deps.store.read((tx) => tx.get<{ integrity_check: string }>('PRAGMA integrity_check'))
  await one.deps.store.write((tx) => {
    for (const table of ['observation_fts', 'observation_grams', 'prompt_fts'])
      tx.run(`INSERT INTO ${table} (${table}) VALUES ('integrity-check')`)
  })
  const report = await one.caller.call('doctor.report', { check: 'integrity', all_projects: true })
  return { ...integrity, doctor: report.checks[0]?.result }
}

const fine = { integrity_check: 'ok', doctor: 'ok' }

describe('a restore drill', () => {
  it(
    `C7 ${records} records: export, wipe, import; the export is the same, and again after a second import`,
    async () => {
      const one = await open('first')
      const fillMs = performance.now()
      await fill(one)
      const exportMs = performance.now()
      const backup = await one.caller.call('backup.export', { all_projects: true })
      const file = join(place.root, 'export.json')
      writeFileSync(file, JSON.stringify(backup))
      const before = comparable(backup)
      const dump = logicalDump(one)
      await opened.pop()?.close()
      rmSync(join(place.root, 'first'), { recursive: true })
      const importMs = performance.now()
      const again = await open('second')
      const parsed = JSON.parse(JSON.stringify(backup)) as unknown
      const result = await again.caller.call('backup.import', { backup: parsed })
      const endMs = performance.now()
      const after = await exportAll(again)
      tellFigure({
        check: 'C7 export and import',
        seed,
        records: backup.observations.length + backup.prompts.length,
        versions: lengthOf(backup.ext?.['versions']),
        tombstones: lengthOf(backup.ext?.['tombstones']),
        relations: backup.relations?.length,
        bytes: statSync(file).size,
        saves_ms: exportMs - fillMs,
        export_ms: importMs - exportMs,
        import_ms: endMs - importMs,
        skipped: result.skipped.length,
      })
      expect(result.skipped).toEqual([])
      expect(after).toEqual(before)
      expect(logicalDump(again)).toEqual(dump)
      expect(await soundness(again)).toEqual(fine)
      await again.caller.call('backup.import', { backup: parsed })
      expect(await exportAll(again)).toEqual(before)
    },
    timeoutMs,
  )

  it(
    'C7, MEM-1004 copies of the file: made, verified, a damaged one refused, a sound one restored over what went wrong',
    async () => {
      const one = await open('first')
      for (let n = 1; n <= 200; n++) await callSave(one.caller, 1, wantedSave(1, n, (n % 17) / 17, ''))
      const before = await exportAll(one)
      const copy = await one.caller.call('backup.create', {})
      const verified = await one.caller.call('backup.verify', { path: copy.path })
      expect(verified).toMatchObject({ ok: true, problems: [], schema: copy.schema })

      const broken = join(place.root, 'broken.db')
      const { path: second } = await one.caller.call('backup.create', { path: broken })
      const damage = new Uint8Array(3 * 4_096).fill(0x5a)
      writeFileSync(second, damage, { flag: 'r+', flush: true })
      await expect(one.caller.call('backup.restore', { path: broken, confirmed: true })).rejects.toMatchObject({
        code: 'database_corrupt',
      })
      expect(await exportAll(one)).toEqual(before)

      for (let n = 300; n <= 320; n++) await callSave(one.caller, 2, wantedSave(2, n, 0.1, ''))
      expect(await exportAll(one)).not.toEqual(before)
      const { previous } = await one.caller.call('backup.restore', { path: copy.path, confirmed: true })
      await opened.pop()?.close()
      const again = await open('first')
      expect(await exportAll(again)).toEqual(before)
      expect(await soundness(again)).toEqual(fine)
      expect(await again.caller.call('backup.verify', { path: previous })).toMatchObject({ ok: true })
      await callSave(again.caller, 3, wantedSave(3, 1, 0.1, ''))
      expect(readdirSync(join(place.root, 'first')).filter((name) => name.endsWith('.tmp'))).toEqual([])
    },
    timeoutMs,
  )
})
