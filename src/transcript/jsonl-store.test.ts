import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { FaultyFiles } from '../platform/faulty-files.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import type { JsonlStoreOptions } from './jsonl-store.ts'
import { MemoryFiles } from './memory-files.ts'

/** What stands in the files and what it costs, on a simulated disk. */

const directory = '/t'
const path = `${directory}/s-k.jsonl`
const metaPath = `${directory}/s-k.meta.json`
type Logged = { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }

const open = (files: Files, options: JsonlStoreOptions = {}): Promise<JsonlStore> =>
  JsonlStore.open(directory, {
    files,
    clock: new SimulatedClock(),
    random: seededRandom(9),
    locks: createMemoryLocks(),
    ...options,
  })

const contents = async (store: JsonlStore, key = 'k'): Promise<string[]> =>
  (await store.getHistory(key)).map((message) => message.content)
const metaOf = (files: MemoryFiles): Record<string, unknown> =>
  JSON.parse(files.text(metaPath)) as Record<string, unknown>

async function write(files: Files, path: string, text: string | Buffer): Promise<void> {
  const file = await files.open(path, 'append')
  await file.truncate(0)
  await file.write(Buffer.from(text))
}

async function append(files: Files, path: string, text: string): Promise<void> {
  await (await files.open(path, 'append')).write(Buffer.from(text))
}

async function diskWith(...texts: string[]): Promise<MemoryFiles> {
  const files = new MemoryFiles()
  const store = await open(files)
  for (const text of texts) await store.addMessage('k', 'user', text)
  await store.close()
  return files
}

describe('the cost of appending', () => {
  it('TRN-601 TRN-606 one write and one sync for an append, no meta file', async () => {
    const files = new FaultyFiles(new MemoryFiles())
    const store = await open(files)
    await store.addMessage('k', 'user', 'first')
    const before = { all: files.operations.length, write: files.count('write'), sync: files.count('sync') }
    await store.addMessage('k', 'user', 'second')
    expect(files.count('write') - before.write).toBe(1)
    expect(files.count('sync') - before.sync).toBe(1)
    expect(files.operations.length - before.all).toBe(2)
  })

  it('TRN-603 appends issued together share syncs: at most 2 + n/256', async () => {
    const files = new FaultyFiles(new MemoryFiles())
    const store = await open(files)
    await store.addMessage('k', 'user', 'first')
    const before = files.count('sync', 's-k.jsonl')
    const calls = Array.from({ length: 1_000 }, (_, n) => store.addMessage('k', 'user', `message ${n}`))
    const positions = (await Promise.all(calls)).map((answer) => answer.position)
    expect(positions).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 2))
    expect(files.count('sync', 's-k.jsonl') - before).toBeLessThanOrEqual(2 + Math.ceil(1_000 / 256))
  })

  it('a batch is written in blocks of at most 1 MiB and synced once', async () => {
    const files = new FaultyFiles(new MemoryFiles())
    const store = await open(files)
    await store.addMessage('k', 'user', 'first')
    const before = { write: files.count('write', 's-k.jsonl'), sync: files.count('sync', 's-k.jsonl') }
    const item = (n: number) => ({
      message: { role: 'user', content: `${n} ${'x'.repeat(2_000)}` },
      messageId: `m${n}`,
    })
    await store.appendBatch(
      'k',
      Array.from({ length: 1_200 }, (_, n) => item(n)),
    )
    expect(files.count('write', 's-k.jsonl') - before.write).toBe(3)
    expect(files.count('sync', 's-k.jsonl') - before.sync).toBe(1)
    expect(
      Math.max(...files.operations.filter((one) => one.kind === 'write').map((one) => one.bytes)),
    ).toBeLessThanOrEqual(1024 * 1024)
  })

  it('TRN-604 normal answers before the sync; full and close sync everything before them', async () => {
    const files = new FaultyFiles(new MemoryFiles())
    const store = await open(files)
    await store.addMessage('k', 'user', 'first')
    const synced = (): number => files.count('sync', 's-k.jsonl')
    const before = synced()
    expect(await store.addMessage('k', 'user', 'a', { durability: 'normal' })).toMatchObject({ durability: 'normal' })
    expect(synced()).toBe(before)
    expect(await store.addMessage('k', 'user', 'b')).toMatchObject({ durability: 'full' })
    expect(synced()).toBe(before + 1)
    await store.addMessage('k', 'user', 'c', { durability: 'normal' })
    await store.close()
    expect(synced()).toBe(before + 2)
  })

  it('TRN-604 TRN-606 within a second what is normal is synced and the count written', async () => {
    const inner = new MemoryFiles()
    const files = new FaultyFiles(inner)
    const store = await open(files)
    await store.addMessage('k', 'user', 'a', { durability: 'normal' })
    expect(files.count('sync', 's-k.jsonl')).toBe(0)
    await expect.poll(() => files.count('sync', 's-k.jsonl'), { timeout: 1_000 }).toBe(1)
    await expect.poll(() => metaOf(inner)['count'], { timeout: 1_000 }).toBe(1)
  })

  it('TRN-610 a duplicate asked for in full is on the disk when it answers', async () => {
    const files = new FaultyFiles(new MemoryFiles())
    const store = await open(files)
    await store.addMessage('k', 'user', 'a', { messageId: 'id', durability: 'normal' })
    expect(await store.addMessage('k', 'user', 'a', { messageId: 'id' })).toMatchObject({ duplicate: true })
    await files.cutPower()
    expect(files.count('sync', 's-k.jsonl')).toBe(1)
  })

  it('TRN-903 the last messages of a long transcript cost a block, not the file', async () => {
    const inner = new MemoryFiles()
    const item = (n: number) => ({
      message: { role: 'user', content: `${n} ${'x'.repeat(1_000)}` },
      messageId: `m${n}`,
    })
    const writer = await open(inner)
    await writer.appendBatch(
      'k',
      Array.from({ length: 5_000 }, (_, n) => item(n)),
    )
    await writer.close()
    const files = new FaultyFiles(inner)
    const store = await open(files)
    const last = await store.getHistory('k', { last: 20 })
    expect(last.map((message) => message.message_id)).toEqual(Array.from({ length: 20 }, (_, n) => `m${4_980 + n}`))
    expect(files.count('read', 's-k.jsonl')).toBe(1)
  })
})

