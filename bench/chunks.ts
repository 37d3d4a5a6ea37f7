import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { normalisedHash } from '../src/engine/rules/dedupe.ts'
import { hlcAt } from '../src/model/hlc.ts'
import { formatTime } from '../src/model/times.ts'
import { openEngine, type OpenedEngine } from '../src/open-engine.ts'
import { nextChangeSeq } from '../src/store/change-clock.ts'
import { insertObservation } from '../src/store/observations.ts'
import { insertSession } from '../src/store/sessions.ts'
import type { SqlValue } from '../src/store/sql-value.ts'
import { Syncer } from '../src/sync/syncer.ts'
import { benchOptions, report, temporaryDirectory, timed, timedAsync, type Figure } from './harness.ts'
import { inventMemory, randomFrom } from './invented-text.ts'

/** What it costs to carry a memory through chunks: all of it once, nothing, and a little more each day. */
const options = benchOptions()
const total = options.quick ? 20_000 : 100_000
const startMs = Date.UTC(2026, 0, 5)
const figures: Figure[] = []

type Bare = { readonly title: string; readonly content: string; readonly type: string; readonly sync_id: string }
const rows: Bare[] = []

async function fill(opened: OpenedEngine): Promise<void> {
  const random = randomFrom(7)
  for (let from = 0; from < total; from += 5_000) {
    await opened.deps.store.write((tx) => {
      for (let number = from; number < Math.min(total, from + 5_000); number++) {
        const session = `s-${Math.floor(number / 200)}`
        if (number % 200 === 0) insertSession(tx, sessionRow(session, number, nextChangeSeq(tx)))
        const memory = inventMemory(random, number)
        const syncId = `obs-${number.toString(16).padStart(16, '0')}`
        rows.push({ ...memory, sync_id: syncId })
        insertObservation(tx, observationRow(memory, syncId, session, number, nextChangeSeq(tx)))
      }
    })
  }
}

const sessionRow = (id: string, number: number, changeSeq: number): Parameters<typeof insertSession>[1] => ({
  id,
  project: 'bench',
  ownership_mode: 'shared',
  directory: '/home/user/bench',
  started_at: formatTime(startMs + number * 1_000),
  ended_at: null,
  summary: null,
  summary_by: null,
  agent: 'ana',
  ended_by: null,
  isolated: 0,
  lease_until_ms: 0,
  agent_pid: null,
  last_activity_ms: startMs,
  hlc: hlcAt(startMs + number * 1_000),
  origin: '0123456789abcdef',
  change_seq: changeSeq,
})

function observationRow(
  memory: { readonly title: string; readonly content: string; readonly type: string },
  syncId: string,
  session: string,
  number: number,
  changeSeq: number,
): Parameters<typeof insertObservation>[1] {
  const at = formatTime(startMs + number * 1_000)
  return {
    ...memory,
    sync_id: syncId,
    session_id: session,
    tool_name: null,
    project: 'bench',
    scope: 'project',
    topic_key: null,
    normalized_hash: normalisedHash(memory.content),
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    review_after: null,
    expires_at: null,
    created_at: at,
    updated_at: at,
    deleted_at: null,
    pinned: 0,
    author: 'ana',
    confidence: null,
    provenance: null,
    version: number.toString(16).padStart(32, '0'),
    ancestors: '[]',
    hlc: hlcAt(startMs + number * 1_000),
    origin: '0123456789abcdef',
    change_seq: changeSeq,
  }
}

/** Stringify and gzip of the same rows, on this one thread, in pieces of 4 MiB. */
function bareExport(opened: OpenedEngine): { readonly ms: number; readonly bytes: number } {
  let bytes = 0
  const ms = timed(() => {
    opened.deps.store.read((tx) => {
      let text = ''
      const pack = (): void => {
        bytes += text.length
        gzipSync(text, { level: 6 })
        text = ''
      }
      for (const row of tx.iterate<object>('SELECT * FROM observations')) {
        text += JSON.stringify(row)
        if (text.length > 4 * 1024 * 1024) pack()
      }
      pack()
    })
  })
  return { ms, bytes }
}

/** The same texts into a table and a full-text index, nothing else, one transaction each 5,000. */
function bareImport(path: string): number {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = NORMAL')
  database.exec(`CREATE TABLE o (id INTEGER PRIMARY KEY, sync_id TEXT UNIQUE, type TEXT, title TEXT, content TEXT);
    CREATE VIRTUAL TABLE f USING fts5 (title, content, content='', tokenize='porter unicode61')`)
  const row = database.prepare('INSERT INTO o (sync_id, type, title, content) VALUES (?, ?, ?, ?)')
  const words = database.prepare('INSERT INTO f (rowid, title, content) VALUES (?, ?, ?)')
  const ms = timed(() => {
    for (let from = 0; from < rows.length; from += 5_000) {
      database.exec('BEGIN')
      for (const one of rows.slice(from, from + 5_000)) {
        const { lastInsertRowid } = row.run(one.sync_id, one.type, one.title, one.content)
        words.run(lastInsertRowid, one.title, one.content)
      }
      database.exec('COMMIT')
    }
  })
  database.close()
  return ms
}

