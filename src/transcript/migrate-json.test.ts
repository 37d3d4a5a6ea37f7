import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { FaultyFiles, isChange } from '../platform/faulty-files.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import type { JsonlStoreOptions } from './jsonl-store.ts'
import { MemoryFiles } from './memory-files.ts'
import { MemoryTranscriptStore } from './memory-store.ts'
import { migrateFromJson } from './migrate-json.ts'
import type { MigrateOptions, MigratedFile } from './migrate-json.ts'

/** Old one-file sessions taken over (TRN-T3, TRN-P12), on a simulated disk. */

const sessions = '/old'
const legacy = (fields: object): string => JSON.stringify(fields, null, 2)
const user = (content: string): { role: string; content: string } => ({ role: 'user', content })
const basic = legacy({
  key: 'telegram:1',
  messages: [user('hello'), { role: 'assistant', content: 'hi' }],
  summary: 'greeting',
  created: '2025-05-01T10:00:00.123456789+02:00',
  updated: '2025-05-02T10:00:00Z',
})

async function diskWith(found: Readonly<Record<string, string>>): Promise<MemoryFiles> {
  const files = new MemoryFiles()
  await files.makeDirectory(sessions)
  for (const [name, text] of Object.entries(found)) {
    await (await files.open(`${sessions}/${name}`, 'create')).write(Buffer.from(text))
  }
  return files
}

const open = (files: Files, options: JsonlStoreOptions = {}): Promise<JsonlStore> =>
  JsonlStore.open('/new', {
    files,
    clock: new SimulatedClock(),
    random: seededRandom(3),
    locks: createMemoryLocks(),
    ...options,
  })

const contents = async (store: JsonlStore, key: string): Promise<string[]> =>
  (await store.getHistory(key)).map((message) => message.content)
const names = (files: MemoryFiles): string[] =>
  files.paths().flatMap((path) => (path.startsWith(`${sessions}/`) ? [path.slice(sessions.length + 1)] : []))

async function run(
  files: Files,
  store: JsonlStore | MemoryTranscriptStore,
  options: MigrateOptions = {},
): Promise<{ readonly count: number; readonly told: MigratedFile[] }> {
  const told: MigratedFile[] = []
  const count = await migrateFromJson(sessions, store, { files, onFile: (one) => told.push(one), ...options })
  return { count, told }
}

