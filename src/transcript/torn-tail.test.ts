import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import { MemoryFiles } from './memory-files.ts'

const path = '/t/s-k.jsonl'
const open = (files: MemoryFiles): Promise<JsonlStore> =>
  JsonlStore.open('/t', { files, clock: new SimulatedClock(), random: seededRandom(7), locks: createMemoryLocks() })

const contents = async (store: JsonlStore): Promise<string[]> =>
  (await store.getHistory('k')).map((message) => message.content)

async function diskWith(...texts: string[]): Promise<MemoryFiles> {
  const files = new MemoryFiles()
  const store = await open(files)
  for (const text of texts) await store.addMessage('k', 'user', text)
  await store.close()
  return files
}

async function change(files: MemoryFiles, change: (bytes: Buffer) => Buffer): Promise<void> {
  const bytes = change(Buffer.from((await files.readBytes(path)) ?? []))
  const file = await files.open(path, 'append')
  await file.truncate(0)
  await file.write(bytes)
}

describe('torn tails', () => {
  it('TRN-P1 TRN-R1 cut at every byte of the last line, then append twice: nothing acknowledged is lost', async () => {
    const base = await diskWith('one', 'two é', 'last')
    const whole = Buffer.from(base.text(path))
    const lastStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1
    for (let cut = lastStart; cut <= whole.length; cut++) {
      const files = base.copy()
      await change(files, (bytes) => bytes.subarray(0, cut))
      const first = await open(files)
      // Complete but for its newline, it counts.
      const kept = cut >= whole.length - 1 ? ['one', 'two é', 'last'] : ['one', 'two é']
      expect(await contents(first)).toEqual(kept)
      await first.addMessage('k', 'user', 'after')
      await first.close()
      const second = await open(files)
      await second.addMessage('k', 'user', 'and on')
      expect(await contents(second)).toEqual([...kept, 'after', 'and on'])
      expect(files.text(path).endsWith('\n')).toBe(true)
      expect(files.text(path)).not.toContain('\n\n')
    }
  })

  it('TRN-602 TRN-610 a retry of a torn but complete message is a duplicate', async () => {
    const files = new MemoryFiles()
    const first = await open(files)
    await first.addMessage('k', 'user', 'one', { messageId: 'id-1' })
    await first.close()
    await change(files, (bytes) => bytes.subarray(0, -1))
    const second = await open(files)
    expect(await second.addMessage('k', 'user', 'one', { messageId: 'id-1' })).toMatchObject({
      duplicate: true,
      position: 1,
    })
    expect((await second.addMessage('k', 'user', 'two')).position).toBe(2)
    expect(await contents(second)).toEqual(['one', 'two'])
  })

  it('TRN-602 truncation beside a torn tail keeps the last messages', async () => {
    const files = await diskWith('one', 'two', 'three')
    await change(files, (bytes) => Buffer.concat([bytes, Buffer.from('{"role":"us')]))
    const store = await open(files)
    await store.truncateHistory('k', 2)
    expect(await contents(store)).toEqual(['two', 'three'])
    expect((await store.addMessage('k', 'user', 'four')).position).toBe(5)
    expect(await contents(store)).toEqual(['two', 'three', 'four'])
  })
})

describe('flipped bits', () => {
  it('TRN-210 one flipped bit anywhere: no message comes back altered, and at most its two neighbours are missed', async () => {
    const texts = ['one', 'two', 'three']
    const base = await diskWith(...texts)
    const bytes = Buffer.from(base.text(path))
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const files = base.copy()
      await change(files, (whole) => {
        whole[bit >> 3] = (whole[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return whole
      })
      const found = await contents(await open(files))
      expect(found.every((text) => texts.includes(text))).toBe(true)
      expect(found.length).toBeGreaterThanOrEqual(1)
    }
  })
})
