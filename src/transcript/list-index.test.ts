import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import type { Clock } from '../platform/clock.ts'
import { FaultyFiles, isChange } from '../platform/faulty-files.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { FileLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { bounds } from './bounds.ts'
import { JsonlStore } from './jsonl-store.ts'
import type { JsonlStoreOptions } from './jsonl-store.ts'
import { MemoryFiles } from './memory-files.ts'
import type { SessionListing } from './store.ts'

/** What a list found and kept for the next store (TRN-901): it may never show another list than the files would. */

const isLong = process.env['ENGRAM_LONG'] === '1'
const index = '/t/.engram/index/sessions'
const sessions = bounds.listIndexSessionsMin

/** Locks inside one process that stand in the directory, as those between processes do. */
function visibleLocks(files: Files): FileLocks {
  const inner = createMemoryLocks()
  return {
    acquire: async (path, waitMs) => {
      const held = await inner.acquire(path, waitMs)
      if (held === null) return null
      await (await files.open(`${path}.lock`, 'append')).close()
      return {
        get lost() {
          return held.lost
        },
        release: async () => {
          await files.remove(`${path}.lock`)
          await held.release()
        },
      }
    },
  }
}

type World = { readonly disk: MemoryFiles; readonly clock: Clock; readonly locks: FileLocks; boot: string }

let seed = 0
const open = (world: World, files: Files = world.disk, options: JsonlStoreOptions = {}): Promise<JsonlStore> =>
  JsonlStore.open('/t', {
    files,
    clock: world.clock,
    locks: world.locks,
    random: seededRandom(++seed),
    machine: { bootId: world.boot },
    ...options,
  })

async function write(files: Files, path: string, text: string | Uint8Array): Promise<void> {
  const file = await files.open(path, 'append')
  await file.truncate(0)
  await file.write(Buffer.from(text))
}

const metaOf = (key: string, summary: string): string =>
  JSON.stringify({ key, summary, skip: 0, count: 0, created_at: '2026-01-01T00:00:00.000Z', format: 1 })

const full = (async (): Promise<MemoryFiles> => {
  const files = new MemoryFiles()
  for (const folder of ['', '/index', '/locks', '/tmp', '/previous', '/quarantine', '/trash'])
    await files.makeDirectory(`/t/.engram${folder}`)
  await write(files, '/t/.engram/format.json', '{"format":"engram-transcripts","version":1,"layout":"native"}')
  for (let n = 0; n < sessions; n++) await write(files, `/t/s-k${n}.meta.json`, metaOf(`k${n}`, `about ${n}`))
  return files
})()

/** `startMs` near the time of the files: then a directory's time never tells of the next change. */
async function world(startMs?: number): Promise<World> {
  const disk = (await full).copy()
  return { disk, clock: new SimulatedClock(startMs), locks: visibleLocks(disk), boot: 'one' }
}

async function listed(store: JsonlStore): Promise<readonly SessionListing[]> {
  const all: SessionListing[] = []
  for (let cursor: string | undefined, more = true; more;) {
    const page = await store.listSessions({ limit: 1_000, sort: 'key', ...(cursor === undefined ? {} : { cursor }) })
    all.push(...page.sessions)
    more = page.next !== null
    cursor = page.next ?? undefined
  }
  return all
}

/** What the files say, without any index. */
async function truth(world: World): Promise<readonly SessionListing[]> {
  const disk = world.disk.copy()
  await disk.remove(index)
  return listed(await open(world, disk, { readOnly: true }))
}

/** A store opened and closed again, which keeps what it found. */
async function kept(world: World): Promise<void> {
  const store = await open(world)
  await listed(store)
  await store.close()
}

