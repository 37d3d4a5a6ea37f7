import type { FileFacts } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { laterTime, sortedSessions } from './listing.ts'
import type { Sort } from './listing.ts'
import { rebuildMeta, readMeta } from './meta-file.ts'
import { parseMeta } from './meta.ts'
import type { Meta } from './meta.ts'
import { pathsOf } from './store-context.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'
import type { SessionListing } from './store.ts'

/** A directory changed just now might change again without looking different: some file systems tell whole seconds. */
const settledMs = 2_000

const endings = ['.jsonl', '.meta.json']

/** File names of all sessions, without extension. */
export async function sessionNames(store: StoreContext): Promise<readonly string[]> {
  const entries = (await store.files.list(store.directory)) ?? []
  const names = new Set<string>()
  for (const { name, kind } of entries) {
    const ending = endings.find((one) => name.endsWith(one))
    if (kind !== 'file' || ending === undefined) continue
    const session = name.slice(0, -ending.length)
    if (!names.has(session) && store.layout.isName(session)) names.add(session)
  }
  return [...names]
}

export type MarkedSession = { readonly key: string; readonly createdAt: string; readonly mark: string }

type Known = {
  readonly listing: SessionListing | null
  /** What would tell that a file is another one by now. */
  readonly mark: string
}

/**
 * Every session of the directory, also those without a meta file or with a damaged one (TRN-1301). What was read is kept:
 * only meta files that changed are read again, and nothing is looked at while nobody wrote (TRN-1302). Whoever writes a
 * session takes its lock first, which changes the directory of locks; whoever writes its meta file changes the directory
 * itself.
 */
export class DirectoryList {
  readonly #store: StoreContext
  #known: ReadonlyMap<string, Known> = new Map()
  #sorted = new Map<Sort, readonly SessionListing[]>()
  /** Null when something may have changed since. */
  #mark: string | null = null

  constructor(store: StoreContext) {
    this.#store = store
  }

  /** Something of ours is being written. */
  forget(): void {
    this.#mark = null
  }

  /** Those written last first, each with what would tell that its files are others by now. */
  async marked(): Promise<readonly MarkedSession[]> {
    const sorted = await this.sorted('updated')
    const marks = new Map([...this.#known.values()].map((one) => [one.listing?.key, one.mark]))
    return sorted.map(({ key, createdAt }) => ({ key, createdAt, mark: marks.get(key) ?? '' }))
  }

  async sorted(sort: Sort): Promise<readonly SessionListing[]> {
    const mark = await this.#quietMark()
    if (mark === null || mark !== this.#mark) {
      await this.#scan()
      this.#sorted = new Map()
      this.#mark = mark
    }
    const kept = this.#sorted.get(sort)
    if (kept !== undefined) return kept
    const listings = [...this.#known.values()].flatMap((one) => one.listing ?? [])
    const sorted = sortedSessions(listings, sort)
    this.#sorted.set(sort, sorted)
    return sorted
  }

  /** Names this moment of the directory; null while somebody writes, did just now, or need not tell. */
  async #quietMark(): Promise<string | null> {
    const { files, directory, layout, clock } = this.#store
    if (layout.isOpenToOthers) return null
    const [own, locks] = await Promise.all([files.facts(directory), files.facts(`${directory}/.engram/locks`)])
    if (own === null || locks === null || ((await files.list(`${directory}/.engram/locks`)) ?? []).length > 0)
      return null
    const ageMs = clock.nowMs() - Number((own.mtimeNs > locks.mtimeNs ? own.mtimeNs : locks.mtimeNs) / 1_000_000n)
    return ageMs > settledMs ? `${own.inode} ${own.mtimeNs} ${locks.inode} ${locks.mtimeNs}` : null
  }

  async #scan(): Promise<void> {
    const store = this.#store
    const names = await sessionNames(store)
    const paths = names.map((name) => pathsOf(store, name))
    const transcripts = await store.files.factsOfMany(paths.map((one) => one.transcript))
    const metas = await this.#metaFacts(paths)
    const next = new Map<string, Known>()
    const changed: Found[] = []
    for (const [at, one] of paths.entries()) {
      const found = { paths: one, transcript: transcripts[at] ?? null, meta: metas[at] ?? null }
      const before = this.#known.get(one.name)
      if (before !== undefined && before.mark === markOf(found)) next.set(one.name, before)
      else changed.push(found)
    }
    const read = await store.files.readMany(
      changed.map((one) => one.paths.meta),
      bounds.metaBytesMax,
    )
    for (const [at, found] of changed.entries()) {
      const file = read[at] ?? null
      const fresh = { ...found, meta: file?.facts ?? null }
      const listing = await listingOf(store, fresh, file?.bytes ?? null)
      next.set(found.paths.name, { listing, mark: markOf(fresh) })
    }
    this.#known = next
  }

  /** At first every meta file is read anyway, and its facts come with it. */
  async #metaFacts(paths: readonly SessionPaths[]): Promise<readonly (FileFacts | null)[]> {
    return this.#known.size === 0 ? [] : this.#store.files.factsOfMany(paths.map((one) => one.meta))
  }
}

type Found = {
  readonly paths: SessionPaths
  readonly transcript: FileFacts | null
  readonly meta: FileFacts | null
}

const markOf = ({ transcript, meta }: Found): string =>
  [transcript, meta].map((facts) => (facts === null ? '-' : `${facts.inode}:${facts.size}:${facts.mtimeNs}`)).join(' ')

async function listingOf(
  store: StoreContext,
  { paths, transcript, meta: metaFacts }: Found,
  bytes: Uint8Array | null,
): Promise<SessionListing | null> {
  const meta = await metaOf(store, paths, bytes)
  const facts = transcript ?? metaFacts
  // It went while we looked.
  if (meta === 'deleted' || facts === null) return null
  const changed = new Date(Number(facts.mtimeNs / 1_000_000n)).toISOString()
  const createdAt = meta?.createdAt ?? ''
  return {
    key: meta?.key ?? store.layout.keyOf(paths.name) ?? paths.name,
    createdAt: createdAt === '' ? changed : laterTime(createdAt, ''),
    updatedAt:
      transcript === null && (meta?.updatedAt ?? '') !== ''
        ? laterTime(meta?.updatedAt ?? '', '')
        : laterTime(meta?.updatedAt ?? '', changed),
    bytes: transcript?.size ?? 0,
    ...(meta === null || meta.summary === '' ? {} : { summary: meta.summary }),
    ...(meta?.title == null ? {} : { title: meta.title }),
    aliases: meta?.aliases ?? [],
  }
}

async function metaOf(
  store: StoreContext,
  paths: SessionPaths,
  bytes: Uint8Array | null,
): Promise<Meta | 'deleted' | null> {
  const parsed = bytes === null ? null : parseMeta(Buffer.from(bytes).toString('utf8'))
  if (parsed !== null && typeof parsed !== 'string') return parsed.deleting === null ? parsed : 'deleted'
  // Missing, damaged, or nothing one may read: the slow way tells them apart.
  const read = await readMeta(store.files, paths.meta)
  if (read.state === 'missing') return null
  if (read.state === 'ok') return read.meta.deleting === null ? read.meta : 'deleted'
  const key = store.layout.keyOf(paths.name) ?? paths.name
  return rebuildMeta(store, paths, key, { reason: read.reason, isDry: true })
}
