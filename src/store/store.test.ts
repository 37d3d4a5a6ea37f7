import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngramError } from '../model/errors.ts'
import { systemClock } from '../platform/clock.ts'
import { systemRandom } from '../platform/random.ts'
import { applicationId } from './database-kind.ts'
import { Connection } from './driver.ts'
import type { Migration } from './migrate.ts'
import { Store, type StoreOptions } from './store.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'first',
    up: (db) => db.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)'),
  },
]

let root = ''
let dataDir = ''
const opened: Store[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'store-'))
  dataDir = join(root, 'data')
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  rmSync(root, { recursive: true, force: true })
})

function open(options: Partial<StoreOptions> = {}): Store {
  const store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom, ...options })
  opened.push(store)
  return store
}

const put = (store: Store, text: string): Promise<number> =>
  store.write((tx) => tx.run('INSERT INTO entry (text) VALUES (?)', text).lastId)

const textsOf = (store: Store): string[] =>
  store.read((tx) => tx.all<{ text: string }>('SELECT text FROM entry ORDER BY id').map((row) => row.text))

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    return error instanceof EngramError ? error.code : String(error)
  }
  return 'no failure'
}

/** Makes a database of somebody else's at the store's path. */
function makeForeign(sql: string, fileName = 'engram.db'): void {
  mkdirSync(dataDir, { recursive: true })
  const path = join(dataDir, fileName)
  writeFileSync(path, '')
  const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: 0 })
  connection.exec(sql)
  connection.close()
}