describe('a list kept for the next store', () => {
  it('TRN-901 just opened, no meta file is read; after writes, those of the sessions written alone', async () => {
    const one = await world()
    await kept(one)
    const counted = new FaultyFiles(one.disk)
    const expected = await truth(one)
    expect(await listed(await open(one, counted, { readOnly: true }))).toEqual(expected)
    expect(counted.count('readBytes', '.meta.json')).toBe(0)
    const writer = await open(one)
    await writer.setSummary('k7', 'changed')
    await writer.addMessage('new', 'user', 'x')
    await writer.close()
    const again = await listed(await open(one, counted, { readOnly: true }))
    expect(again).toEqual(await truth(one))
    expect(again.find((session) => session.key === 'k7')?.summary).toBe('changed')
    expect(counted.count('readBytes', '.meta.json')).toBe(2)
  })

  it('TRN-901 few sessions keep nothing, a store that only reads and a directory of others neither', async () => {
    const one = await world()
    await listed(await open(one, one.disk, { readOnly: true }))
    expect(one.disk.paths()).not.toContain(index)
    await one.disk.remove('/t/s-k0.meta.json')
    await kept(one)
    expect(one.disk.paths()).not.toContain(index)
    const other = await world()
    await write(other.disk, '/t/.engram/format.json', '{"format":"engram-transcripts","version":1,"layout":"compat"}')
    await kept(other)
    expect(other.disk.paths()).not.toContain(index)
  })

  it('TRN-901 after another start of the machine it is not believed: touches may be lost in a power cut', async () => {
    const one = await world()
    await kept(one)
    // In place and without a touch: only the kept list would not notice.
    await write(one.disk, '/t/s-k3.meta.json', metaOf('k3', 'after the power cut'))
    const summaryOf = async (): Promise<string | undefined> =>
      (await listed(await open(one, one.disk, { readOnly: true }))).find((session) => session.key === 'k3')?.summary
    expect(await summaryOf()).toBe('about 3')
    one.boot = 'two'
    expect(await summaryOf()).toBe('after the power cut')
  })

  it('TRN-901 what a program without locks replaced, and whatever stood for a day, is looked at again', async () => {
    const one = await world()
    await kept(one)
    const long = await open(one)
    await listed(long)
    await write(one.disk, '/t/new', metaOf('k5', 'replaced'))
    await one.disk.rename('/t/new', '/t/s-k5.meta.json')
    expect(await listed(long)).toEqual(await truth(one))
    expect(await listed(await open(one, one.disk, { readOnly: true }))).toEqual(await truth(one))
    await write(one.disk, '/t/s-k6.meta.json', metaOf('k6', 'altered in place'))
    await one.clock.sleep(bounds.listVerifiedMs + 1)
    expect(await listed(long)).toEqual(await truth(one))
    expect(await listed(await open(one, one.disk, { readOnly: true }))).toEqual(await truth(one))
  })

  it('TRN-1303 a purge takes what lists keep with it, also from one who is about to keep an older one', async () => {
    const one = await world()
    await kept(one)
    const writer = await open(one)
    await writer.setSummary('k1', 'PASSPHRASE')
    await writer.close()
    await one.clock.sleep(bounds.listVerifiedMs + 1)
    await kept(one)
    expect(one.disk.text(index)).toContain('PASSPHRASE')
    const purge = async (): Promise<void> => {
      const purger = await open(one)
      await purger.deleteSession('k1', { purge: true })
      await purger.close()
    }
    let isArmed = true
    const late = new FaultyFiles(one.disk)
    const rename = late.rename.bind(late)
    late.rename = async (from, to) => {
      if (isArmed && to === index) {
        isArmed = false
        await purge()
      }
      await rename(from, to)
    }
    await one.clock.sleep(bounds.listVerifiedMs + 1)
    const store = await open(one, late)
    await listed(store)
    await store.close()
    expect(isArmed).toBe(false)
    expect(one.disk.paths().filter((path) => one.disk.text(path).includes('PASSPHRASE'))).toEqual([])
    expect(await listed(await open(one))).toEqual(await truth(one))
  })

  it('TRN-901 TRN-P2 keeping it or writing beside it, stopped at any operation: the next list is what the files say', async () => {
    const doings: readonly ((store: JsonlStore) => Promise<unknown>)[] = [
      (store) => listed(store),
      (store) => store.addMessage('k9', 'user', 'x'),
      (store) => store.setSummary('fresh', 'x'),
      (store) => store.deleteSession('k9', { purge: true }),
    ]
    for (const doing of doings) {
      for (let at = 1, isOver = false; !isOver; at++) {
        const one = await world()
        if (doing !== doings[0]) await kept(one)
        const files = new FaultyFiles(one.disk)
        const store = await open(one, files)
        files.arm({ at, kind: 'crash', matches: isChange, partBytes: 20 })
        await doing(store).catch(() => undefined)
        if (!files.isCrashed) await store.close()
        isOver = !files.hasStruck
        await files.killProcess()
        const next = { ...one, locks: visibleLocks(one.disk) }
        expect(await listed(await open(next, one.disk, { readOnly: true }))).toEqual(await truth(next))
        await kept(next)
        expect(await listed(await open(next, one.disk, { readOnly: true }))).toEqual(await truth(next))
      }
    }
  })
})

