import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adopt } from '../../src/adopt.ts'
import { readConfig, type Config } from '../../src/cli/config.ts'
import { person } from '../../src/cli/testing/person.ts'
import { openEngine } from '../../src/open-engine.ts'
import { Syncer } from '../../src/sync/syncer.ts'

/** The schema as the Go program had it, by era; only what its readers and ours look at. */
const sessions =
  'CREATE TABLE sessions (id TEXT PRIMARY KEY, project TEXT, directory TEXT, started_at TEXT, ended_at TEXT, summary TEXT'
const observations =
  'CREATE TABLE observations (id INTEGER PRIMARY KEY, session_id TEXT, type TEXT, title TEXT, content TEXT, tool_name TEXT, project TEXT, scope TEXT, topic_key TEXT, normalized_hash TEXT, revision_count INT, duplicate_count INT, last_seen_at TEXT, created_at TEXT, updated_at TEXT, deleted_at TEXT'
const prompts =
  'CREATE TABLE user_prompts (id INTEGER PRIMARY KEY, session_id TEXT, content TEXT, project TEXT, created_at TEXT'
const journal =
  'CREATE TABLE sync_mutations (seq INTEGER PRIMARY KEY, entity TEXT, entity_key TEXT, op TEXT, payload TEXT, occurred_at TEXT, acked_at TEXT)'

const eras = {
  'v1.7': [`${sessions})`, `${observations})`, `${prompts})`],
  'v1.14+': [`${sessions})`, `${observations}, sync_id TEXT)`, `${prompts}, sync_id TEXT)`, journal],
  v3: [
    `${sessions}, ownership_mode TEXT)`,
    `${observations}, sync_id TEXT, review_after TEXT, pinned INT)`,
    `${prompts}, sync_id TEXT, source_inbox_id TEXT)`,
    journal,
    'CREATE TABLE memory_relations (sync_id TEXT, source_id TEXT, target_id TEXT, relation TEXT, judgment_status TEXT, confidence REAL, marked_by_actor TEXT, marked_by_kind TEXT, created_at TEXT, updated_at TEXT)',
  ],
} as const
type Era = keyof typeof eras

let directory: string
let config: Config

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'engram-adopt-'))
  const terminal = { environment: { ENGRAM_DATA_DIR: directory }, directory: '/', homeDir: directory }
  config = await readConfig(terminal, {}, { forServer: false })
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

const topics = ['tabs', 'tokens', 'harvest', 'prices', 'limits', 'parser', 'router', 'backup']

function goDatabase(era: Era): string {
  const path = join(directory, 'engram.db')
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  for (const statement of eras[era]) database.exec(statement)
  database.exec(
    `INSERT INTO sessions (id, project, directory, started_at) VALUES ('s1', 'acme', '/srv/acme', '2026-01-01 10:00:00')`,
  )
  const hasSyncId = era !== 'v1.7'
  for (const [index, topic] of topics.entries()) {
    const insert = database.prepare(
      `INSERT INTO observations (session_id, type, title, content, project, scope, normalized_hash, revision_count, duplicate_count, created_at, updated_at, deleted_at${hasSyncId ? ', sync_id' : ''})
       VALUES ('s1', 'decision', ?, ?, 'acme', ?, 'x', 2, 3, '2026-01-01 10:01:00', ?, ?${hasSyncId ? ', ?' : ''})`,
    )
    const deleted = topic === 'router' ? '2026-01-02 00:00:00' : null
    const scope = topic === 'backup' ? 'personal' : 'project'
    const values = [
      `How we treat ${topic}`,
      `The team settled the question of ${topic}.`,
      scope,
      `2026-01-01 10:0${index}:30`,
      deleted,
    ]
    insert.run(...values, ...(hasSyncId ? [`obs-${String(index).padStart(16, '0')}`] : []))
  }
  database.exec(
    `INSERT INTO user_prompts (session_id, content, project, created_at) VALUES ('s1', 'please settle it', 'acme', '2026-01-01 10:00:30')`,
  )
  if (hasSyncId) {
    database.exec(
      `INSERT INTO sync_mutations (entity, entity_key, op, payload, occurred_at) VALUES
         ('observation', 'obs-gone', 'delete', '{"hard_delete":true,"project":"acme"}', '2026-01-01 11:00:00'),
         ('observation', 'obs-sent', 'upsert', '{}', '2026-01-01 11:00:00')`,
    )
  }
  if (era === 'v3') {
    database.exec(`UPDATE observations SET pinned = 1, review_after = '2027-01-01 00:00:00' WHERE title LIKE '%tabs'`)
    database.exec(
      `INSERT INTO memory_relations VALUES ('rel-1', 'obs-0000000000000000', 'obs-0000000000000001', 'related', 'judged', 0.9, 'agent', 'agent', '2026-01-01 10:02:00', '2026-01-01 10:02:00')`,
    )
  }
  database.close()
  return path
}

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