describe('a disk that fails', () => {
  it('TRN-607 a short write for lack of space is cut back to the byte', async () => {
    const inner = await diskWith('one')
    const files = new FaultyFiles(inner)
    const store = await open(files)
    await store.addMessage('k', 'user', 'two')
    const before = inner.text(path)
    files.arm({ at: 1, kind: 'fail', code: 'ENOSPC', partBytes: 11, matches: (one) => one.kind === 'write' })
    await expect(store.addMessage('k', 'user', 'three')).rejects.toMatchObject({ code: 'storage_full' })
    expect(inner.text(path)).toBe(before)
    expect((await store.addMessage('k', 'user', 'four')).position).toBe(3)
    expect(await contents(store)).toEqual(['one', 'two', 'four'])
  })

  it('TRN-607 what cannot be cut back is closed by the next append', async () => {
    const inner = await diskWith('one')
    const files = new FaultyFiles(inner)
    const store = await open(files)
    await store.addMessage('k', 'user', 'two')
    files.arm({
      at: 1,
      kind: 'fail',
      code: 'EIO',
      partBytes: 11,
      isLasting: true,
      matches: (one) => one.kind === 'write' || one.kind === 'truncate',
    })
    await expect(store.addMessage('k', 'user', 'three')).rejects.toMatchObject({ code: 'storage_failed' })
    files.arm(null)
    await store.addMessage('k', 'user', 'four')
    expect(await contents(store)).toEqual(['one', 'two', 'four'])
    expect(inner.text(path).split('\n')).toHaveLength(5)
  })

  it('TRN-608 after a failed sync the outcome is unknown, the file is opened anew, and a retry is written anew', async () => {
    const inner = await diskWith('one')
    const files = new FaultyFiles(inner)
    const store = await open(files)
    await store.addMessage('k', 'user', 'two')
    const opened = files.count('open', 's-k.jsonl')
    files.arm({ at: 1, kind: 'fail', code: 'EIO', matches: (one) => one.kind === 'sync' })
    const group = ['three', 'four'].map((text) => store.addMessage('k', 'user', text, { messageId: text }))
    for (const call of group) {
      await expect(call).rejects.toMatchObject({ code: 'storage_failed', details: { outcome: 'unknown' } })
    }
    const retried = await store.addMessage('k', 'user', 'three', { messageId: 'three' })
    expect(files.count('open', 's-k.jsonl')).toBe(opened + 1)
    await files.cutPower()
    expect(retried).toMatchObject({ stored: true, position: 3 })
    expect(await contents(await open(inner))).toEqual(['one', 'two', 'three'])
  })

  it('TRN-605 an append to a file another process just made is there after a power cut', async () => {
    const inner = new MemoryFiles()
    const files = new FaultyFiles(inner)
    const second = await open(files)
    await second.addMessage('other', 'user', 'x')
    const first = await open(files)
    await first.addMessage('another', 'user', 'x')
    // The first is stopped between making the file and putting its name on the disk.
    const isNaming = (one: { kind: string; path: string }): boolean =>
      one.kind === 'syncDirectory' && one.path === directory && files.count('open', 's-k.jsonl') > 0
    files.arm({ at: 1, kind: 'fail', code: 'EIO', matches: isNaming })
    await expect(first.addMessage('k', 'user', 'lost')).rejects.toMatchObject({ code: 'storage_failed' })
    files.arm(null)
    await second.addMessage('k', 'user', 'kept')
    await files.cutPower()
    expect(await contents(await open(inner))).toEqual(['kept'])
  })

  it('TRN-610 a duplicate of what another process left unsynced is on the disk when it answers', async () => {
    const inner = new MemoryFiles()
    const files = new FaultyFiles(inner)
    const locks = createMemoryLocks()
    const [first, second] = [await open(files, { locks }), await open(files, { locks })]
    await first.addMessage('k', 'user', 'one')
    await second.addMessage('k', 'user', 'two')
    await first.addMessage('k', 'user', 'three', { messageId: 'id', durability: 'normal' })
    expect(await second.addMessage('k', 'user', 'three', { messageId: 'id' })).toMatchObject({ duplicate: true })
    await files.cutPower()
    expect(await contents(await open(inner))).toEqual(['one', 'two', 'three'])
  })

  it('TRN-1702 too much waiting is refused, the rest goes on', async () => {
    const store = await open(new MemoryFiles())
    const calls = Array.from({ length: 10_001 }, (_, n) => store.addMessage('k', 'user', `${n}`))
    const answers = await Promise.allSettled(calls)
    expect(answers.filter((one) => one.status === 'rejected')).toMatchObject([{ reason: { code: 'overloaded' } }])
    expect(await store.count('k')).toBe(10_000)
  })
})

