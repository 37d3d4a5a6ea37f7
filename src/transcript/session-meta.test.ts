import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { FaultyFiles } from '../platform/faulty-files.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import { layouts } from './layout.ts'
import type { LayoutName } from './layout.ts'
import { MemoryFiles } from './memory-files.ts'

const open = (files: Files, layout: LayoutName = 'native'): Promise<JsonlStore> =>
  JsonlStore.open('/t', {
    files,
    layout,
    clock: new SimulatedClock(),
    random: seededRandom(3),
    locks: createMemoryLocks(),
  })

async function write(files: MemoryFiles, path: string, text: string): Promise<void> {
  const file = await files.open(path, 'append')
  await file.truncate(0)
  await file.write(Buffer.from(text))
}

describe.each(['native', 'compat'] as const)('scope and aliases, %s', (layout) => {
  it('TRN-1202 SessionMetaScopeAndAliasesPersist: both are replaced, the rest stays; a copy is handed out', async () => {
    const files = new MemoryFiles()
    const store = await open(files, layout)
    expect(await store.getSessionMeta('k')).toEqual({
      key: 'k',
      summary: '',
      skip: 0,
      count: 0,
      createdAt: '',
      updatedAt: '',
      aliases: [],
    })
    expect(await store.exists('k')).toBe(false)
    for (const text of ['a', 'b', 'c']) await store.addMessage('k', 'user', text)
    await store.setSummary('k', 'sum')
    await store.truncateHistory('k', 1)
    await store.upsertSessionMeta('k', { channel: 'x' }, [' one ', 'two', 'one', '', 'k'])
    const meta = await store.getSessionMeta('k')
    const expected = { summary: 'sum', skip: 2, count: 3, scope: { channel: 'x' }, aliases: ['one', 'two'] }
    expect(meta).toMatchObject({ ...expected, createdAt: '2026-01-01T00:00:00.000Z' })
    Object.assign(meta.scope as object, { channel: 'changed' })
    await store.close()
    const again = await open(files, layout)
    expect(await again.getSessionMeta('k')).toMatchObject(expected)
    await again.upsertSessionMeta('k', undefined, [])
    expect(await again.getSessionMeta('k')).not.toHaveProperty('scope')
    expect(await again.getSessionMeta('k')).toMatchObject({ summary: 'sum', aliases: [] })
    const wrong = again.upsertSessionMeta('k', undefined, 'x' as unknown as string[])
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('TRN-1203 ResolveSessionKeyByAlias: own files, else an alias, else a key; bad meta files are passed over', async () => {
    const files = new MemoryFiles()
    const store = await open(files, layout)
    await store.upsertSessionMeta('canonical:1', undefined, ['telegram:7', 'plain', 'shared'])
    await store.upsertSessionMeta('canonical:2', undefined, ['shared'])
    await store.addMessage('plain', 'user', 'x')
    await store.addMessage('telegram:7', 'user', 'legacy')
    await store.addMessage('own:9', 'user', 'x')
    // DirectHitSkipsCorruptMetadata, SkipsCorruptMetadataDuringAliasScan
    await write(files, `/t/${layouts[layout].nameOf('broken')}.meta.json`, '{"aliases":')
    const resolved = async (name: string): Promise<string | null> => {
      const { key, found } = await store.resolveSessionKey(name)
      return found ? key : null
    }
    // A name without a colon that has files is itself; PrefersMetadataOverLegacyFile for others.
    expect(await resolved(' plain ')).toBe('plain')
    expect(await resolved('telegram:7')).toBe('canonical:1')
    expect(await resolved('shared')).toBe('canonical:1')
    expect(await resolved('canonical:2')).toBe('canonical:2')
    expect(await resolved('own:9')).toBe('own:9')
    expect(await resolved('broken')).toBe('broken')
    expect([await resolved('nobody'), await resolved('  '), await resolved('no:body')]).toEqual([null, null, null])
    const counted = new FaultyFiles(files)
    const again = await open(counted, layout)
    expect(await again.resolveSessionKey('telegram:7')).toEqual({ key: 'canonical:1', found: true })
    const asked = counted.operations.length
    expect(await again.resolveSessionKey('telegram:7')).toEqual({ key: 'canonical:1', found: true })
    expect(counted.operations.length - asked).toBeLessThanOrEqual(3)
    await store.upsertSessionMeta('canonical:1', undefined, ['other'])
    expect(await again.resolveSessionKey('telegram:7')).toEqual({ key: 'telegram:7', found: true })
    expect([await resolved('shared'), await resolved('other')]).toEqual(['canonical:2', 'canonical:1'])
  })
})

describe('TRN-509 rewinding', () => {
  it('TRN-509 TRN-901 a reader that knew the file before never takes one that came back for it', async () => {
    const files = new MemoryFiles()
    const store = await open(files)
    const reader = await open(files)
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 5 + round * 3; n++) await store.addMessage('k', 'user', `${round} ${'x'.repeat(n * 7)}`)
      const end = await store.savepoint('k')
      expect(await reader.savepoint('k')).toBe(end)
      await store.rewindHistory('k', Math.floor(end / 2))
      const page = await reader.readHistory('k')
      expect(page.messages.map((one) => one.position)).toEqual(
        Array.from({ length: Math.floor(end / 2) }, (_, n) => n + 1),
      )
      expect(page.messages).toEqual((await store.readHistory('k')).messages)
    }
    expect(JSON.parse(files.text('/t/s-k.meta.json'))).toMatchObject({ base: 0, cuts: 6 })
  })
})