describe('migrateFromJson', () => {
  it('TRN-1101 TRN-1103 Basic, RenamesFiles, Idempotent: messages, summary and times; the second run answers 0', async () => {
    const files = await diskWith({ 'telegram_1.json': basic })
    const store = await open(files)
    expect(await run(files, store)).toEqual({
      count: 1,
      told: [{ file: 'telegram_1.json', key: 'telegram:1', outcome: 'migrated', messages: 2 }],
    })
    expect(await store.getHistory('telegram:1')).toEqual([
      { ...user('hello'), created_at: '2025-05-01T10:00:00.123456789+02:00' },
      { role: 'assistant', content: 'hi', created_at: '2025-05-01T10:00:00.123456789+02:00' },
    ])
    expect(await store.getSummary('telegram:1')).toBe('greeting')
    const meta = JSON.parse(files.text('/new/s-telegram~3a1.meta.json')) as Record<string, unknown>
    expect(meta).toMatchObject({
      created_at: '2025-05-01T10:00:00.123456789+02:00',
      updated_at: '2025-05-02T10:00:00Z',
      migrated_from: { file: 'telegram_1.json', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
    })
    expect(names(files)).toEqual(['telegram_1.json.migrated'])
    expect((await run(files, store)).count).toBe(0)
  })

  it('TRN-1103 WithToolCalls: every field survives', async () => {
    const message = {
      role: 'assistant',
      content: '',
      created_at: '2025-05-01T10:00:00.5Z',
      media: ['m'],
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{ "a": 1.0 }' } }],
      own: { deep: [1] },
    }
    const files = await diskWith({ 'a.json': legacy({ key: 'a', messages: [message] }) })
    const store = await open(files)
    await run(files, store)
    expect(await store.getHistory('a')).toEqual([message])
  })

  it('TRN-1101 MultipleFiles, InvalidJSON, SkipsMetaJSONFiles: what cannot be read is told and left', async () => {
    const files = await diskWith({
      'a.json': legacy({ key: 'a', messages: [user('a')] }),
      'b.json': legacy({ messages: [user('b')] }),
      'bad.json': '{"key":',
      'cut.json': basic.slice(0, 80),
      'list.json': '[]',
      'typed.json': legacy({ key: 7, messages: [] }),
      'message.json': legacy({ key: 'm', messages: [{ role: 'user', content: 7 }] }),
      'time.json': legacy({ key: 't', messages: [], created: 'yesterday' }),
      'x.meta.json': '{}',
      'y.json.migrated': basic,
      'z.jsonl': '',
    })
    const before = names(files)
    const store = await open(files)
    const { count, told } = await run(files, store)
    expect(count).toBe(2)
    expect(told.map((one) => `${one.file} ${one.outcome}`)).toEqual([
      'a.json migrated',
      'b.json migrated',
      'bad.json skipped',
      'cut.json skipped',
      'list.json skipped',
      'message.json skipped',
      'time.json skipped',
      'typed.json skipped',
    ])
    expect(told.filter((one) => one.outcome === 'skipped').every((one) => one.reason !== undefined)).toBe(true)
    expect(await contents(store, 'b')).toEqual(['b'])
    const renamed = before.map((name) => (/^[ab]\.json$/.test(name) ? `${name}.migrated` : name))
    expect(names(files)).toEqual(renamed.toSorted())
  })

  it('TRN-1101 NonexistentDir answers 0', async () => {
    const files = new MemoryFiles()
    expect(await run(files, await open(files))).toEqual({ count: 0, told: [] })
  })

  it('TRN-1104 RetryAfterCrash: renamed back, it is counted again and newer messages stay', async () => {
    const files = await diskWith({ 'a.json': basic })
    const store = await open(files)
    await run(files, store)
    await files.rename(`${sessions}/a.json.migrated`, `${sessions}/a.json`)
    await store.addMessage('telegram:1', 'user', 'newer')
    await store.truncateHistory('telegram:1', 1)
    expect((await run(files, store)).count).toBe(1)
    expect(await contents(store, 'telegram:1')).toEqual(['newer'])
    expect(names(files)).toEqual(['a.json.migrated'])
  })

  it('TRN-1105 what continues is taken, what is there already is left, what differs is a conflict', async () => {
    const messages = ['one', 'two', 'three'].map(user)
    const cases = [
      { there: ['one'], outcome: 'migrated', after: ['one', 'two', 'three'] },
      { there: ['one', 'two', 'three'], outcome: 'migrated', after: ['one', 'two', 'three'] },
      { there: ['one', 'two', 'three', 'four'], outcome: 'migrated', after: ['one', 'two', 'three', 'four'] },
      { there: ['one', 'other'], outcome: 'conflict', after: ['one', 'other'] },
    ]
    for (const { there, outcome, after } of cases) {
      const files = await diskWith({ 'k.json': legacy({ key: 'k', messages }) })
      const store = await open(files)
      for (const text of there) await store.addMessage('k', 'user', text)
      const { told } = await run(files, store)
      expect(told).toMatchObject([{ outcome }])
      expect(await contents(store, 'k')).toEqual(after)
      expect(names(files)).toEqual([outcome === 'migrated' ? 'k.json.migrated' : 'k.json'])
    }
  })

  it('TRN-1105 two files of one key follow the same rule', async () => {
    const files = await diskWith({
      '1.json': legacy({ key: 'k', messages: [user('a')] }),
      '2.json': legacy({ key: 'k', messages: [user('a'), user('b')] }),
      '3.json': legacy({ key: 'k', messages: [user('x')] }),
    })
    const store = await open(files)
    const { count, told } = await run(files, store)
    expect([count, told.map((one) => one.outcome)]).toEqual([2, ['migrated', 'migrated', 'conflict']])
    expect(await contents(store, 'k')).toEqual(['a', 'b'])
  })

  it('TRN-1102 a failing rename is told and counts; a failing store stops with the count so far', async () => {
    const files = await diskWith({ 'a.json': basic, 'b.json': legacy({ key: 'b', messages: [user('b')] }) })
    const stuck = new FaultyFiles(files, {
      at: 1,
      kind: 'fail',
      code: 'EACCES',
      matches: (one) => one.kind === 'rename' && one.path.includes('/old/'),
    })
    const { count, told } = await run(stuck, await open(files))
    expect([count, told[0]]).toMatchObject([2, { outcome: 'migrated', reason: 'imported, but not renamed: EACCES' }])
    const fresh = await diskWith({ 'a.json': basic, 'b.json': legacy({ key: 'b', messages: [user('b')] }) })
    const full = new FaultyFiles(fresh)
    const store = await open(full)
    full.arm({ at: 1, kind: 'fail', code: 'ENOSPC', isLasting: true, matches: (one) => /tmp\/s-b\./.test(one.path) })
    await expect(run(fresh, store)).rejects.toMatchObject({ code: 'storage_full', details: { migrated: 1 } })
    expect(names(fresh)).toEqual(['a.json.migrated', 'b.json'])
  })

  it('TRN-1107 a dry run tells the same and changes nothing', async () => {
    const files = await diskWith({ 'a.json': basic, 'bad.json': '' })
    const before = files.paths()
    const store = await open(files)
    const dry = await run(files, store, { dryRun: true })
    expect(files.paths()).toEqual(before)
    expect(dry).toEqual(await run(files, store))
  })

  it('TRN-1101 ColonInKey: in the compat layout the key of the file and that of its name are one', async () => {
    const files = await diskWith({ 'telegram_1.json': basic })
    const store = await open(files, { layout: 'compat' })
    await run(files, store)
    expect(await contents(store, 'telegram_1')).toEqual(await contents(store, 'telegram:1'))
    expect(files.paths()).toContain('/new/telegram_1.jsonl')
  })

  it('TRN-1101 into a store without files', async () => {
    const files = await diskWith({ 'a.json': basic })
    const store = new MemoryTranscriptStore()
    expect((await run(files, store)).count).toBe(1)
    expect((await store.getHistory('telegram:1')).map((one) => one.created_at)).toEqual([
      '2025-05-01T10:00:00.123456789+02:00',
      '2025-05-01T10:00:00.123456789+02:00',
    ])
  })

  it('TRN-1401 redacts what it takes over, and knows it again', async () => {
    const redact = (text: string) => ({
      text: text.replaceAll('SECRET', '***'),
      places: text.split('SECRET').length - 1,
    })
    const old = legacy({ key: 'k', messages: [user('a SECRET')], summary: 'SECRET' })
    const files = await diskWith({ 'k.json': old })
    const store = await open(files, { redact })
    await run(files, store)
    expect([await contents(store, 'k'), await store.getSummary('k')]).toEqual([['a ***'], '***'])
    expect(files.text('/new/s-k.jsonl')).not.toContain('SECRET')
    await (await files.open(`${sessions}/again.json`, 'create')).write(Buffer.from(`${old} `))
    expect((await run(files, store)).told).toMatchObject([{ file: 'again.json', outcome: 'migrated' }])
  })

  it('TRN-P12 TRN-701 stopped at every operation, then run again: each session once, every file accounted for', async () => {
    const base = await diskWith({ 'a.json': basic, 'b.json': legacy({ key: 'b', messages: [user('b')] }) })
    const counting = new FaultyFiles(base.copy())
    await run(counting, await open(counting))
    const changes = counting.operations.filter(isChange).length
    expect(changes).toBeGreaterThan(20)
    for (let at = 1; at <= changes; at++) {
      for (const isDone of [false, true]) {
        const disk = base.copy()
        const files = new FaultyFiles(disk, { at, kind: 'crash', isDone, matches: isChange })
        await open(files)
          .then((store) => run(files, store))
          .catch(() => undefined)
        await files.cutPower()
        const store = await open(disk)
        // Somebody goes on talking before the migration is run again.
        const wasThere = await store.exists('telegram:1')
        if (wasThere) await store.addMessage('telegram:1', 'user', 'newer')
        await run(disk, store)
        expect(await contents(store, 'telegram:1')).toEqual(['hello', 'hi', ...(wasThere ? ['newer'] : [])])
        expect(await contents(store, 'b')).toEqual(['b'])
        expect(names(disk)).toEqual(['a.json.migrated', 'b.json.migrated'])
      }
    }
  })
})