describe('what stands in the files', () => {
  it('TRN-301 TRN-302 TRN-401 two files per session, the rest in .engram', async () => {
    const files = await diskWith('one', 'two')
    expect(files.paths()).toEqual([
      '/t/.engram/format.json',
      '/t/.engram/index/touched-39',
      '/t/.engram/previous/s-k.meta.json',
      path,
      metaPath,
    ])
    expect(files.text('/t/.engram/format.json')).toBe('{"format":"engram-transcripts","version":1,"layout":"native"}\n')
    expect(metaOf(files)).toEqual({
      key: 'k',
      summary: '',
      skip: 0,
      count: 2,
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
      format: 1,
      rev: 2,
      base: 0,
    })
  })

  it('TRN-302 without .engram after a clean close nothing is lost', async () => {
    const files = await diskWith('one', 'two')
    const store = await open(files)
    await store.setSummary('k', 'sum')
    await store.truncateHistory('k', 1)
    await store.close()
    for (const name of files.paths().filter((one) => one.includes('.engram'))) await files.remove(name)
    const again = await open(files)
    expect([await contents(again), await again.getSummary('k')]).toEqual([['two'], 'sum'])
  })

  it('TRN-204 TRN-1201 unknown fields, scope and aliases of a meta file are kept by every operation', async () => {
    const files = await diskWith('one', 'two')
    const extra = { scope: ['any'], aliases: ['other'], own: { n: 1 } }
    await write(files, metaPath, JSON.stringify({ ...metaOf(files), ...extra }))
    const store = await open(files)
    await store.setSummary('k', 's')
    await store.truncateHistory('k', 1)
    await store.compact('k')
    await store.setHistory('k', [])
    await store.close()
    expect(metaOf(files)).toMatchObject(extra)
  })

  it('TRN-506 TRN-1003 compaction copies kept lines byte for byte; bad ones go to quarantine', async () => {
    const files = await diskWith('one', 'two')
    const foreign = '{ "role" : "user", "content":"f\\u003c", "n": 12345678901234567890 }'
    const thought = '{"role":"assistant","content":"","reasoning_content":"hm"}'
    await append(files, path, `${foreign}\r\n\n{"bad\n${thought}\nnull\n`)
    const lines = files.text(path).split('\n')
    const store = await open(files)
    await store.truncateHistory('k', 2)
    await store.compact('k')
    expect(files.text(path)).toBe(`${lines[1]}\n${foreign}\r\n`)
    const kept = files
      .text('/t/.engram/quarantine/s-k.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(kept).toMatchObject([
      { line: 4, reason: 'not JSON', text: '{"bad\n' },
      { line: 6, reason: 'not an object', text: 'null\n' },
    ])
    expect((await store.addMessage('k', 'user', 'next')).position).toBe(7)
  })

  it('TRN-504 thoughts and bad lines never use up what is kept (TruncateHistory_IgnoresTransientThoughtForKeepLast)', async () => {
    const line = (content: string): string => JSON.stringify({ role: 'user', content })
    const thought = '{"role":"assistant","content":"","reasoning_content":"hm"}'
    const files = await diskWith('a')
    await append(files, path, `${[line('b'), thought, line('c'), line('d')].join('\n')}\n`)
    const store = await open(files)
    await store.truncateHistory('k', 2)
    await store.close()
    expect(await contents(await open(files))).toEqual(['c', 'd'])
    expect(metaOf(files)['skip']).toBe(2)
  })

  it('TRN-404 a line appended behind our back counts (TruncateHistory_StaleMetaCount)', async () => {
    const files = await diskWith('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j')
    const store = await open(files)
    await append(files, path, '{"role":"user","content":"k"}\n')
    await store.truncateHistory('k', 4)
    expect(await contents(store)).toEqual(['h', 'i', 'j', 'k'])
  })

  it('TRN-704 stray temporary files and old trash are swept at open, young and pending ones stay', async () => {
    const files = await diskWith('one')
    const store = await open(files)
    await store.addMessage('gone', 'user', 'x')
    await store.deleteSession('gone')
    await store.close()
    await write(files, '/t/.engram/tmp/s-k.3.00', 'stray')
    const trash = (): readonly string[] =>
      files.paths().filter((one) => one.includes('/trash/') || one.includes('/tmp/'))
    expect(trash()).toHaveLength(3)
    const later = new SimulatedClock(1_000)
    await (await open(files, { clock: later })).close()
    expect(trash()).toHaveLength(3)
    later.set(Date.UTC(2026, 0, 9))
    await (await open(files, { clock: later })).close()
    expect(trash()).toEqual([])
  })

  it('TRN-1303 purge leaves nothing of the content anywhere', async () => {
    const files = await diskWith('PASSPHRASE one')
    const store = await open(files)
    await store.setSummary('k', 'PASSPHRASE sum')
    await append(files, path, 'PASSPHRASE bad\n')
    await store.truncateHistory('k', 1)
    await store.setSummary('k', 'PASSPHRASE again')
    await append(files, path, 'PASSPHRASE bad\n')
    await store.addMessage('k', 'user', 'PASSPHRASE two')
    await store.truncateHistory('k', 1)
    await store.compact('k')
    await store.deleteSession('k', { purge: true })
    await store.close()
    expect(files.paths().filter((one) => files.text(one).includes('PASSPHRASE'))).toEqual([])
  })
})