type Step =
  | { readonly kind: 'list' | 'reopen' | 'kill'; readonly who: number }
  | { readonly kind: 'append' | 'summary' | 'delete' | 'purge' | 'compact'; readonly who: number; readonly key: string }
  | { readonly kind: 'promote'; readonly who: number; readonly key: string; readonly from: string }
  | { readonly kind: 'put' | 'take'; readonly key: string }
  | { readonly kind: 'flip' | 'cut'; readonly share: number }
  | { readonly kind: 'empty' | 'missing' | 'stale' | 'later' | 'folder missing' }

const who = fc.nat(1)
const key = fc.nat(11).map((n) => (n < 6 ? `k${n}` : `n${n}`))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('list', 'reopen', 'kill'), who }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('append', 'append', 'summary', 'delete', 'purge', 'compact'),
      who,
      key,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('promote'), who, key, from: key }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('put', 'take'), key: fc.nat(20).map((n) => `${20 + n}`) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('flip', 'cut'), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('empty', 'missing', 'stale', 'later', 'folder missing') }),
  },
)

/** Two stores, as of two processes, on one disk. */
async function play(steps: readonly Step[], startMs: number | undefined): Promise<void> {
  const one = await world(startMs)
  await kept(one)
  const first = Buffer.from((await one.disk.readBytes(index)) ?? [])
  const stores = [await open(one), await open(one)]
  const at = (who: number): JsonlStore => stores[who] ?? expect.fail('there are two')
  const put = new Set<string>()
  let taken = 0
  for (const step of steps) {
    switch (step.kind) {
      case 'list':
        break
      case 'reopen':
        await at(step.who).close()
        stores[step.who] = await open(one)
        break
      case 'kill':
        // What it holds in memory is gone; its locks are taken over.
        for (const path of one.disk.paths()) if (path.endsWith('.lock')) await one.disk.remove(path)
        stores[step.who] = await open({ ...one, locks: visibleLocks(one.disk) })
        stores[1 - step.who] = await open({ ...one, locks: visibleLocks(one.disk) })
        break
      case 'append':
        await at(step.who).addMessage(step.key, 'user', 'more')
        break
      case 'summary':
        await at(step.who).setSummary(step.key, `at ${seed++}`)
        break
      case 'delete':
      case 'purge':
        await at(step.who).deleteSession(step.key, { purge: step.kind === 'purge' })
        break
      case 'compact':
        await at(step.who).truncateHistory(step.key, 1)
        await at(step.who).compact(step.key)
        break
      case 'promote':
        await at(step.who).promoteAliasHistory(step.key, undefined, [step.from])
        break
      case 'put':
        if (!put.has(step.key)) await write(one.disk, `/t/s-p${step.key}.meta.json`, metaOf(`p${step.key}`, 'put'))
        put.add(step.key)
        break
      case 'take':
        await one.disk.remove(`/t/s-k${sessions - 1 - taken++}.meta.json`)
        break
      case 'flip': {
        const bytes = Buffer.from((await one.disk.readBytes(index)) ?? [])
        const place = Math.floor(step.share * (bytes.length - 1))
        if (bytes.length > 0) bytes[place] = (bytes[place] ?? 0) ^ 4
        await write(one.disk, index, bytes)
        break
      }
      case 'cut': {
        const bytes = Buffer.from((await one.disk.readBytes(index)) ?? [])
        await write(one.disk, index, bytes.subarray(0, Math.floor(step.share * bytes.length)))
        break
      }
      case 'empty':
        await write(one.disk, index, Buffer.alloc(100))
        break
      case 'missing':
        await one.disk.remove(index)
        break
      case 'stale':
        await write(one.disk, index, first)
        break
      case 'later':
        await one.clock.sleep(bounds.listKeptMs + 1)
        break
      case 'folder missing':
        for (const [who, store] of stores.entries()) {
          await store.close()
          stores[who] = await open(one)
        }
        for (const path of one.disk.paths()) if (path.includes('/.engram/index/')) await one.disk.remove(path)
        break
    }
    const expected = await truth(one)
    if ('who' in step) expect(await listed(at(step.who))).toEqual(expected)
    expect(await listed(await open(one, one.disk, { readOnly: true }))).toEqual(expected)
  }
  for (const store of stores) expect(await listed(store)).toEqual(await truth(one))
}

describe('any order of things', () => {
  it(
    'TRN-901 TRN-1302 lists are what the files say, whatever two processes did and whatever became of the kept one',
    { timeout: isLong ? 600_000 : 60_000 },
    async () => {
      const start = fc.constantFrom(undefined, 1_000)
      await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 14 }), start, play), {
        numRuns: isLong ? 1_000 : 50,
      })
    },
  )
})
