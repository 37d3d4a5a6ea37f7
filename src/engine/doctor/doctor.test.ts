import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../../api/operations.ts'
import { rebuildIndex } from '../../search/indexer.ts'
import { changesAfter } from '../sync-changes.ts'
import { Connection } from '../../store/driver.ts'
import { sessionById } from '../../store/sessions.ts'
import { openTestEngine, type TestEngine } from '../testing/test-engine.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

const day = 86_400_000
/** Put together here, so that no scanner takes this file for a leak. */
const token = ['ghp', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6'].join('_')

let texts = 0
async function save(more: Partial<Input<'observation.save'>> = {}): Promise<number> {
  const content = `Content ${++texts}`
  const saved = await test.engine.call('observation.save', { project: 'acme', title: `T${texts}`, content, ...more })
  return saved.id ?? 0
}
const start = (id: string, more: Partial<Input<'session.start'>> = {}) =>
  test.engine.call('session.start', { id, project: 'acme', directory: '/srv/acme', ...more })
/** Changes the file behind the engine's back, as another program or a fault does. */
const sql = (text: string, ...values: (string | number)[]) =>
  test.deps.store.write((tx) => tx.run(text, ...values).changes)
const report = (input: Input<'doctor.report'> = {}) => test.engine.call('doctor.report', input)
const check = async (id: string) => (await report({ check: id })).checks[0]
const repair = (id: string, mode: Input<'doctor.repair'>['mode']) =>
  test.engine.call('doctor.repair', { check: id, mode })
const backups = (): string[] => {
  try {
    return readdirSync(join(test.directory, 'backups'))
  } catch {
    return []
  }
}

/** Each check with a fault that only it is for. */
const faults: readonly (readonly [id: string, plant: () => Promise<unknown>, finding: object])[] = [
  [
    'integrity',
    async () => {
      const id = await save()
      await sql('DELETE FROM observation_fts WHERE rowid = ?', id)
    },
    { kind: 'not_indexed', id: 1 },
  ],
  [
    'integrity',
    async () => {
      await save()
      await sql(`INSERT INTO observation_fts (rowid, title) VALUES (99, 'x')`)
    },
    { kind: 'indexed_without_record', id: 99 },
  ],
  [
    'integrity',
    async () => {
      await test.engine.call('prompt.save', { project: 'acme', content: 'x' })
      await sql('DELETE FROM prompt_fts')
    },
    { kind: 'prompt_not_indexed', id: 1 },
  ],
  [
    'integrity',
    async () => {
      await save({ content: 'The pool holds ten.' })
      await sql(`UPDATE observations SET content = 'The pool holds hen.'`)
    },
    { kind: 'content_changed', id: 1 },
  ],
  [
    'integrity',
    async () => {
      await save({ title: 'Bool size' })
      await sql(`UPDATE observations SET title = 'Pool size'`)
    },
    { kind: 'fields_changed', id: 1 },
  ],
  [
    'integrity',
    async () => {
      await test.engine.call('observation.update', { id: await save({ content: 'Nine.' }), content: 'Ten.' })
      await sql(`UPDATE observation_versions SET snapshot = replace(snapshot, 'Nine.', 'Mine.')`)
    },
    { kind: 'content_changed' },
  ],
  [
    'integrity',
    async () => {
      await test.engine.call('observation.update', { id: await save({ title: 'Old' }), title: 'New' })
      await sql(`UPDATE observation_versions SET snapshot = replace(snapshot, '"Old"', '"Odd"')`)
    },
    { kind: 'fields_changed' },
  ],
  [
    'integrity',
    async () => {
      await test.engine.call('observation.update', { id: await save({ title: 'Old' }), title: 'New' })
      await sql(`UPDATE observation_versions SET snapshot = substr(snapshot, 2)`)
    },
    { kind: 'state_unreadable' },
  ],
  ['integrity', () => sql(versionSql, 'obs-gone', 'v1', 0), { kind: 'version_without_record', sync_id: 'obs-gone' }],
  [
    'integrity',
    async () => {
      const id = await save()
      await test.engine.call('observation.update', { id, title: 'New' })
      await sql('UPDATE observation_versions SET head = 1')
    },
    { kind: 'head_is_contained' },
  ],
  ['spool_backlog', () => spool('01HZZZZZZZZZZZZZZZZZZZZZ01.json'), { kind: 'waiting' }],
  ['spool_backlog', () => spool('01HZZZZZZZZZZZZZZZZZZZZZ01.json.bad'), { kind: 'unreadable' }],
  ['hook_times', () => spool('01HZZZZZZZZZZZZZZZZZZZZZ01.json.bad', 'hooks/waiting'), { kind: 'unreadable' }],
  [
    'disk_and_wal_size',
    async () => {
      await save()
      truncateSync(`${test.deps.store.path}-wal`, 200 * 1024 * 1024)
    },
    { wal_bytes: 200 * 1024 * 1024 },
  ],
  [
    'session_project_directory_mismatch',
    async () => {
      await start('right')
      await start('wrong', { project: 'beta' })
    },
    { session_id: 'wrong', expected: 'acme' },
  ],
  [
    'manual_session_name_project_mismatch',
    async () => {
      await save()
      await sql(`UPDATE sessions SET project = 'beta'`)
    },
    { session_id: 'manual-save-acme', named: 'acme', project: 'beta' },
  ],
  [
    'ambiguous_active_runtime_sessions',
    async () => {
      await start('a')
      await start('b')
    },
    { directory: '/srv/acme', sessions: 2 },
  ],
  [
    'stale_open_sessions',
    async () => {
      await start('old')
      test.clock.advance(31 * day)
    },
    { session_id: 'old' },
  ],
  ['invalid_session_identity', () => start('x').then(() => sql(`UPDATE sessions SET id = ' '`)), { session_id: ' ' }],
  [
    'unowned_session_project',
    async () => {
      await save()
      await sql(`UPDATE sessions SET project = ''`)
    },
    { session_id: 'manual-save-acme', observations: 1 },
  ],
  [
    'orphaned_observation_session',
    async () => {
      await save()
      const raw = Connection.open(test.deps.store.path, { access: 'read-write', busyTimeoutMs: 0 })
      raw.pragma('foreign_keys = OFF')
      raw.run(`UPDATE observations SET session_id = 'gone'`)
      raw.close()
    },
    { entity: 'observation', session_id: 'gone' },
  ],
  [
    'sync_mutation_required_fields',
    async () => {
      await save({ content: 'The first line\nmore' })
      await sql(`UPDATE observations SET title = ' '`)
    },
    { id: 1, missing: 'title' },
  ],
  [
    'invalid_timestamp',
    async () => {
      await save()
      await sql(`UPDATE observations SET created_at = 'yesterday'`)
    },
    { field: 'created_at', text: 'yesterday' },
  ],
  [
    'duplicate_observations',
    async () => {
      await save({ content: 'One' })
      await save({ content: 'Two' })
      await sql(`UPDATE observations SET content = 'One', title = 'Same', normalized_hash = 'h'`)
    },
    { kept: 1, copies: 2 },
  ],
  [
    'open_conflicts',
    () =>
      sql(`INSERT INTO observation_conflicts (id, kind, sync_id, heads, detected_at)
           VALUES ('cfl-1', 'edit', 'obs-1', '[]', '2026-01-01 00:00:00')`),
    { id: 'cfl-1' },
  ],
  [
    'deferred_rows',
    () =>
      sql(`INSERT INTO deferred (sync_id, entity, payload, apply_status, last_attempted_at, first_seen_at)
           VALUES ('rel-1', 'relation', '{}', 'deferred', '', '')`),
    { sync_id: 'rel-1' },
  ],
  [
    'clock_skew',
    async () => {
      await save()
      test.clock.set(Date.UTC(2025, 0, 1))
    },
    { id: 1 },
  ],
  [
    'stored_secrets',
    async () => {
      await save()
      await sql('UPDATE observations SET content = ?', `The key is ${token}`)
    },
    { entity: 'observation', id: 1, kinds: ['github'] },
  ],
]

const versionSql = `INSERT INTO observation_versions
  (sync_id, version, parents, fingerprint, snapshot, hlc, origin, head, captured_at)
  VALUES (?, ?, '[]', '', '', '', '', ?, '')`

function spool(name: string, folder = 'spool'): Promise<void> {
  mkdirSync(join(test.directory, folder), { recursive: true })
  writeFileSync(join(test.directory, folder, name), '{}')
  return Promise.resolve()
}

describe('checks', () => {
  it('MEM-1101 nothing is found in a store that is well', async () => {
    await start('s', { directory: '/srv/acme' })
    await save({ session_id: 's' })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 's', content: 'Do this' })
    const found = await report()
    expect(found.checks.filter((one) => one.result !== 'ok').map((one) => [one.check_id, one.message])).toEqual([])
    expect(found).toMatchObject({ status: 'ok', project: '', summary: { total: 19, ok: 19, warnings: 0, errors: 0 } })
    expect([...new Set(faults.map(([id]) => id)), 'sqlite_lock_contention'].sort()).toEqual(
      found.checks.map((one) => one.check_id).sort(),
    )
  })

  it.each(faults)('MEM-1102 %s goes red (%#)', async (id, plant, finding) => {
    expect(await check(id)).toMatchObject({ check_id: id, result: 'ok', severity: 'info', findings: [] })
    await plant()
    const found = await check(id)
    expect(found?.result).not.toBe('ok')
    expect(found).toMatchObject({ reason_code: id, findings: [expect.objectContaining(finding)] })
    expect(found?.safe_next_step).not.toBe('Nothing to do.')
  })

  it('MEM-1102 sqlite_lock_contention: somebody holds the lock', async () => {
    const other = Connection.open(test.deps.store.path, { access: 'read-write', busyTimeoutMs: 0 })
    other.run('BEGIN IMMEDIATE')
    expect(await check('sqlite_lock_contention')).toMatchObject({ result: 'warning', findings: [{ gave_up: true }] })
    other.run('ROLLBACK')
    other.close()
    expect(await check('sqlite_lock_contention')).toMatchObject({ result: 'ok' })
  })

  it('MEM-1102 a damaged page is found, and nothing is repaired by guessing', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'engram-damage-'))
    try {
      const before = openTestEngine({ dataDir })
      await before.engine.call('observation.save', { project: 'acme', title: 'T', content: 'Content' })
      const root = before.deps.store.read((tx) =>
        tx.get<{ page: number }>(`SELECT rootpage AS page FROM sqlite_schema WHERE name = 'observations_by_hash'`),
      )
      await before.close()
      const file = openSync(join(dataDir, 'engram.db'), 'r+')
      writeSync(file, new Uint8Array(4_096).fill(0xaa), 0, 4_096, ((root?.page ?? 0) - 1) * 4_096)
      closeSync(file)
      const after = openTestEngine({ dataDir })
      const found = await after.engine.call('doctor.report', { check: 'integrity' })
      expect(found).toMatchObject({ status: 'error', checks: [{ result: 'error', reason_code: 'integrity' }] })
      expect(found.checks[0]?.findings[0]).toMatchObject({ kind: 'file' })
      const plan = await after.engine.call('doctor.repair', { check: 'integrity', mode: 'apply' })
      expect(plan).toMatchObject({ status: 'noop', counts: { actions: 0 } })
      await after.close()
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })

  it('MEM-1101 the report is read-only', async () => {
    await save()
    const dump = () => test.deps.store.read((tx) => tx.all('SELECT * FROM meta ORDER BY key'))
    const before = dump()
    await report()
    expect(dump()).toEqual(before)
    expect(backups()).toEqual([])
  })

  it('MEM-1101 one project at a time; an unknown check is an error', async () => {
    await start('old')
    await start('other', { project: 'beta', directory: '/srv/beta' })
    test.clock.advance(31 * day)
    const found = await report({ project: 'beta', check: 'stale_open_sessions' })
    expect(found).toMatchObject({ project: 'beta', checks: [{ findings: [{ session_id: 'other' }] }] })
    await expect(report({ check: 'nonsense' })).rejects.toMatchObject({ code: 'unknown_check' })
  })

  it('MEM-1101 a check that cannot run is an error of its own, and stops no other', async () => {
    await sql('DROP TABLE deferred')
    const found = await report()
    expect(found.checks.filter((one) => one.result === 'error')).toMatchObject([
      { check_id: 'deferred_rows', reason_code: 'check_failed' },
    ])
    expect(found.checks).toHaveLength(19)
  })

  it('MEM-1702 secrets are looked for in versions, prompts and summaries too, and never told', async () => {
    const id = await save()
    await test.engine.call('observation.update', { id, title: 'New' })
    await test.engine.call('prompt.save', { project: 'acme', content: 'x' })
    await sql('UPDATE observation_versions SET snapshot = json_set(snapshot, ?, ?)', '$.content', `is ${token}`)
    await sql('UPDATE prompts SET content = ?', `is ${token}`)
    await sql('UPDATE sessions SET summary = ?', `is ${token}`)
    const found = await check('stored_secrets')
    expect(found?.findings.map((one) => one['entity'])).toEqual(['version', 'prompt', 'session'])
    expect(JSON.stringify(found)).not.toContain(token)
  })
})