describe('opening', () => {
  it('MEM-101 makes the directory and the file for their owner alone', () => {
    const store = open()
    const modes = [dataDir, store.path].map((path) => (statSync(path).mode & 0o777).toString(8))
    expect(modes).toEqual(['700', '600'])
  })

  it('MEM-103, MEM-104 sets what the file and the connection need', () => {
    const store = open()
    const pragma = (name: string): unknown =>
      store.read((tx) => Object.values(tx.get<object>(`PRAGMA ${name}`) ?? {})[0])
    const wanted = {
      application_id: applicationId,
      user_version: 1,
      foreign_keys: 1,
      synchronous: 2,
      wal_autocheckpoint: 0,
      temp_store: 2,
      secure_delete: 1,
    }
    expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, pragma(name)]))).toEqual(wanted)
    expect(existsSync(`${store.path}-wal`)).toBe(true)
  })

  const goTables = 'CREATE TABLE observations (id); CREATE TABLE user_prompts (id); CREATE TABLE sessions (id);'
  it.each([
    ['the Go program’s', `PRAGMA journal_mode = WAL; ${goTables}`, 'go_database_found'],
    ['the Go program’s, not in WAL mode', goTables, 'go_database_found'],
    ['another program’s', 'CREATE TABLE notes (id);', 'foreign_database'],
    [
      'marked as another program’s',
      'PRAGMA application_id = 7; CREATE TABLE observations (id); CREATE TABLE sessions (id);',
      'foreign_database',
    ],
  ])('MEM-106 a database that is %s is refused and nothing is touched', async (_, sql, code) => {
    makeForeign(sql)
    const before = statSync(join(dataDir, 'engram.db'), { bigint: true })
    expect(await codeOf(() => open())).toBe(code)
    const after = statSync(join(dataDir, 'engram.db'), { bigint: true })
    expect([readdirSync(dataDir), after.mtimeNs, after.size]).toEqual([['engram.db'], before.mtimeNs, before.size])
  })

  it('MEM-106 tables of the Go program that stand in its WAL alone are seen', async () => {
    mkdirSync(dataDir)
    const path = join(dataDir, 'engram.db')
    writeFileSync(path, '')
    const other = Connection.open(path, { access: 'read-write', busyTimeoutMs: 0 })
    other.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${goTables}`)
    for (const name of ['engram.db', 'engram.db-wal']) copyFileSync(join(dataDir, name), join(root, name))
    other.close()
    const code = await codeOf(() => open({ dataDir: root }))
    expect(code).toBe('go_database_found')
  })

  it('MEM-106 a file that is no database is refused and kept', async () => {
    mkdirSync(dataDir)
    writeFileSync(join(dataDir, 'engram.db'), 'hello '.repeat(1_000))
    expect([await codeOf(() => open()), readdirSync(dataDir)]).toEqual(['not_a_database', ['engram.db']])
  })

  it('MEM-101 an empty file is taken as a new one', async () => {
    mkdirSync(dataDir)
    writeFileSync(join(dataDir, 'engram.db'), '')
    const store = open()
    await put(store, 'a')
    expect(textsOf(store)).toEqual(['a'])
  })

  it('MEM-104 a newer schema opens for reading only and says who wrote it', async () => {
    const second: Migration = { version: 2, name: 'second', up: (db) => db.exec('CREATE TABLE later (id)') }
    const newer = open({ migrations: [...migrations, second], program: 'engram 9.9.9' })
    await put(newer, 'a')
    await newer.close()
    const store = open()
    expect([store.mode, store.writtenBy, textsOf(store), store.stats().schema]).toEqual([
      'read-only',
      'engram 9.9.9',
      ['a'],
      2,
    ])
    expect(await codeOf(() => put(store, 'b'))).toBe('newer_schema')
  })

  it('S3 asked for reading only, it writes nothing and makes nothing', async () => {
    expect([await codeOf(() => open({ readOnly: true })), existsSync(dataDir)]).toEqual(['not_found', false])
    await put(open(), 'a')
    const store = open({ readOnly: true })
    expect([textsOf(store), await codeOf(() => put(store, 'b'))]).toEqual([['a'], 'read_only'])
  })

  it('S3 a data dir that is a file is a failure with a code', async () => {
    writeFileSync(dataDir, '')
    expect(await codeOf(() => open())).toBe('storage_failed')
  })
})

describe('transactions', () => {
  it('MEM-103 a write answers with its callback’s result, and is read back', async () => {
    const store = open()
    expect([await put(store, 'a'), await put(store, 'b'), textsOf(store)]).toEqual([1, 2, ['a', 'b']])
  })

  it('MEM-103 writes that wait together share commits; one that throws is undone alone', async () => {
    const store = open()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) =>
        store.write((tx) => {
          tx.run('INSERT INTO entry (text) VALUES (?)', `t${n}`)
          if (n % 3 === 0) throw new Error(`no ${n}`)
          return n
        }),
      ),
    )
    const kept = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [`t${outcome.value}`] : []))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))
    expect(textsOf(store)).toEqual(kept)
    expect([kept.length, refused.length, refused[1]]).toEqual([133, 67, 'Error: no 3'])
  })

  it('MEM-103 property: what resolved is there, what rejected is not, in the order given', async () => {
    const store = open()
    let round = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('ok', 'throw', 'duplicate', 'empty'), { maxLength: 90 }),
        async (kinds) => {
          round++
          const before = textsOf(store).length
          const outcomes = await Promise.allSettled(kinds.map((kind, n) => writeKind(store, kind, `${round}-${n}`)))
          const kept = kinds.flatMap((kind, n) => (kind === 'ok' ? [`${round}-${n}`] : []))
          expect(outcomes.map((outcome) => outcome.status === 'fulfilled')).toEqual(
            kinds.map((kind) => kind === 'ok' || kind === 'empty'),
          )
          expect(textsOf(store).slice(before)).toEqual(kept)
        },
      ),
      { numRuns: 40, seed: 20 },
    )
  })

  function writeKind(store: Store, kind: string, text: string): Promise<void> {
    return store.write((tx) => {
      if (kind === 'empty') return
      tx.run('INSERT INTO entry (text) VALUES (?)', text)
      if (kind === 'duplicate') tx.run('INSERT INTO entry (text) VALUES (?)', text)
      if (kind === 'throw') throw new Error('no')
    })
  }

  it('MEM-103 a callback that returns a promise does not compile, is refused and undone', async () => {
    const store = open()
    // @ts-expect-error a promise is no result
    const refused = await codeOf(() => store.write(async (tx) => tx.run(`INSERT INTO entry (text) VALUES ('a')`)))
    // @ts-expect-error a promise is no result
    const alsoRefused = await codeOf(() => store.read(async (tx) => tx.all('SELECT 1')))
    expect([refused, alsoRefused, textsOf(store)]).toEqual(['internal', 'internal', []])
  })

  it('MEM-103 a transaction is dead once its callback has returned', async () => {
    const store = open()
    let kept: ReadTx | undefined
    let keptWrite: WriteTx | undefined
    store.read((tx) => void (kept = tx))
    await store.write((tx) => void (keptWrite = tx))
    expect(await codeOf(() => kept?.all('SELECT 1'))).toBe('internal')
    expect(await codeOf(() => keptWrite?.run(`INSERT INTO entry (text) VALUES ('x')`))).toBe('internal')
  })

  it('MEM-103 a read cannot write, nor stand inside a write', async () => {
    const store = open()
    const insert = `INSERT INTO entry (text) VALUES ('x') RETURNING id`
    expect(await codeOf(() => store.read((tx) => tx.get(insert)))).toBe('internal')
    expect(await codeOf(() => store.write(() => store.read((tx) => tx.all('SELECT 1'))))).toBe('internal')
    expect(textsOf(store)).toEqual([])
  })

  it('MEM-103 a read is one snapshot, and a nested one shares it', async () => {
    const store = open()
    const other = open()
    await put(store, 'a')
    const seen = store.read((tx) => {
      const before = tx.all('SELECT 1 FROM entry').length
      const writer = Connection.open(other.path, { access: 'read-write', busyTimeoutMs: 0 })
      writer.run(`INSERT INTO entry (text) VALUES ('b')`)
      writer.close()
      return [
        before,
        tx.all('SELECT 1 FROM entry').length,
        store.read((inner) => inner.all('SELECT 1 FROM entry').length),
      ]
    })
    expect([seen, textsOf(store)]).toEqual([
      [1, 1, 1],
      ['a', 'b'],
    ])
  })

  it('MEM-103 rows left unread are let go with their transaction', async () => {
    const store = open()
    await store.write((tx) => void ['a', 'b', 'c'].map((text) => tx.run('INSERT INTO entry (text) VALUES (?)', text)))
    const first = store.read((tx) => tx.iterate<{ text: string }>('SELECT text FROM entry').next().value?.text)
    await put(store, 'd')
    expect([first, textsOf(store).length]).toEqual(['a', 4])
  })

  it('MEM-103 the same statement may run inside its own loop', async () => {
    const store = open()
    for (const text of ['a', 'b']) await put(store, text)
    const sql = 'SELECT text FROM entry ORDER BY id'
    const pairs = store.read((tx) => {
      const found: string[] = []
      for (const outer of tx.iterate<{ text: string }>(sql)) {
        for (const inner of tx.iterate<{ text: string }>(sql)) found.push(outer.text + inner.text)
      }
      return found
    })
    expect(pairs).toEqual(['aa', 'ab', 'ba', 'bb'])
  })

  it('MEM-103 whole numbers are bound as integers, others as they are', () => {
    const types = open().read((tx) =>
      tx.get(
        'SELECT typeof(?) a, typeof(?) b, typeof(?) c, typeof(?) d, typeof(?) e',
        5,
        5e9,
        0.5,
        7n,
        new Uint8Array(2),
      ),
    )
    expect(types).toEqual({ a: 'integer', b: 'integer', c: 'real', d: 'integer', e: 'blob' })
  })

  it('MEM-103 the durability asked for is the one of the commit', async () => {
    const store = open()
    const level = (durability?: 'full' | 'normal'): Promise<unknown> =>
      store.write(
        (tx) => tx.get<{ synchronous: number }>('PRAGMA synchronous')?.synchronous,
        durability && { durability },
      )
    expect([await level(), await level('normal'), await level('full')]).toEqual([2, 1, 2])
    expect(await Promise.all([level('normal'), level('full')])).toEqual([2, 2])
  })

  it('MEM-103 closing answers what waits and takes no more', async () => {
    const store = open()
    const waiting = Promise.all([put(store, 'a'), put(store, 'b')])
    await store.close()
    expect(await waiting).toEqual([1, 2])
    expect([await codeOf(() => put(store, 'c')), await codeOf(() => textsOf(store))]).toEqual([
      'store_closed',
      'store_closed',
    ])
    expect(readdirSync(join(dataDir, 'queue'))).toEqual([])
  })

  it('MEM-103 two stores of one file write in turn', async () => {
    const [one, two] = [open(), open()]
    await Promise.all(
      [one, two].map(async (store, s) => {
        for (let n = 0; n < 100; n++) await put(store, `${s}-${n}`)
      }),
    )
    expect(textsOf(one).length).toBe(200)
  })

  it('MEM-103 a lock held by a program that does not queue is waited for; held too long it is storage_busy', async () => {
    const hurried = { ...systemClock, monotonicMs: () => performance.now() * 20 }
    const store = open({ clock: hurried })
    const other = Connection.open(store.path, { access: 'read-write', busyTimeoutMs: 0 })
    other.exec('BEGIN IMMEDIATE')
    const saved = put(store, 'a')
    await systemClock.sleep(50)
    expect([store.stats().waiting, textsOf(store)]).toEqual([1, []])
    other.exec('COMMIT')
    await saved
    other.exec('BEGIN IMMEDIATE')
    expect(await codeOf(() => put(store, 'b'))).toBe('storage_busy')
    other.exec('ROLLBACK')
    await put(store, 'c')
    expect(textsOf(store)).toEqual(['a', 'c'])
    other.close()
  })
})

describe('a file that is replaced', () => {
  it('MEM-108 by one of ours is opened anew, and its WAL stays', async () => {
    const store = open()
    await put(store, 'old')
    const next = open({ dataDir: join(root, 'next') })
    await put(next, 'new')
    await next.close()
    for (const suffix of ['', '-wal', '-shm']) renameSync(`${store.path}${suffix}`, `${store.path}.away${suffix}`)
    renameSync(next.path, store.path)
    const third = open()
    await put(third, 'third')
    expect(textsOf(store)).toEqual(['new', 'third'])
    await put(store, 'newer')
    expect(textsOf(third)).toEqual(['new', 'third', 'newer'])
  })

  it('MEM-108 beside the WAL of the old one is refused: the two would be mixed', async () => {
    const store = open()
    await put(store, 'old')
    const next = open({ dataDir: join(root, 'next') })
    await next.close()
    renameSync(next.path, store.path)
    expect(await codeOf(() => put(store, 'x'))).toBe('database_generation_changed')
  })

  it('MEM-108 by a stranger, or removed, is refused and not made again', async () => {
    const store = open()
    await put(store, 'a')
    makeForeign('CREATE TABLE notes (id)', 'notes.db')
    renameSync(store.path, join(root, 'away.db'))
    expect([await codeOf(() => put(store, 'b')), existsSync(store.path)]).toEqual([
      'database_generation_changed',
      false,
    ])
    renameSync(join(dataDir, 'notes.db'), store.path)
    expect(await codeOf(() => put(store, 'b'))).toBe('database_generation_changed')
    expect(await codeOf(() => textsOf(store))).toBe('database_generation_changed')
    renameSync(join(root, 'away.db'), store.path)
    await put(store, 'c')
    expect(textsOf(store)).toEqual(['a', 'c'])
  })
})
