import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { Connection } from '../store/driver.ts'
import { drainSpool } from './spool.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

const save = (more: Partial<Input<'observation.save'>> = {}, on = test) =>
  on.engine.call('observation.save', { project: 'acme', title: 'A title', content: 'Some content', ...more })
const waiting = (): string[] => {
  try {
    return readdirSync(join(test.directory, 'spool')).sort()
  } catch {
    return []
  }
}
const list = () => test.engine.call('observation.list', {})

/** Runs while another connection holds the write lock, as a program that has stopped in the middle does. */
async function locked<T>(work: () => Promise<T>): Promise<T> {
  const other = Connection.open(test.deps.store.path, { access: 'read-write', busyTimeoutMs: 0 })
  other.run('BEGIN IMMEDIATE')
  try {
    return await work()
  } finally {
    other.run('ROLLBACK')
    other.close()
  }
}

describe('a store that is locked for longer than the wait', () => {
  it('MEM-111 the save is queued in a file of its own, and answered so', async () => {
    const queued = await locked(() => save({ ttl: '1d' }))
    expect(queued).toMatchObject({
      id: null,
      outcome: 'queued',
      project: 'acme',
      title: 'A title',
      expires_at: '2026-01-02 00:00:07',
    })
    expect(queued.warnings.map((one) => one.code)).toContain('queued')
    const [name = ''] = waiting()
    expect(name).toMatch(/^[0-9A-Z]{26}\.json$/)
    expect(statSync(join(test.directory, 'spool', name)).mode & 0o777).toBe(0o600)
    expect((await test.engine.call('system.status', {})).spool).toEqual({ waiting: 1, oldest: name })
  })

  it('MEM-111 drained in order, each once, under the name and time it was answered with', async () => {
    const queued = await locked(async () => [
      await save({ content: 'One' }),
      await save({ content: 'Two' }),
      await test.engine.call('memory.add', { project: 'acme', category: 'bugs', content: 'Three' }),
    ])
    test.clock.advance(3_600_000)
    expect(await drainSpool(test.deps)).toEqual({ written: 3, failed: 0, left: 0 })
    expect(waiting()).toEqual([])
    const rows = (await list()).toReversed()
    expect(rows.map((one) => [one.sync_id, one.content])).toEqual(
      queued.map((one, at) => [one.sync_id, ['One', 'Two', 'Three'][at]]),
    )
    expect(rows.every((one) => one.created_at < '2026-01-01 00:10:00')).toBe(true)
    expect(await drainSpool(test.deps)).toEqual({ written: 0, failed: 0, left: 0 })
  })

  it('MEM-111 two that drain at once, and a crash before the file is removed, write one record', async () => {
    await locked(() => save())
    const [name = ''] = waiting()
    const path = join(test.directory, 'spool', name)
    const bytes = readFileSync(path)
    await Promise.all([drainSpool(test.deps), drainSpool(test.deps)])
    writeFileSync(path, bytes)
    await drainSpool(test.deps)
    expect(await list()).toMatchObject([{ duplicate_count: 1 }])
    expect(waiting()).toEqual([])
  })

  it('MEM-111 MEM-306 the operation id of the caller counts, before and after the drain', async () => {
    await locked(() => save({ operation_id: 'op' }))
    await locked(() => save({ operation_id: 'op' }))
    expect(await drainSpool(test.deps)).toMatchObject({ written: 2 })
    expect(await save({ operation_id: 'op' })).toMatchObject({ replayed: true })
    expect(await list()).toMatchObject([{ duplicate_count: 1 }])
    await expect(save({ operation_id: 'op', content: 'Other' })).rejects.toMatchObject({ code: 'operation_conflict' })
  })

  it('MEM-111 while the store stays locked what waits stays', async () => {
    await locked(() => save())
    expect(await locked(() => drainSpool(test.deps))).toEqual({ written: 0, failed: 0, left: 1 })
    expect(waiting()).toHaveLength(1)
  })

  it('MEM-111 MEM-807 a project merged meanwhile takes what waits', async () => {
    await save()
    await locked(() => save({ content: 'Late' }))
    await test.engine.call('project.merge', { from: ['acme'], to: 'beta', force: true })
    await drainSpool(test.deps)
    expect((await list()).map((one) => one.project)).toEqual(['beta', 'beta'])
  })

  it('MEM-111 what was wrong with the call is told, not queued', async () => {
    await locked(async () => {
      await expect(save({ content: ' ' })).rejects.toMatchObject({ code: 'observation_content_required' })
      await expect(test.engine.call('observation.delete', { id: 1 })).rejects.toMatchObject({ code: 'storage_busy' })
    })
    expect(waiting()).toEqual([])
  })
})

