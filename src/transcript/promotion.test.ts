import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { FaultyFiles, isChange } from '../platform/faulty-files.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import { MemoryFiles } from './memory-files.ts'

const root = await mkdtemp(join(tmpdir(), 'engram-promotion-'))
afterAll(() => rm(root, { recursive: true, force: true }))

const openIn = (files: Files): Promise<JsonlStore> =>
  JsonlStore.open('/t', { files, clock: new SimulatedClock(), random: seededRandom(2), locks: createMemoryLocks() })
const contents = async (store: JsonlStore, key: string): Promise<string[]> =>
  (await store.getHistory(key)).map((message) => message.content)

describe('TRN-1204 promotion of an alias', () => {
  it('EnsureSessionMetadata_PromotesLegacyAliasHistory: visible messages, summary, scope and aliases', async () => {
    const files = new MemoryFiles()
    const store = await openIn(files)
    for (const text of ['a', 'b', 'c']) await store.addMessage('old', 'user', text)
    await store.truncateHistory('old', 2)
    await store.setSummary('old', 'sum')
    expect(await store.promoteAliasHistory('new', { channel: 'x' }, [' none ', 'old', 'old', 'new', ''])).toBe(true)
    expect([await contents(store, 'new'), await store.getSummary('new')]).toEqual([['b', 'c'], 'sum'])
    expect(await contents(store, 'old')).toEqual(['b', 'c'])
    const meta = JSON.parse(files.text('/t/s-new.meta.json')) as object
    expect(meta).toMatchObject({ scope: { channel: 'x' }, aliases: ['none', 'old'] })
    expect(JSON.parse(files.text('/t/s-old.meta.json'))).toMatchObject({ promoted_to: 'new' })
  })

  it('…_DoesNotOverwriteNonEmptyCanonicalHistory, and main aliases are passed over', async () => {
    const store = await openIn(new MemoryFiles())
    await store.addMessage('old', 'user', 'a')
    await store.addMessage('agent:x:main', 'user', 'a')
    await store.addMessage('full', 'user', 'own')
    await store.setSummary('noted', 'own summary')
    expect(await store.promoteAliasHistory('full', {}, ['old'])).toBe(false)
    expect(await store.promoteAliasHistory('noted', {}, ['old'])).toBe(false)
    expect(await store.promoteAliasHistory('new', {}, ['agent:x:main', 'unknown'])).toBe(false)
    expect([await contents(store, 'full'), await contents(store, 'noted')]).toEqual([['own'], []])
  })

  it('TRN-P8 stopped at every operation: old or new', async () => {
    const base = new MemoryFiles()
    const first = await openIn(base)
    for (const text of ['a', 'b']) await first.addMessage('old', 'user', text)
    await first.close()
    const counting = new FaultyFiles(base.copy())
    await (await openIn(counting)).promoteAliasHistory('new', { s: 1 }, ['old'])
    const changes = counting.operations.filter(isChange).length
    for (let at = 1; at <= changes; at++) {
      const disk = base.copy()
      const files = new FaultyFiles(disk, { at, kind: 'crash', matches: isChange })
      await openIn(files)
        .then((store) => store.promoteAliasHistory('new', { s: 1 }, ['old']))
        .catch(() => undefined)
      await files.cutPower()
      const store = await openIn(disk)
      const found = await contents(store, 'new')
      const notes = await store.notes('new')
      expect([
        [[], undefined],
        [['a', 'b'], { s: 1 }],
      ]).toContainEqual([found, notes.scope])
      expect(await contents(store, 'old')).toEqual(['a', 'b'])
    }
  })
})

describe('TRN-805 two sessions at once', () => {
  it('TRN-P8 opposite promotions over all pairs of keys, by two stores on one directory: every one ends', async () => {
    const stores = await Promise.all([JsonlStore.open(root), JsonlStore.open(root)])
    const keys = ['a', 'b', 'c', 'd', 'e']
    for (const key of keys) await stores[0].addMessage(key, 'user', key)
    const pairs = keys.flatMap((one) => keys.filter((other) => other !== one).map((other) => [one, other] as const))
    const calls = pairs.flatMap(([one, other]) => stores.map((store) => store.promoteAliasHistory(one, {}, [other])))
    // All have messages of their own, so nothing is promoted; each call takes both locks to find that out.
    expect(new Set(await Promise.all(calls))).toEqual(new Set([false]))
    for (const store of stores) await store.close()
    for (const key of keys) expect(await readFile(join(root, `s-${key}.jsonl`), 'utf8')).toContain(`"${key}"`)
  })
})