describe('a database of the Go program', () => {
  it.each([
    ['v1.7', 'CREATE TABLE sync_chunks (chunk_id TEXT PRIMARY KEY, imported_at TEXT)', `('be9291f4', '')`],
    [
      'later',
      'CREATE TABLE sync_chunks (target_key TEXT, chunk_id TEXT, imported_at TEXT, PRIMARY KEY (target_key, chunk_id))',
      `('local', 'be9291f4', ''), ('cloud:acme', 'ffffffff', '')`,
    ],
  ])(
    'CHK-803 chunks it had read (%s) are known: opened once for their hash, not taken in again',
    async (_era, table, values) => {
      const samples = join(import.meta.dirname, '../golden/chunks/v3-plain')
      const database = new Database(goDatabase('v1.14+'))
      database.exec(table)
      database.exec(`INSERT INTO sync_chunks VALUES ${values}`)
      database.close()
      await adopt(config, { dryRun: false, path: undefined })
      const opened = await openEngine({ dataDir: directory })
      const syncer = new Syncer(opened, samples)
      expect(await syncer.status()).toMatchObject({ localChunks: 1, remoteChunks: 1, pendingImport: 0 })
      for (let run = 0; run < 2; run++) {
        expect(await syncer.import()).toMatchObject({ chunks_imported: 0, chunks_skipped: 1, observations_imported: 0 })
      }
      const known = opened.deps.store.read((tx) =>
        tx.all('SELECT remote <> ? AS named, id, length(hash) AS digits FROM chunk_index ORDER BY remote', ''),
      )
      expect(known).toEqual([
        { named: 0, id: 'be9291f4', digits: 0 },
        { named: 1, id: 'be9291f4', digits: 64 },
      ])
      await opened.close()
    },
  )

  it.each(Object.keys(eras) as Era[])('MEM-106 %s is read whole; the old file stays as it was', async (era) => {
    const before = hashOf(goDatabase(era))
    await expect(openEngine({ dataDir: directory })).rejects.toMatchObject({ code: 'go_database_found' })

    const dry = await adopt(config, { dryRun: true, path: undefined })
    expect(dry).toMatchObject({ adopted: false, counts: { sessions: 1, observations: 8, prompts: 1 } })
    expect(hashOf(join(directory, 'engram.db'))).toBe(before)

    const done = await adopt(config, { dryRun: false, path: undefined })
    expect(done).toMatchObject({ adopted: true, skipped: [], counts: { sessions: 1, observations: 8, prompts: 1 } })
    expect(hashOf(done.old_path ?? '')).toBe(before)
    expect(readdirSync(directory).filter((name) => name.startsWith('.adopt-'))).toEqual([])

    const opened = await openEngine({ dataDir: directory })
    const listed = await opened.caller.call('observation.list', { limit: 100 })
    expect(
      listed.map((one) => one.title.split(' ').at(-1)).toSorted((a, b) => String(a).localeCompare(String(b))),
    ).toEqual(topics.filter((topic) => topic !== 'router').toSorted((a, b) => a.localeCompare(b)))
    expect(listed.every((one) => one.revision_count === 2 && one.duplicate_count === 3)).toBe(true)
    for (const topic of topics.filter((one) => one !== 'router')) {
      const { hits } = await opened.caller.call('memory.search', {
        query: `what did we settle about ${topic}`,
        project: 'acme',
      })
      expect(hits[0]?.title).toBe(`How we treat ${topic}`)
    }
    if (era === 'v3') {
      expect(listed.find((one) => one.title.endsWith('tabs'))?.ext).toMatchObject({ pinned: true })
      expect((await opened.caller.call('relation.list', {})).total).toBe(1)
    }
    await opened.close()
  })

  it('MEM-106 a second run changes nothing', async () => {
    goDatabase('v3')
    await adopt(config, { dryRun: false, path: undefined })
    const before = hashOf(join(directory, 'engram.db'))
    expect(await adopt(config, { dryRun: false, path: undefined })).toMatchObject({ adopted: false })
    expect(hashOf(join(directory, 'engram.db'))).toBe(before)
  })

  it('MEM-106 a file another process writes to is left alone', async () => {
    const path = goDatabase('v1.14+')
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    await expect(adopt(config, { dryRun: false, path: undefined })).rejects.toMatchObject({ code: 'database_in_use' })
    other.exec('ROLLBACK')
    other.close()
  })

  it('MEM-106 nothing is put over a database that is ours', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'engram-adopt-ours-'))
    const opened = await openEngine({ dataDir: elsewhere })
    await opened.caller.call('observation.save', { title: 'mine', content: 'already here', project: 'acme' })
    await opened.close()
    const path = goDatabase('v3')
    const there = await readConfig(
      { environment: { ENGRAM_DATA_DIR: elsewhere }, directory: '/', homeDir: '/' },
      {},
      { forServer: false },
    )
    await expect(adopt(there, { dryRun: false, path })).rejects.toMatchObject({ code: 'conflict' })
    rmSync(elsewhere, { recursive: true, force: true })
  })
})

describe('engram setup where the Go program left its data', () => {
  const executable = [process.execPath, resolve(import.meta.dirname, '../../bin/engram.js')]
  const setUp = async (...words: readonly string[]) => {
    const somebody = person()
    mkdirSync(join(somebody.home, '.cursor'))
    try {
      const said = await somebody.say(['setup', 'cursor', ...words], {
        executable,
        environment: { ENGRAM_DATA_DIR: directory },
      })
      return { ...said, files: readdirSync(join(somebody.home, '.cursor')) }
    } finally {
      somebody.leave()
    }
  }

  it('MEM-106 MEM-1501 it is offered; nothing is set up and nothing is moved where nobody wants it', async () => {
    const path = goDatabase('v1.14+')
    const before = readFileSync(path)
    const said = await setUp('--yes')
    expect(said).toMatchObject({ code: 1, files: [] })
    expect(said.out).toContain('would adopt a database of v1.14+')
    expect(said.err).toMatch(/holds the data of the Go program; nothing was set up\..*--adopt/s)
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('MEM-106 MEM-1501 with --adopt it is moved in first, and the agent is set up and proved', async () => {
    goDatabase('v1.14+')
    const said = await setUp('--yes', '--adopt')
    expect(said).toMatchObject({ code: 0, files: ['hooks.json', 'mcp.json'] })
    expect(said.err).toMatch(/^Moved in: \d+ memories/)
    expect(readdirSync(directory).some((name) => /^engram-go-.*\.db$/.test(name))).toBe(true)
  })
})
