import { mkdtemp, open as openFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { JsonlStore } from './jsonl-store.ts'
import { MemoryTranscriptStore } from './memory-store.ts'

/** What a disk may hold that no store would write. */

const root = await mkdtemp(join(tmpdir(), 'engram-hostile-'))
afterAll(() => rm(root, { recursive: true, force: true }))
const contents = async (store: JsonlStore): Promise<string[]> =>
  (await store.getHistory('k')).map((message) => message.content)
const mebi = 1024 * 1024

describe('hostile files', () => {
  it('TRN-1002 TRN-P6 a line of 64 MB between good ones is one bad line; everything else goes on', async () => {
    const directory = join(root, 'long')
    const store = await JsonlStore.open(directory)
    await store.addMessage('k', 'user', 'before')
    await store.close()
    const file = await openFile(join(directory, 's-k.jsonl'), 'a')
    for (let n = 0; n < 64; n++) await file.write(Buffer.alloc(mebi, 0x78))
    await file.write('\n{"role":"user","content":"after"}\n')
    await file.close()
    const logged: unknown[] = []
    const again = await JsonlStore.open(directory, { log: (event, fields) => logged.push([event, fields]) })
    expect(await contents(again)).toEqual(['before', 'after'])
    expect((await again.getHistory('k', { last: 2 })).map((one) => one.content)).toEqual(['before', 'after'])
    expect(logged).toContainEqual(['bad_line', expect.objectContaining({ line: 2, reason: 'too long' })])
    expect((await again.inspect('k'))?.bad).toMatchObject([{ line: 2, reason: 'too long' }])
    expect((await again.addMessage('k', 'user', 'more')).position).toBe(4)
    await again.truncateHistory('k', 3)
    expect(await contents(again)).toEqual(['before', 'after', 'more'])
    await again.compact('k', { force: true })
    expect(await contents(again)).toEqual(['before', 'after', 'more'])
    expect(await again.size('k')).toBeLessThan(1_000)
    const kept = (await readdir(join(directory, '.engram/quarantine'))).filter((name) => name.endsWith('.line'))
    expect(kept).toHaveLength(1)
    await again.close()
  })

  it('TRN-1701 TRN-P6 a line of 10 MiB is taken, one byte more is refused with size and limit', async () => {
    const store = await JsonlStore.open(join(root, 'limit'))
    const line = async (content: string): Promise<number> => {
      await store.setHistory('probe', [{ role: 'user', content }])
      return store.size('probe')
    }
    const frame = await line('')
    const most = 'x'.repeat(10 * mebi - frame)
    expect(await line(most)).toBe(10 * mebi)
    await store.addMessage('k', 'user', most)
    await expect(store.addMessage('k', 'user', `${most}x`)).rejects.toMatchObject({
      code: 'payload_too_large',
      details: { bytes: 10 * mebi + 1, bytesMax: 10 * mebi },
    })
    expect((await store.getHistory('k'))[0]?.content.length).toBe(most.length)
    await store.close()
  })

  it('TRN-405 a meta file of zeros, a whole block of them: rebuilt and said, the transcript untouched', async () => {
    const directory = join(root, 'zeros')
    const store = await JsonlStore.open(directory)
    for (const text of ['one', 'two', 'three']) await store.addMessage('k', 'user', text)
    await store.truncateHistory('k', 2)
    await store.setSummary('k', 'sum')
    await store.close()
    await writeFile(join(directory, 's-k.meta.json'), Buffer.alloc(4096))
    const told: string[] = []
    const verdict = await JsonlStore.open(directory, { readOnly: true })
    expect(await verdict.inspect('k')).toMatchObject({ meta: 'damaged', retained: 3, badTotal: 0 })
    await verdict.close()
    const again = await JsonlStore.open(directory, { log: (event) => told.push(event) })
    expect(await contents(again)).toEqual(['two', 'three'])
    expect(told).toContain('meta_rebuilt')
    expect((await again.inspect('k'))?.meta).toBe('ok')
    await again.close()
  })
})

describe('TRN-507 compacting by force', () => {
  it('drops bad, blank and transient lines also where nothing is hidden; without them nothing is written', async () => {
    const directory = join(root, 'force')
    const store = await JsonlStore.open(directory)
    await store.addMessage('k', 'user', 'one')
    const before = await store.size('k')
    await store.compact('k', { force: true })
    expect(await store.size('k')).toBe(before)
    await store.close()
    const path = join(directory, 's-k.jsonl')
    await writeFile(path, 'bad\n\n{"role":"assistant","content":"","reasoning_content":"hm"}\n', { flag: 'a' })
    const again = await JsonlStore.open(directory)
    await again.compact('k')
    expect(await again.size('k')).toBeGreaterThan(before)
    await again.compact('k', { force: true })
    expect([await contents(again), await again.size('k')]).toEqual([['one'], before])
    await again.close()
  })
})

describe('TRN-107 the store without files', () => {
  it('drops the oldest beyond its bound and counts them', async () => {
    const store = new MemoryTranscriptStore({ messagesMax: 3 })
    for (const text of ['a', 'b', 'c', 'd', 'e']) await store.addMessage('k', 'user', text)
    expect((await store.getHistory('k')).map((one) => one.content)).toEqual(['c', 'd', 'e'])
    expect(store.dropped).toBe(2)
    await store.close()
  })
})