describe('damage', () => {
  const damaged: readonly (readonly [string, string | Buffer])[] = [
    ['empty', ''],
    ['NUL-filled', Buffer.alloc(50)],
    ['a list', '[]'],
    ['cut short', '{"key": "k", "sum'],
    ['negative skip', '{"key":"k","skip":-1}'],
    ['wrong type', '{"key":"k","summary":7}'],
    ['no key', '{"summary":"x"}'],
    ['a path as pending file', '{"key":"k","engram_pending":{"file":"../../x","bytes":0,"sha256":"","previous":{}}}'],
  ]
  it.each(damaged)(
    'TRN-405 TRN-406 meta %s: rebuilt from the one before, kept in quarantine, said in the log',
    async (_, bad) => {
      const files = await diskWith('one', 'two', 'three')
      const first = await open(files)
      await first.setSummary('k', 'sum')
      await first.truncateHistory('k', 2)
      await first.setNotes('k', { title: 'last change' })
      await first.close()
      await write(files, metaPath, bad)
      const logged: Logged[] = []
      const store = await open(files, { log: (event, fields) => logged.push({ event, fields }) })
      expect(await contents(store)).toEqual(['two', 'three'])
      expect(await store.getSummary('k')).toBe('sum')
      expect((await store.addMessage('k', 'user', 'four')).position).toBe(4)
      expect(logged).toMatchObject([{ event: 'meta_rebuilt', fields: { from: 'previous' } }])
      expect(files.paths().filter((one) => one.includes('/quarantine/'))).toHaveLength(1)
    },
  )

  it('TRN-405 with nothing before it, from the transcript; read only, nothing is written', async () => {
    const files = await diskWith('one', 'two')
    await files.remove('/t/.engram/previous/s-k.meta.json')
    await write(files, metaPath, 'broken')
    const before = files.paths().map((one) => [one, files.text(one)])
    const reader = await open(files, { readOnly: true })
    expect(await contents(reader)).toEqual(['one', 'two'])
    expect((await reader.listSessions()).sessions).toMatchObject([{ key: 'k' }])
    await reader.close()
    expect(files.paths().map((one) => [one, files.text(one)])).toEqual(before)
    const store = await open(files)
    expect(await contents(store)).toEqual(['one', 'two'])
    expect(metaOf(files)).toMatchObject({ key: 'k', count: 2, summary: '' })
  })

  it('TRN-402 without a meta file the session is read, listed, and gets one at the next write', async () => {
    const files = await diskWith('one')
    await files.remove(metaPath)
    const store = await open(files)
    expect(await contents(store)).toEqual(['one'])
    expect((await store.listSessions()).sessions).toMatchObject([{ key: 'k' }])
    await store.addMessage('k', 'user', 'two')
    expect(metaOf(files)).toMatchObject({ key: 'k', created_at: '2026-01-01T00:00:00.000Z' })
  })

  it('TRN-407 a skip beyond the end is the end', async () => {
    const files = await diskWith('one')
    await write(files, metaPath, JSON.stringify({ key: 'k', skip: 1e9, format: 1 }))
    const store = await open(files)
    expect(await contents(store)).toEqual([])
    expect(await store.getHistory('k', { last: 5 })).toEqual([])
    await store.truncateHistory('k', 5)
    await store.addMessage('k', 'user', 'two')
    expect(await contents(store)).toEqual(['two'])
  })

  it('TRN-1001 TRN-1402 bad lines are skipped, logged once with their place, and never with their content', async () => {
    const files = await diskWith('one')
    await append(files, path, '{"role":"PASSPHRASE\n{"role":"user","content":"two"}\n{"torn PASSPHRASE')
    const logged: Logged[] = []
    const store = await open(files, { log: (event, fields) => logged.push({ event, fields }) })
    for (let n = 0; n < 3; n++) expect(await contents(store)).toEqual(['one', 'two'])
    expect(logged).toMatchObject([{ event: 'bad_line', fields: { session: 's-k', line: 2, reason: 'not JSON' } }])
    await write(files, metaPath, 'PASSPHRASE')
    await store.setSummary('k', 'PASSPHRASE').catch(() => undefined)
    expect(JSON.stringify(logged)).not.toContain('PASSPHRASE')
  })

  it('TRN-308 a file that belongs to another key is refused, naming both', async () => {
    const files = await diskWith('one')
    await write(files, metaPath, JSON.stringify({ ...metaOf(files), key: 'other' }))
    const store = await open(files)
    const failure = { code: 'transcript_key_collision', details: { key: 'other', asked: 'k' } }
    await expect(store.getHistory('k')).rejects.toMatchObject(failure)
    await expect(store.addMessage('k', 'user', 'x')).rejects.toMatchObject(failure)
    await expect(store.deleteSession('k')).rejects.toMatchObject(failure)
  })
})

