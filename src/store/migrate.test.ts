import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { systemRandom } from '../platform/random.ts'
import { Connection } from './driver.ts'
import { type Migration, backupName, backupsToDrop, newestSchema } from './migrate.ts'
import { Store } from './store.ts'

const step = (version: number, up: Migration['up']): Migration => ({ version, name: `step ${version}`, up })

const one = step(1, (db) => {
  db.exec('CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent INTEGER REFERENCES parent (id))')
  db.run('INSERT INTO parent VALUES (?)', 7)
})
const two = step(2, (db) => db.exec('CREATE TABLE second (id); INSERT INTO second SELECT id FROM parent'))
const failing = step(3, (db) => {
  db.exec('DROP TABLE child; CREATE TABLE third (id)')
  throw new Error('no third')
})

let dataDir = ''
const clock = new SimulatedClock(Date.UTC(2026, 2, 4, 5, 6, 7))

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'migrate-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const open = (...migrations: Migration[]): Store => Store.open({ dataDir, migrations, clock, random: systemRandom })

async function schemaAfter(...migrations: Migration[]): Promise<unknown> {
  const store = open(...migrations)
  const tables = store.read((tx) => tx.all<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table'`))
  await store.close()
  return [store.stats().schema, tables.map((table) => table.name).filter((name) => name !== 'schema_history')]
}

const backups = (): string[] => readdirSync(join(dataDir, 'backups'))

describe('migrating', () => {
  it('MEM-105 a new file takes every step and needs no backup', async () => {
    expect(await schemaAfter(one, two)).toEqual([2, ['parent', 'child', 'second']])
    expect(readdirSync(dataDir)).not.toContain('backups')
  })

  it('MEM-105 a later step runs on what is there, behind a complete copy of it', async () => {
    await schemaAfter(one)
    expect(await schemaAfter(one, two)).toEqual([2, ['parent', 'child', 'second']])
    expect(backups()).toEqual(['engram-1-20260304T050607Z.db'])
    const path = join(dataDir, 'backups', 'engram-1-20260304T050607Z.db')
    const copy = Connection.open(path, { access: 'read-only', busyTimeoutMs: 0 })
    expect([copy.pragma('user_version'), copy.pragma('integrity_check'), copy.get('SELECT id FROM parent')]).toEqual([
      1,
      'ok',
      { id: 7 },
    ])
    copy.close()
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600')
  })

  it('MEM-105 a failing step leaves the file as it was, at work and for the older program too', async () => {
    await schemaAfter(one, two)
    expect(() => open(one, two, failing)).toThrow('no third')
    expect(await schemaAfter(one, two)).toEqual([2, ['parent', 'child', 'second']])
    expect(
      await schemaAfter(
        one,
        two,
        step(3, () => undefined),
      ),
    ).toEqual([3, ['parent', 'child', 'second']])
  })

  it('MEM-105 steps that fail together leave none of them behind', async () => {
    await schemaAfter(one)
    expect(() => open(one, two, failing)).toThrow('no third')
    expect(await schemaAfter(one)).toEqual([1, ['parent', 'child']])
  })

  it('MEM-105 a step may rebuild a table others refer to, but not leave them hanging', async () => {
    const fill = step(2, (db) => db.exec('INSERT INTO child VALUES (7)'))
    const rebuild = step(3, (db) =>
      db.exec(
        'CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p SELECT id FROM parent; DROP TABLE parent; ALTER TABLE p RENAME TO parent',
      ),
    )
    const empty = step(4, (db) => db.exec('DELETE FROM parent'))
    expect(await schemaAfter(one, fill, rebuild)).toEqual([3, ['child', 'parent']])
    expect(() => open(one, fill, rebuild, empty)).toThrow('refers to rows')
    expect(await schemaAfter(one, fill, rebuild)).toEqual([3, ['child', 'parent']])
  })

  it('MEM-105 a step that ends its transaction is a defect and is told so', () => {
    expect(() => open(step(1, (db) => db.exec('COMMIT')))).toThrow('ended its transaction')
  })

  it('MEM-105 a backup that cannot be made stops the migration', async () => {
    await schemaAfter(one)
    writeFileSync(join(dataDir, 'backups'), 'a file in the way')
    expect(() => open(one, two)).toThrow()
    expect(await schemaAfter(one)).toEqual([1, ['parent', 'child']])
  })

  it('MEM-105 the newest three backups stay, and what is not a backup stays too', async () => {
    mkdirSync(join(dataDir, 'backups'))
    const kept = [
      'engram-1-20260101T000000Z.db',
      'engram-9-20250101T000000Z.db',
      'engram-1-20250601T000000Z.db',
      'mine.db',
    ]
    for (const name of kept) writeFileSync(join(dataDir, 'backups', name), '')
    await schemaAfter(one)
    await schemaAfter(one, two)
    const expected = [
      'engram-1-20250601T000000Z.db',
      'engram-1-20260101T000000Z.db',
      'engram-1-20260304T050607Z.db',
      'mine.db',
    ]
    expect(backups().toSorted()).toEqual(expected)
  })

  it('MEM-105 names and retention', () => {
    expect(backupName(12, Date.UTC(2026, 11, 31, 23, 59, 59))).toBe('engram-12-20261231T235959Z.db')
    expect(backupsToDrop(['a', 'engram-1-20260101T000000Z.db'], 0)).toEqual(['engram-1-20260101T000000Z.db'])
  })

  it.each([[[two]], [[one, one]], [[step(0, () => undefined)]]])(
    'MEM-105 steps must be numbered 1, 2, 3 …',
    (steps) => {
      expect(() => newestSchema(steps)).toThrow('carries version')
    },
  )

  it('MEM-104 the program that last changed the schema is noted', async () => {
    const options = { dataDir, migrations: [one], clock, random: systemRandom }
    await Store.open({ ...options, program: 'engram 0.1.0' }).close()
    const store = Store.open({ ...options, program: 'engram 0.2.0' })
    expect(store.writtenBy).toBe('engram 0.1.0')
    await store.close()
  })
})
