import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { Files, OpenFile } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import { MemoryFiles } from './memory-files.ts'

/**
 * Power-loss states (reliability C3, C5): everything a long run asks of the disk is written down; then, at every single
 * request, the disk is put together as a power cut might have left it, and opened.
 */

const isLong = process.env['ENGRAM_LONG'] === '1'
const messages = isLong ? 4_500 : 300

type Event =
  | { readonly kind: 'create'; readonly path: string; readonly inode: bigint }
  | { readonly kind: 'write'; readonly inode: bigint; readonly bytes: Buffer }
  | { readonly kind: 'sync'; readonly inode: bigint }
  | { readonly kind: 'truncate'; readonly inode: bigint; readonly size: number }
  | { readonly kind: 'rename' | 'link'; readonly from: string; readonly path: string; readonly inode: bigint }
  | { readonly kind: 'remove' | 'syncDirectory'; readonly path: string }
  /** The caller got its answer. */
  | { readonly kind: 'answered' }

/** Passes everything on and writes it down. */
function traced(inner: MemoryFiles, trace: Event[]): Files {
  const wrap = async (file: OpenFile): Promise<OpenFile> => {
    const { inode } = await file.facts()
    return {
      ...file,
      write: async (bytes) => {
        await file.write(bytes)
        trace.push({ kind: 'write', inode, bytes: Buffer.from(bytes) })
      },
      sync: async () => void trace.push({ kind: 'sync', inode }),
      truncate: async (size) => {
        await file.truncate(size)
        trace.push({ kind: 'truncate', inode, size })
      },
    }
  }
  const inodeOf = async (path: string): Promise<bigint> => (await inner.facts(path))?.inode ?? 0n
  return {
    open: async (path, mode, permissions) => {
      const isNew = mode !== 'read' && (await inner.facts(path)) === null
      const file = await inner.open(path, mode, permissions)
      if (isNew) trace.push({ kind: 'create', path, inode: (await file.facts()).inode })
      return wrap(file)
    },
    facts: (path) => inner.facts(path),
    factsOfMany: (paths) => inner.factsOfMany(paths),
    readMany: (paths, bytesMax) => inner.readMany(paths, bytesMax),
    list: (path) => inner.list(path),
    makeDirectory: (path) => inner.makeDirectory(path),
    readBytes: (path) => inner.readBytes(path),
    rename: async (from, path) => {
      await inner.rename(from, path)
      trace.push({ kind: 'rename', from, path, inode: await inodeOf(path) })
    },
    link: async (from, path) => {
      await inner.link(from, path)
      trace.push({ kind: 'link', from, path, inode: await inodeOf(path) })
    },
    remove: async (path) => {
      await inner.remove(path)
      trace.push({ kind: 'remove', path })
    },
    removeDirectory: (path) => inner.removeDirectory(path),
    syncDirectory: async (path) => void trace.push({ kind: 'syncDirectory', path }),
  }
}

/** Changes of directories that wait at most. */
const looseMax = 40

type Content = { bytes: Buffer; synced: number }
type Entry = Extract<Event, { readonly path: string }>

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))

/** What is on the platter, and what may or may not be. */
class Platter {
  readonly #contents = new Map<bigint, Content>()
  #names = new Map<string, bigint>()
  #loose: Entry[] = []

  take(event: Event): void {
    switch (event.kind) {
      case 'create':
        this.#contents.set(event.inode, { bytes: Buffer.alloc(0), synced: 0 })
        this.#loose.push(event)
        return
      case 'write': {
        const content = this.#of(event.inode)
        content.bytes = Buffer.concat([content.bytes, event.bytes])
        return
      }
      case 'truncate': {
        const content = this.#of(event.inode)
        content.bytes = content.bytes.subarray(0, event.size)
        content.synced = Math.min(content.synced, event.size)
        return
      }
      case 'sync':
        this.#of(event.inode).synced = this.#of(event.inode).bytes.length
        return
      case 'syncDirectory': {
        const isHere = (entry: Entry): boolean => directoryOf(entry.path) === event.path
        this.#names = applied(this.#names, this.#loose.filter(isHere))
        this.#loose = this.#loose.filter((entry) => !isHere(entry))
        return
      }
      case 'rename':
      case 'link':
      case 'remove':
        this.#loose.push(event)
        this.#land()
        return
      case 'answered':
    }
  }

  /** What nobody syncs lands by itself, the oldest first. */
  #land(): void {
    const old = this.#loose.splice(0, Math.max(0, this.#loose.length - looseMax))
    if (old.length > 0) this.#names = applied(this.#names, old)
  }

  #of(inode: bigint): Content {
    const content = this.#contents.get(inode)
    if (content === undefined) throw new Error(`unknown file ${inode}`)
    return content
  }

  /** The disks a cut at this moment may leave, each once. */
  *states(): Generator<ReadonlyMap<string, Buffer>> {
    const all = this.#loose
    const half = all.slice(0, Math.floor(all.length / 2))
    const bytes = {
      all: (one: Content) => one.bytes.length,
      none: (one: Content) => one.synced,
      half: (one: Content) => one.synced + Math.floor((one.bytes.length - one.synced) / 2),
      sectors: (one: Content) => Math.max(one.synced, one.bytes.length - (one.bytes.length % 512)),
    }
    yield this.#disk(all, bytes.all)
    yield this.#disk([], bytes.none)
    yield this.#disk(all, bytes.none)
    yield this.#disk([], bytes.all)
    yield this.#disk(half, bytes.half)
    yield this.#disk(all, bytes.half)
    yield this.#disk(all, bytes.sectors)
    for (const dropped of all.slice(-4))
      yield this.#disk(
        all.filter((entry) => entry !== dropped),
        bytes.all,
      )
  }

  #disk(entries: readonly Entry[], keep: (content: Content) => number): ReadonlyMap<string, Buffer> {
    const files = new Map<string, Buffer>()
    for (const [path, inode] of applied(this.#names, entries)) {
      const content = this.#of(inode)
      files.set(path, content.bytes.subarray(0, keep(content)))
    }
    return files
  }
}