describe('what no export takes', () => {
  it('CHK-509 is what the doctor lists, whatever counts as blank', async () => {
    for (const content of ['one', 'two', 'three', 'four', 'five']) await save({ content, title: content })
    await sql(`UPDATE observations SET title = char(9) || char(160) WHERE id = 1`)
    await sql(`UPDATE observations SET content = char(8195) || char(65279) WHERE id = 2`)
    await sql(`UPDATE observations SET type = '', deleted_at = updated_at WHERE id = 3`)
    await sql(`UPDATE observations SET content = char(8203) WHERE id = 4`)
    await test.engine.call('prompt.save', { content: 'asked', session_id: 's1' })
    await sql(`UPDATE prompts SET content = char(10)`)
    const all = { project: null, includePersonal: true, withAuto: 'all' } as const
    const { records, withheld } = test.deps.store.read((tx) => changesAfter(tx, test.deps, '', all, 0, 1_000))
    expect(withheld).toMatchObject({ invalid: 4 })
    const left = records.flatMap((record) => (record.entity === 'observation' ? [record.row.id] : []))
    expect(new Set(left)).toEqual(new Set([4, 5]))
    expect((await check('sync_mutation_required_fields'))?.findings).toMatchObject([
      { id: 1, missing: 'title' },
      { id: 2, missing: 'content' },
      { id: 3, missing: 'type' },
      { entity: 'prompt', missing: 'content' },
    ])
  })
})