/** The same rows into tables of the same shape, their own words into an index of the same shape, nothing else. */
function bareSameTables(from: OpenedEngine, directory: string): number {
  const path = join(directory, 'engram.db')
  const names = Object.keys(from.deps.store.read((tx) => tx.get<object>('SELECT * FROM observations')) ?? {})
  const all = from.deps.store.read((tx) => tx.all<Readonly<Record<string, SqlValue>>>('SELECT * FROM observations'))
  const sessions = from.deps.store.read((tx) => tx.all<Readonly<Record<string, SqlValue>>>('SELECT * FROM sessions'))
  const database = new Database(path)
  for (const pragma of ['synchronous = NORMAL', 'wal_autocheckpoint = 0', 'secure_delete = ON']) database.pragma(pragma)
  const insert = (table: string, columns: readonly string[]): Database.Statement =>
    database.prepare(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')})`,
    )
  const row = insert('observations', names)
  const session = insert('sessions', Object.keys(sessions[0] ?? {}))
  const words = database.prepare(
    `INSERT INTO observation_fts (rowid, facet, title, content, keys, before, after, day)
     VALUES (?, 'fp1 fsp', ?, ?, '', '', '', 'monday 5 january 2026')`,
  )
  const ms = timed(() => {
    for (let from = 0; from < all.length; from += 5_000) {
      database.exec('BEGIN')
      if (from === 0) for (const one of sessions) session.run(one)
      for (const one of all.slice(from, from + 5_000)) {
        row.run(one)
        words.run(one['id'], one['title'], one['content'])
      }
      database.exec('COMMIT')
    }
  })
  database.close()
  return ms
}

const figure = (name: string, value: number, unit: string, more: Partial<Figure> = {}): Figure => ({
  name,
  value,
  unit,
  baseline: null,
  baselineName: '',
  durability: '',
  goal: '',
  ...more,
})

const megabytesPerSecond = (bytes: number, ms: number): number => bytes / 1e6 / (ms / 1_000)

/** Highest resident memory above where it stood, while the work runs. */
async function peakOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 5)
  await work()
  clearInterval(timer)
  return (Math.max(peak, process.memoryUsage.rss()) - before) / 1024 / 1024
}

const place = temporaryDirectory()
const open = (name: string): Promise<OpenedEngine> =>
  openEngine({ dataDir: join(place.path, name), settings: { durability: 'normal' } })
const author = await open('author')
await fill(author)
const syncDir = join(place.path, 'sync')
const out = new Syncer(author, syncDir)

const bare = bareExport(author)
let exportMs = 0
const peakMiB = await peakOf(async () => {
  exportMs = await timedAsync(() => out.export('ana', 'bench'))
})
figures.push(
  figure(`export ${total}`, megabytesPerSecond(bare.bytes, exportMs), 'MB/s', {
    baseline: megabytesPerSecond(bare.bytes, bare.ms),
    baselineName: 'stringify + gzip',
    durability: 'disk',
    goal: '≥ 60 % of bare',
  }),
  figure('export, time', exportMs, 'ms', {
    baseline: bare.ms,
    baselineName: 'stringify + gzip',
    durability: 'disk',
    goal: 'G13',
  }),
  figure('export, peak memory above', peakMiB, 'MiB', { goal: 'G13: ≤ 64 MiB' }),
)
const nothing = [1, 2, 3].map(() => timedAsync(() => out.export('ana', 'bench')))
for (const one of nothing) await one
figures.push(
  figure('export of nothing new', await timedAsync(() => out.export('ana', 'bench')), 'ms', {
    goal: '≤ 50 ms at 100k, no chunk touched',
  }),
)
for (const changes of [1, 10, 100, 1_000]) {
  await author.deps.store.write((tx) => {
    for (let number = 0; number < changes; number++) {
      tx.run(
        'UPDATE observations SET change_seq = ?, content = content || ? WHERE id = ?',
        nextChangeSeq(tx),
        ' more',
        number + 1,
      )
    }
  })
  figures.push(figure(`export of ${changes} changed`, await timedAsync(() => out.export('ana', 'bench')), 'ms'))
}

const bareImportMs = bareImport(join(place.path, 'bare.db'))
await (await open('same')).close()
const sameTablesMs = bareSameTables(author, join(place.path, 'same'))
const reader = await open('reader')
const input = new Syncer(reader, syncDir)
let importMs = 0
const importPeakMiB = await peakOf(async () => {
  importMs = await timedAsync(() => input.import())
})
figures.push(
  figure(`import ${total}`, megabytesPerSecond(bare.bytes, importMs), 'MB/s', {
    baseline: megabytesPerSecond(bare.bytes, bareImportMs),
    baselineName: 'insert + full text',
    durability: 'os',
    goal: '≥ 60 % of bare',
  }),
  figure('import, time', importMs, 'ms', {
    baseline: bareImportMs,
    baselineName: 'insert + full text',
    durability: 'os',
    goal: 'G12',
  }),
  figure('import, beside the same tables', importMs, 'ms', {
    baseline: sameTablesMs,
    baselineName: 'insert + full text, same tables',
    durability: 'os',
  }),
  figure('import, peak memory above', importPeakMiB, 'MiB'),
  figure('import of nothing new', await timedAsync(() => input.import()), 'ms', { goal: '< 30 ms' }),
  figure('export after import', await timedAsync(() => input.export('bo', 'bench')), 'ms', {
    goal: 'nothing goes back',
  }),
)
const again = new Syncer(reader, join(place.path, 'sync'))
cpSync(syncDir, join(place.path, 'twin'), { recursive: true })
const twin = new Syncer(reader, join(place.path, 'twin'))
figures.push(
  figure('the same chunks through another folder', await timedAsync(() => twin.import()), 'ms', {
    goal: 'G12: ≤ 350 ms',
  }),
)
figures.push(figure('status', await timedAsync(() => again.status('bench')), 'ms', { goal: '< 50 ms' }))

await author.close()
await reader.close()
place.remove()
report('chunks', figures, options, { observations: total })