describe('files that hold no save', () => {
  const good = {
    kind: 'observation',
    at_ms: Date.UTC(2026, 0, 1),
    prepared: {
      type: 'manual',
      title: 'T',
      content: 'Good',
      tool_name: null,
      scope: 'project',
      topic_key: null,
      author: null,
      expires_at: null,
      redacted: { count: 0, kinds: [] },
      warnings: [],
    },
    context: {
      place: { project: 'acme', source: 'explicit_override', path: '', available: [], known: true, warnings: [] },
      directory: '',
      strict: false,
    },
    operation: null,
  }
  const put = (name: string, text: string | Uint8Array): void => {
    mkdirSync(join(test.directory, 'spool'), { recursive: true })
    writeFileSync(join(test.directory, 'spool', name), text)
  }
  const named = (index: number): string => `01HZZZZZZZZZZZZZZZZZZZZZ${String(index).padStart(2, '0')}.json`

  it.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['half of one', JSON.stringify(good).slice(0, 200)],
    ['no JSON', 'hello'],
    ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['null', 'null'],
    ['a list', '[]'],
    ['empty', '{}'],
    ['another kind', JSON.stringify({ ...good, kind: 'prompt' })],
    ['no time', JSON.stringify({ ...good, at_ms: 'now' })],
    ['no content', JSON.stringify({ ...good, prepared: { ...good.prepared, content: undefined } })],
    ['blank content', JSON.stringify({ ...good, prepared: { ...good.prepared, content: ' ' } })],
    ['a number for a title', JSON.stringify({ ...good, prepared: { ...good.prepared, title: 7 } })],
    ['a scope nobody knows', JSON.stringify({ ...good, prepared: { ...good.prepared, scope: 'team' } })],
    ['no place', JSON.stringify({ ...good, context: { ...good.context, place: null } })],
  ])('MEM-111 %s is set aside, and the next one is written', async (_what, text) => {
    put(named(1), text)
    put(named(2), JSON.stringify(good))
    expect(await drainSpool(test.deps)).toEqual({ written: 1, failed: 1, left: 0 })
    expect(waiting()).toEqual([`${named(1)}.bad`])
    expect(await list()).toMatchObject([{ content: 'Good', project: 'acme' }])
    const { checks } = await test.engine.call('doctor.report', { check: 'spool_backlog' })
    expect(checks[0]?.findings).toEqual([{ kind: 'unreadable', file: `${named(1)}.bad` }])
  })

  it('MEM-111 other files are left alone', async () => {
    put('notes.txt', 'x')
    put('.01HZZZZZZZZZZZZZZZZZZZZZ01.json.tmp', 'x')
    expect(await drainSpool(test.deps)).toEqual({ written: 0, failed: 0, left: 0 })
    expect(waiting()).toHaveLength(2)
  })
})

describe('a schema newer than this program', () => {
  it('MEM-104 MEM-111 reading works, saves wait, and are written once the program is newer', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'engram-newer-'))
    const setSchema = (change: number): void => {
      const raw = Connection.open(join(dataDir, 'engram.db'), { access: 'read-write', busyTimeoutMs: 0 })
      raw.pragma(`user_version = ${Number(raw.pragma('user_version')) + change}`)
      raw.close()
    }
    try {
      const first = openTestEngine({ dataDir })
      await save({}, first)
      await first.close()
      setSchema(100)
      const old = openTestEngine({ dataDir, nowMs: Date.UTC(2026, 0, 2) })
      expect(await save({ content: 'Later' }, old)).toMatchObject({ outcome: 'queued', project: 'acme' })
      expect(await old.engine.call('observation.list', {})).toHaveLength(1)
      const { checks } = await old.engine.call('doctor.report', { check: 'sqlite_lock_contention' })
      expect(checks).toMatchObject([{ result: 'ok', evidence: { mode: 'read-only' } }])
      await old.close()
      setSchema(-100)
      const newer = openTestEngine({ dataDir, nowMs: Date.UTC(2026, 0, 3) })
      expect(await drainSpool(newer.deps)).toMatchObject({ written: 1 })
      const [row] = await newer.engine.call('observation.list', {})
      expect(row).toMatchObject({ content: 'Later', created_at: '2026-01-02 00:00:00' })
      await newer.close()
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
})