describe('a replacement under way', () => {
  /** Stopped between S3 and S4: the meta file names the new content. */
  async function stopped(): Promise<{ readonly files: MemoryFiles; readonly pending: string }> {
    const base = await diskWith('one', 'two', 'three')
    const first = await open(base)
    await first.truncateHistory('k', 2)
    await first.close()
    const files = new FaultyFiles(base, {
      at: 1,
      kind: 'crash',
      matches: (one) => one.kind === 'rename' && one.path === path,
    })
    const store = await open(files)
    await store.setHistory('k', [{ role: 'user', content: 'new' }]).catch(() => undefined)
    await files.killProcess()
    return { files: base, pending: base.paths().find((one) => one.includes('/tmp/')) ?? '' }
  }

  it('TRN-703 is finished by the next writer, and seen by readers before', async () => {
    const { files } = await stopped()
    expect(metaOf(files)).toHaveProperty('engram_pending')
    expect(await contents(await open(files, { readOnly: true }))).toEqual(['new'])
    const store = await open(files)
    expect(await contents(store)).toEqual(['new'])
    expect((await store.addMessage('k', 'user', 'next')).position).toBe(5)
    expect(metaOf(files)).not.toHaveProperty('engram_pending')
    expect(await contents(store)).toEqual(['new', 'next'])
  })

  it.each(['removed', 'altered'])('TRN-703 is undone when its file was %s', async (how) => {
    const { files, pending } = await stopped()
    if (how === 'removed') await files.remove(pending)
    else await append(files, pending, 'x')
    expect(await contents(await open(files, { readOnly: true }))).toEqual(['two', 'three'])
    const store = await open(files)
    await store.addMessage('k', 'user', 'next')
    expect(await contents(store)).toEqual(['two', 'three', 'next'])
    expect(files.paths().filter((one) => one.includes('.pending.'))).toHaveLength(how === 'removed' ? 0 : 1)
  })
})