/** Names after some directory changes. */
function applied(before: ReadonlyMap<string, bigint>, entries: readonly Entry[]): Map<string, bigint> {
  const names = new Map(before)
  for (const entry of entries) {
    if (entry.kind === 'create') names.set(entry.path, entry.inode)
    else if (entry.kind === 'remove') names.delete(entry.path)
    else if (entry.kind === 'rename' || entry.kind === 'link') {
      // The new name holds the file whatever became of the old one.
      if (entry.kind === 'rename' && entry.from !== entry.path && names.get(entry.from) === entry.inode)
        names.delete(entry.from)
      names.set(entry.path, entry.inode)
    }
  }
  return names
}

const open = (files: Files): Promise<JsonlStore> =>
  JsonlStore.open('/t', { files, clock: new SimulatedClock(), random: seededRandom(1), locks: createMemoryLocks() })

async function recovered(state: ReadonlyMap<string, Buffer>): Promise<string> {
  const files = new MemoryFiles()
  for (const path of [
    '/t',
    '/t/.engram',
    ...['index', 'locks', 'previous', 'quarantine', 'tmp', 'trash'].map((one) => `/t/.engram/${one}`),
  ])
    await files.makeDirectory(path)
  for (const [path, bytes] of state) await (await files.open(path, 'append')).write(bytes)
  const store = await open(files)
  const history = (await store.getHistory('k')).map((one) => one.content)
  const summary = await store.getSummary('k')
  await store.close()
  return JSON.stringify([history, summary])
}

/** A long conversation that is truncated, compacted, replaced and summed up on the way; `told` are its states in order. */
async function converse(store: JsonlStore, trace: Event[]): Promise<readonly string[]> {
  let visible: string[] = []
  let summary = ''
  const told = [JSON.stringify([visible, summary])]
  const done = (): void => {
    trace.push({ kind: 'answered' })
    told.push(JSON.stringify([visible, summary]))
  }
  for (let n = 0; n < messages; n++) {
    const text = `${n} ${'x'.repeat((n * 37) % 700)}`
    await store.addMessage('k', 'user', text)
    visible = [...visible, text]
    done()
    if (n % 25 === 24) {
      await store.truncateHistory('k', 4)
      visible = visible.slice(-4)
      done()
    }
    if (n % 50 === 49) {
      await store.compact('k')
      done()
    }
    if (n % 120 === 119) {
      visible = ['p', 'q']
      await store.setHistory(
        'k',
        visible.map((content) => ({ role: 'user', content })),
      )
      done()
    }
    if (n % 40 === 39) {
      summary = `so far ${n}`
      await store.setSummary('k', summary)
      done()
    }
  }
  return told
}

describe('C3 power cut at every request of a long run', () => {
  it(
    'C3 C5 TRN-701 what was answered is there, the rest is old or new, and nothing is in between',
    { timeout: isLong ? 600_000 : 60_000 },
    async () => {
      const trace: Event[] = []
      const store = await open(traced(new MemoryFiles(), trace))
      const told = await converse(store, trace)
      const platter = new Platter()
      let answered = 0
      let tried = 0
      const known = new Map<string, string>()
      for (const event of trace) {
        platter.take(event)
        if (event.kind === 'answered') answered++
        for (const state of platter.states()) {
          tried++
          const mark = [...state]
            .map(([path, bytes]) => `${path} ${bytes.length} ${bytes.subarray(-40).toString('latin1')}`)
            .join('|')
          const found = known.get(mark) ?? (await recovered(state))
          if (known.size > 50) known.clear()
          known.set(mark, found)
          if (found !== told[answered] && found !== told[answered + 1]) {
            expect({ answered, event: event.kind, found }).toEqual({
              event: 'any',
              answered,
              found: [told[answered], told[answered + 1]],
            })
          }
        }
      }
      expect(answered).toBe(told.length - 1)
      expect(tried).toBeGreaterThan(messages * 33)
    },
  )

  it('C3 TRN-604 at `normal` only a suffix is lost, and nothing from before the last sync', async () => {
    const trace: Event[] = []
    const store = await open(traced(new MemoryFiles(), trace))
    const texts: string[] = []
    const settled: number[] = []
    for (let n = 0; n < 120; n++) {
      const isFull = n % 11 === 10
      await store.addMessage('k', 'user', `${n}`, { durability: isFull ? 'full' : 'normal' })
      texts.push(`${n}`)
      trace.push({ kind: 'answered' })
      settled.push(isFull ? n + 1 : (settled.at(-1) ?? 0))
    }
    const platter = new Platter()
    let answered = 0
    for (const event of trace) {
      platter.take(event)
      if (event.kind === 'answered') answered++
      for (const state of platter.states()) {
        const [history] = JSON.parse(await recovered(state)) as [string[]]
        expect(history).toEqual(texts.slice(0, history.length))
        expect(history.length).toBeGreaterThanOrEqual(settled[answered - 1] ?? 0)
      }
    }
  })
})
