import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../platform/clock.ts'
import { seededRandom } from '../../platform/random.ts'
import type { Migration } from '../migrate.ts'
import { Store } from '../store.ts'
import type { ReadTx, WriteTx } from '../transaction.ts'
import { migrations } from './index.ts'

let dataDir = ''
const clock = new SimulatedClock(Date.UTC(2026, 4, 5, 6, 7, 8))
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'engram-migrations-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const newest = migrations.length
const olderSchemas = migrations.slice(0, -1).map(({ version }) => version)

const open = (steps: readonly Migration[] = migrations, at = dataDir): Store =>
  Store.open({ dataDir: at, migrations: steps, clock, random: seededRandom(1), program: 'engram test' })

async function withStore<T>(work: (store: Store) => Promise<T> | T, steps = migrations, at = dataDir): Promise<T> {
  const store = open(steps, at)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

type Column = { readonly name: string; readonly type: string; readonly pk: number }
type Reference = { readonly from: string; readonly table: string; readonly to: string }
type Value = string | number | Uint8Array
type Row = Readonly<Record<string, Value | null>>

/** Tables that hold rows of their own: no virtual ones, none that full text keeps behind it, not SQLite's own. */
const tablesOf = (tx: ReadTx): string[] =>
  tx
    .all<{ name: string }>(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name`)
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('sqlite_') && name !== 'schema_history')

const columnsOf = (tx: ReadTx, table: string): Column[] =>
  tx.all<Column>('SELECT name, type, pk FROM pragma_table_info(?)', table)

const rowsPerTable = 5

/** Rows for every table of the schema, whatever it is: each column holds a value of its type that names its place. */
function fillTables(tx: WriteTx): void {
  tx.run('PRAGMA defer_foreign_keys = ON')
  for (const table of tablesOf(tx)) {
    const references = tx.all<Reference>('SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)', table)
    const columns = columnsOf(tx, table)
    for (let number = 1; number <= rowsPerTable; number++) {
      const values = columns.map((column) => valueFor(table, column, references, number))
      const names = columns.map((column) => `"${column.name}"`).join(', ')
      tx.run(`INSERT INTO ${table} (${names}) VALUES (${columns.map(() => '?').join(', ')})`, ...values)
    }
  }
}

function valueFor(table: string, column: Column, references: readonly Reference[], number: number): Value {
  const reference = references.find(({ from }) => from === column.name)
  if (reference !== undefined) return `${reference.table}.${reference.to} ${number}`
  if (column.type === 'INTEGER') return 1_000 + number
  if (column.type === 'REAL') return number / 8
  if (column.type === 'BLOB') return new Uint8Array([number, 0, 255])
  return `${table}.${column.name} ${number}`
}

/** Every row of these tables, in these columns, as the schema they were written under had them. */
function contentsOf(
  tx: ReadTx,
  columns: ReadonlyMap<string, readonly string[]>,
): Readonly<Record<string, readonly Row[]>> {
  const entries = [...columns].map(([table, names]) => {
    const list = names.map((name) => `"${name}"`).join(', ')
    return [table, tx.all<Row>(`SELECT ${list} FROM ${table} ORDER BY ${list}`)] as const
  })
  return Object.fromEntries(entries)
}

const shapeOf = (tx: ReadTx): ReadonlyMap<string, readonly string[]> =>
  new Map(tablesOf(tx).map((table) => [table, columnsOf(tx, table).map(({ name }) => name)]))

const schemaOf = (tx: ReadTx): Row[] =>
  tx.all<Row>(
    `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY type, name`,
  )

const checks = (tx: ReadTx): readonly unknown[] => [
  tx.get('PRAGMA integrity_check'),
  tx.all('PRAGMA foreign_key_check'),
  tx.get('PRAGMA user_version'),
]
const sound = [{ integrity_check: 'ok' }, [], { user_version: newest }]

/** A database of an older schema with rows in every table; answers what they hold. */
async function makeOld(schema: number) {
  return withStore(
    async (store) => {
      await store.write(fillTables)
      return store.read((tx) => {
        const shape = shapeOf(tx)
        return { shape, contents: contentsOf(tx, shape) }
      })
    },
    migrations.slice(0, schema),
  )
}

describe('the schema steps', () => {
  it('MEM-105 are numbered 1, 2, 3 … and named', () => {
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, at) => at + 1))
    expect(new Set(migrations.map(({ name }) => name)).size).toBe(newest)
  })

  it('MEM-105 lead to one schema, whether taken at once or one program at a time', async () => {
    const atOnce = await withStore((store) => store.read(schemaOf))
    const stepwise = join(dataDir, 'stepwise')
    for (const { version } of migrations) await withStore(() => undefined, migrations.slice(0, version), stepwise)
    expect(await withStore((store) => store.read(schemaOf), migrations, stepwise)).toEqual(atOnce)
    expect(atOnce.length).toBeGreaterThan(20)
  })

  it.each(olderSchemas)(
    'MEM-105 schema %d with rows in every table: all are kept, the file is whole',
    async (schema) => {
      const old = await makeOld(schema)
      expect(Object.values(old.contents).every((rows) => rows.length >= rowsPerTable)).toBe(true)
      await withStore((store) => {
        expect(store.read((tx) => contentsOf(tx, old.shape))).toEqual(old.contents)
        expect(store.read(checks)).toEqual(sound)
        const history = store.read((tx) => tx.all('SELECT version, name, program FROM schema_history ORDER BY version'))
        expect(history).toEqual(migrations.map(({ version, name }) => ({ version, name, program: 'engram test' })))
      })
    },
  )

  it.each(olderSchemas)(
    'MEM-105 schema %d: the copy made before is of that schema, and holds the same rows',
    async (schema) => {
      const old = await makeOld(schema)
      await withStore(() => undefined)
      const [name = ''] = readdirSync(join(dataDir, 'backups'))
      expect([name, readdirSync(join(dataDir, 'backups')).length]).toEqual([`engram-${schema}-20260505T060708Z.db`, 1])
      const copy = Store.open({
        dataDir: join(dataDir, 'backups'),
        fileName: name,
        migrations: migrations.slice(0, schema),
        clock,
        random: seededRandom(1),
        readOnly: true,
      })
      expect(copy.read((tx) => contentsOf(tx, old.shape))).toEqual(old.contents)
      expect(copy.read((tx) => tx.get('PRAGMA user_version'))).toEqual({ user_version: schema })
      await copy.close()
    },
  )

  it.each([...olderSchemas, newest])(
    'MEM-105 schema %d, and a later step that fails: the old file works on, as it was',
    async (schema) => {
      const old = await makeOld(schema)
      const failing: Migration = {
        version: newest + 1,
        name: 'failing',
        up: (database) => {
          database.exec('CREATE TABLE half_done (id INTEGER PRIMARY KEY); DELETE FROM observations')
          throw new Error('this step fails')
        },
      }
      expect(() => open([...migrations, failing])).toThrow('this step fails')
      await withStore(
        async (store) => {
          expect(store.stats()).toMatchObject({ schema, mode: 'read-write' })
          expect(store.read((tx) => contentsOf(tx, old.shape))).toEqual(old.contents)
          await store.write((tx) => tx.run(`UPDATE meta SET value = 'changed' WHERE key = 'meta.key 1'`))
        },
        migrations.slice(0, schema),
      )
      await withStore((store) => expect(store.read(checks)).toEqual(sound))
    },
  )

  it('MEM-104 a file of the newest schema is not migrated again: no copy, the same rows', async () => {
    const old = await makeOld(newest)
    await withStore((store) => expect(store.read((tx) => contentsOf(tx, old.shape))).toEqual(old.contents))
    expect(readdirSync(dataDir)).not.toContain('backups')
  })
})