describe('opening', () => {
  it.each([
    ['a foreign session', { '/t/telegram_1.jsonl': '' }],
    ['a legacy file', { '/t/old.json': '{}' }],
    ['a meta file without format', { '/t/a.meta.json': '{"key":"a"}' }],
    ['a compat note', { '/t/.engram/format.json': '{"format":"engram-transcripts","version":1,"layout":"compat"}' }],
  ])('TRN-304 %s: refused where native was asked for, and nothing is touched', async (_, found) => {
    const files = new MemoryFiles()
    await files.makeDirectory('/t/.engram')
    for (const [name, text] of Object.entries(found)) await write(files, name, text)
    await expect(open(files, { layout: 'native' })).rejects.toMatchObject({ code: 'transcript_layout_mismatch' })
    expect(files.paths()).toEqual(Object.keys(found))
  })

  it('TRN-304 a newer version is read only', async () => {
    const files = await diskWith('one')
    await write(files, '/t/.engram/format.json', '{"format":"engram-transcripts","version":2,"layout":"native"}')
    const store = await open(files)
    expect(await contents(store)).toEqual(['one'])
    await expect(store.addMessage('k', 'user', 'x')).rejects.toMatchObject({ code: 'read_only' })
  })

  it('TRN-106 TRN-109 read only creates nothing; reading, truncating and compacting what is unknown neither', async () => {
    const files = new MemoryFiles()
    const reader = await open(files, { readOnly: true })
    expect([await reader.getHistory('k'), (await reader.listSessions()).sessions]).toEqual([[], []])
    await expect(reader.setSummary('k', 'x')).rejects.toMatchObject({ code: 'read_only' })
    expect(await files.facts('/t')).toBe(null)
    const store = await open(files)
    await store.getHistory('k')
    await store.truncateHistory('k', 1)
    await store.compact('k')
    await store.deleteSession('k')
    await store.addFullMessage('k', { role: 'assistant', content: '', reasoning_content: 'hm' })
    await expect(store.addMessage('k', 'user', 'x', { signal: AbortSignal.abort() })).rejects.toThrow()
    await store.close()
    expect([files.paths(), await files.list('/t')]).toEqual([[], []])
  })

  it('TRN-510 two stores on one directory see each other at once', async () => {
    const files = new MemoryFiles()
    const locks = createMemoryLocks()
    const [first, second] = [await open(files, { locks }), await open(files, { locks })]
    for (let n = 0; n < 5; n++) {
      await first.addMessage('k', 'user', `a${n}`)
      expect((await contents(second)).at(-1)).toBe(`a${n}`)
      await second.truncateHistory('k', 2)
      expect(await contents(first)).toEqual(await contents(second))
      await second.compact('k')
      await first.addMessage('k', 'user', `b${n}`, { messageId: `b${n}` })
      expect(await second.addMessage('k', 'user', 'again', { messageId: `b${n}` })).toMatchObject({ duplicate: true })
    }
  })

  it('TRN-1302 a second list looks at nothing; after a change only the changed meta file is read', async () => {
    const inner = new MemoryFiles()
    const first = await open(inner)
    const keys = Array.from({ length: 40 }, (_, n) => `key-${n}`)
    for (const key of keys) await first.addMessage(key, 'user', 'x')
    await first.close()
    const files = new FaultyFiles(inner)
    const store = await open(files)
    expect((await store.listSessions()).sessions).toHaveLength(40)
    const asked = (): number => files.operations.length
    const read = (): number => files.count('readBytes', '.meta.json')
    const before = [asked(), read()]
    expect((await store.listSessions({ sort: 'key' })).sessions[0]?.key).toBe('key-0')
    expect([asked() - (before[0] ?? 0) < 6, read() - (before[1] ?? 0)]).toEqual([true, 0])
    const other = await open(inner)
    await other.setSummary('key-7', 'changed')
    await other.close()
    expect((await store.listSessions({ prefix: 'key-7' })).sessions).toMatchObject([{ summary: 'changed' }])
    expect(read() - (before[1] ?? 0)).toBe(1)
    await store.addMessage('new', 'user', 'x')
    expect((await store.listSessions({ prefix: 'new' })).sessions).toMatchObject([{ key: 'new' }])
    await store.deleteSession('new')
    expect((await store.listSessions({ prefix: 'new' })).sessions).toEqual([])
  })

  it('TRN-801 many sessions: few stay open, none loses its order', async () => {
    const files = new FaultyFiles(new MemoryFiles())
    const store = await open(files)
    const keys = Array.from({ length: 150 }, (_, n) => `key-${n}`)
    await Promise.all(keys.map((key) => store.addMessage(key, 'user', 'a')))
    for (const key of keys) await store.addMessage(key, 'user', 'b')
    expect(files.count('open', '.jsonl') - files.count('close', '.jsonl')).toBeLessThanOrEqual(66)
    for (const key of keys) expect(await contents(store, key)).toEqual(['a', 'b'])
    await store.close()
    expect(files.count('open', '.jsonl')).toBe(files.count('close', '.jsonl'))
  })
})