describe('repairs', () => {
  const repairable: readonly (readonly [id: string, plant: () => Promise<unknown>])[] = faults
    .filter(([id], at) => faults.findIndex(([other]) => other === id) === at)
    .filter(([id]) =>
      [
        'integrity',
        'stale_open_sessions',
        'sync_mutation_required_fields',
        'duplicate_observations',
        'stored_secrets',
      ].includes(id),
    )
    .map(([id, plant]) => [id, plant])

  it.each(repairable)('MEM-1103 %s: planned, tried, applied once, then nothing is left', async (id, plant) => {
    expect(await repair(id, 'apply')).toMatchObject({ status: 'noop', actions: [], backup_path: '' })
    await plant()
    for (const [mode, status] of [
      ['plan', 'planned'],
      ['dry_run', 'dry_run'],
    ] as const) {
      expect(await repair(id, mode)).toMatchObject({ mode, status, counts: { actions: 1 }, backup_path: '' })
      expect((await check(id))?.findings).toHaveLength(1)
    }
    expect(backups()).toEqual([])
    const applied = await repair(id, 'apply')
    expect(applied).toMatchObject({ status: 'applied', check: id })
    expect(backups().map((name) => join(test.directory, 'backups', name))).toEqual([applied.backup_path])
    expect(await check(id)).toMatchObject({ result: 'ok' })
    expect(await repair(id, 'apply')).toMatchObject({ status: 'noop' })
  })

  it('MEM-1103 a check without a repair is refused', async () => {
    await expect(repair('clock_skew', 'plan')).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(repair('nonsense', 'plan')).rejects.toMatchObject({ code: 'unknown_check' })
  })

  it('MEM-1103 MEM-302 a title comes from the content; what has none is left and named', async () => {
    await save({ content: 'The first line\nmore' })
    await save({ content: 'Other' })
    await sql(`UPDATE observations SET title = ''`)
    await sql(`UPDATE observations SET content = '' WHERE id = 2`)
    await repair('sync_mutation_required_fields', 'apply')
    const { title } = await test.engine.call('observation.get', { id: 1 })
    expect([title, (await check('sync_mutation_required_fields'))?.findings]).toEqual([
      'The first line',
      [{ id: 2, sync_id: expect.any(String) as string, missing: 'title' }],
    ])
  })

  it('MEM-1103 of copies the oldest stays, the others are soft-deleted', async () => {
    await faults.find(([id]) => id === 'duplicate_observations')?.[1]()
    await repair('duplicate_observations', 'apply')
    const deleted = async (id: number) => (await test.engine.call('observation.get', { id })).deleted_at !== undefined
    expect([await deleted(1), await deleted(2)]).toEqual([false, true])
  })

  it('MEM-1103 a stale session ends when it was last used, and goes on when its agent comes back', async () => {
    await start('old')
    test.clock.advance(31 * day)
    await repair('stale_open_sessions', 'apply')
    expect(test.deps.store.read((tx) => sessionById(tx, 'old'))).toMatchObject({
      ended_at: '2026-01-01 00:00:00',
      ended_by: 'idle',
    })
    await save({ session_id: 'old' })
    expect(test.deps.store.read((tx) => sessionById(tx, 'old'))?.ended_at).toBeNull()
  })

  it('MEM-1702 masking takes the secret out of the record, its history, its neighbours in the index and kept answers', async () => {
    await save({ session_id: 's' })
    const id = await save({ session_id: 's', operation_id: 'op' })
    await test.engine.call('observation.update', { id, title: 'New' })
    await save({ session_id: 's' })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 's', content: 'one' })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 's', content: 'two' })
    const word = 'quokkasecret'
    const planted = `${word} is ${token}`
    await sql('UPDATE observations SET content = ? WHERE id = ?', planted, id)
    await sql('UPDATE observation_versions SET snapshot = json_set(snapshot, ?, ?)', '$.content', planted)
    await sql('UPDATE prompts SET content = ? WHERE id = 1', planted)
    await sql('UPDATE sessions SET summary = ?', planted)
    const everything = {
      rowsMax: Number.POSITIVE_INFINITY,
      budgetMs: Number.POSITIVE_INFINITY,
      clock: test.clock,
      drop: true,
    }
    await test.deps.store.write((tx) => void rebuildIndex(tx, everything))
    const found = (table: string) =>
      test.deps.store.read((tx) =>
        tx.all(`SELECT rowid FROM ${table} WHERE ${table} MATCH ?`, `"${token.toLowerCase()}"`),
      )
    expect([found('observation_fts').length, found('prompt_fts').length]).toEqual([3, 2])
    const applied = await repair('stored_secrets', 'apply')
    expect(applied.actions).toHaveLength(4)
    expect(JSON.stringify(applied)).not.toContain(token)
    const { text } = await test.engine.call('project.export', { project: 'acme', format: 'json' })
    expect(text).not.toContain(token)
    const versions = await test.engine.call('observation.history', { id })
    expect(JSON.stringify(versions)).not.toContain(token)
    expect([found('observation_fts'), found('prompt_fts')]).toEqual([[], []])
  })
})