describe('reading', () => {
  it('TRN-P11 the last n are the end of all, for any file', async () => {
    const line = fc.oneof(
      {
        weight: 5,
        arbitrary: fc
          .string({ unit: 'grapheme', maxLength: 5 })
          .map((content) => JSON.stringify({ role: 'user', content })),
      },
      fc.constantFrom('', ' ', '\r', '{"bad', 'null', '{"role":"assistant","content":"","reasoning_content":"x"}'),
    )
    const file = fc.record({
      lines: fc.array(line, { maxLength: 12 }),
      ends: fc.constantFrom('\n', '\r\n', ''),
      skip: fc.nat(14),
    })
    await fc.assert(
      fc.asyncProperty(file, fc.nat(14), fc.nat(14), async ({ lines, ends, skip }, last, after) => {
        const files = new MemoryFiles()
        await files.makeDirectory('/t')
        await write(files, metaPath, JSON.stringify({ key: 'k', skip, format: 1 }))
        await write(files, path, lines.join('\n') + ends)
        const store = await open(files, { readOnly: true })
        const all = await store.readHistory('k')
        const messages = await store.getHistory('k')
        expect(messages).toEqual(all.messages.map((one) => one.message))
        expect(await store.getHistory('k', { last })).toEqual(last === 0 ? [] : messages.slice(-last))
        expect((await store.readHistory('k', { after })).messages).toEqual(
          all.messages.filter((one) => one.position > after),
        )
        expect(all.messages.every((one) => one.position > skip)).toBe(true)
        expect(await store.count('k')).toBe(messages.length)
      }),
      { numRuns: 300 },
    )
  })

  it('TRN-804 a session replaced between looking at meta and opening the transcript is read again', async () => {
    const inner = await diskWith('a', 'b', 'c', 'd', 'e')
    const locks = createMemoryLocks()
    const writer = await open(inner, { locks })
    await writer.truncateHistory('k', 2)
    let interrupt: (() => Promise<void>) | null = () => writer.compact('k')
    const files: Files = {
      open: async (...given) => {
        const run = given[0] === path ? interrupt : null
        if (run !== null) interrupt = null
        await run?.()
        return inner.open(...given)
      },
      facts: (one) => inner.facts(one),
      factsOfMany: (paths) => inner.factsOfMany(paths),
      readMany: (paths, bytesMax) => inner.readMany(paths, bytesMax),
      list: (one) => inner.list(one),
      makeDirectory: (one) => inner.makeDirectory(one),
      readBytes: (one) => inner.readBytes(one),
      rename: (from, to) => inner.rename(from, to),
      link: (from, to) => inner.link(from, to),
      remove: (one) => inner.remove(one),
      removeDirectory: (one) => inner.removeDirectory(one),
      syncDirectory: (one) => inner.syncDirectory(one),
    }
    expect(await contents(await open(files, { locks }))).toEqual(['d', 'e'])
    expect(interrupt).toBe(null)
  })

  it('TRN-804 TRN-P10 beside a writer that replaces in a loop, each read is one of the states written', async () => {
    const files = new MemoryFiles()
    const locks = createMemoryLocks()
    const writer = await open(files, { locks })
    const reader = await open(files, { locks })
    const sizeOf = (n: number): number => (n % 7) + 3
    const set = (n: number): Promise<void> =>
      writer.setHistory(
        'k',
        Array.from({ length: sizeOf(n) }, (_, at) => ({ role: 'user', content: `${n} ${at}` })),
      )
    await set(0)
    const done = new AbortController()
    const writing = (async () => {
      for (let n = 1; n < 60; n++) {
        await set(n)
        await writer.truncateHistory('k', 2)
        await writer.compact('k')
      }
      done.abort()
    })()
    let reads = 0
    while (!done.signal.aborted) {
      const seen = await contents(reader)
      // The disk in memory never lets go of the event loop by itself.
      await new Promise((resolve) => setImmediate(resolve))
      reads++
      const n = Number(seen[0]?.split(' ')[0])
      const all = Array.from({ length: sizeOf(n) }, (_, at) => `${n} ${at}`)
      expect([all, all.slice(-2)]).toContainEqual(seen)
    }
    await writing
    expect(reads).toBeGreaterThan(10)
  })
})
