import type { FileFacts } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { loadSeen, purgeMark, storeSeen } from './list-index.ts'
import type { Known, Seen } from './list-index.ts'
import { laterTime, sortedSessions } from './listing.ts'
import type { Sort } from './listing.ts'
import { rebuildMeta, readMeta } from './meta-file.ts'
import { parseMeta } from './meta.ts'
import type { Meta } from './meta.ts'
import { pathsOf } from './store-context.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'
import type { SessionListing } from './store.ts'
import { factsMark, nothingThere, shareOf, touchMarks } from './touched.ts'

/** A directory changed just now might change again without looking different: some file systems tell whole seconds. */
const settledMs = 2_000

const endings = ['.jsonl', '.meta.json']

/** File names of all sessions, without extension. */
export async function sessionNames(store: StoreContext): Promise<readonly string[]> {
  return [...(await namesBeside(store, new Map()))]
}

/** The same; names that are known need not be looked at closely. */
async function namesBeside(store: StoreContext, known: ReadonlyMap<string, unknown>): Promise<ReadonlySet<string>> {
  const entries = (await store.files.list(store.directory)) ?? []
  const names = new Set<string>()
  for (const { name, kind } of entries) {
    const ending = endings.find((one) => name.endsWith(one))
    if (kind !== 'file' || ending === undefined) continue
    const session = name.slice(0, -ending.length)
    if (!names.has(session) && (known.has(session) || store.layout.isName(session))) names.add(session)
  }
  return names
}

export type MarkedSession = { readonly key: string; readonly createdAt: string; readonly mark: string }

const nothingSeen: Seen = {
  known: new Map(),
  directory: '',
  isSettled: false,
  touched: [],
  purged: '',
  unsure: new Set(),
  verifiedAtMs: -Infinity,
}

/** How things stand before the files are looked at. */
type Moment = Omit<Seen, 'known' | 'verifiedAtMs'>

/** Which sessions must be looked at. */
type Suspicion = 'all' | ((name: string) => boolean)

type Names = { readonly keys: ReadonlySet<string>; readonly owners: ReadonlyMap<string, string> }

function namesOf(sessions: readonly SessionListing[]): Names {
  const owners = sessions.toReversed().flatMap(({ key, aliases }) => aliases.map((alias) => [alias, key] as const))
  return { keys: new Set(sessions.map((one) => one.key)), owners: new Map(owners) }
}

/**
 * Every session of the directory, also those without a meta file or with a damaged one (TRN-1301). What was found is kept,
 * in memory and for the next store (TRN-901): names are read again when the directory changed, and the files of those
 * sessions alone that somebody may have written since (TRN-1302).
 *
 * Whoever writes takes the session's lock, then touches its share, then writes. So a writer who comes after we looked at
 * the shares is seen by the next look; one who was at it already holds a lock, and its session is looked at again next
 * time. A directory that changed without a touch was changed by somebody who knows no locks: then, in a layout of
 * others, and once a day every file is looked at.
 */
export class DirectoryList {
  readonly #store: StoreContext
  #seen: Seen | null = null
  /** What the next store would find, and since when. */
  #kept: Seen | null = null
  #keptAtMs = -Infinity
  #sorted = new Map<Sort, readonly SessionListing[]>()
  #names: Names | null = null
  #namesMark: string | null = null
  /** Sessions of ours that were written since. */
  #written = new Set<string>()
  /** Null when something may have changed since. */
  #mark: string | null = null
  #looking: Promise<void> = Promise.resolve()

  constructor(store: StoreContext) {
    this.#store = store
  }

  /** A session of ours was written. */
  forget(name: string): void {
    this.#mark = null
    this.#written.add(name)
  }

  /** Those written last first, each with what would tell that its files are others by now. */
  async marked(): Promise<readonly MarkedSession[]> {
    const sorted = await this.sorted('updated')
    const marks = new Map([...(this.#seen?.known.values() ?? [])].map((one) => [one.listing?.key, one.mark]))
    return sorted.map(({ key, createdAt }) => ({ key, createdAt, mark: marks.get(key) ?? '' }))
  }

  async sorted(sort: Sort): Promise<readonly SessionListing[]> {
    // One after the other: a look starts from what the one before it found.
    const looking = this.#looking.then(() => this.#look())
    this.#looking = looking.catch(() => undefined)
    await looking
    const kept = this.#sorted.get(sort)
    if (kept !== undefined) return kept
    const listings: SessionListing[] = []
    for (const { listing } of this.#seen?.known.values() ?? []) if (listing !== null) listings.push(listing)
    const sorted = sortedSessions(listings, sort)
    this.#sorted.set(sort, sorted)
    return sorted
  }

  /** The keys there are, and which session answers to which alias; the first in order of keys. */
  async names(): Promise<Names> {
    // Keys and aliases stand in meta files, and writing one changes the directory, whoever does it.
    const facts = await this.#store.files.facts(this.#store.directory)
    const mark = facts !== null && this.#isSettled(facts) ? directoryMark(facts) : null
    if (this.#names !== null && mark !== null && mark === this.#namesMark) return this.#names
    const sessions = await this.sorted('key')
    this.#names ??= namesOf(sessions)
    this.#namesMark = mark
    return this.#names
  }

  /** Keeps what was found for the next store, when that would have much to look at otherwise. Never rejects. */
  async keep(): Promise<void> {
    const seen = this.#seen
    if (seen === null || !this.#isWorthKeeping(seen)) return
    this.#kept = seen
    this.#keptAtMs = this.#store.clock.monotonicMs()
    const kept = await storeSeen(this.#store, seen)
    if (kept === null) return
    this.#kept = kept
    if (this.#seen?.purged === nothingThere) this.#seen = { ...this.#seen, purged: kept.purged }
  }

  #isWorthKeeping(seen: Seen): boolean {
    const kept = this.#kept
    const { layout, readOnly, clock } = this.#store
    if (readOnly || layout.isOpenToOthers || seen.known.size < bounds.listIndexSessionsMin) return false
    if (kept === null || kept.purged !== seen.purged || kept.verifiedAtMs !== seen.verifiedAtMs) return true
    if (clock.monotonicMs() - this.#keptAtMs < bounds.listKeptMs) return false
    const differing = seen.touched.filter((mark, share) => mark !== kept.touched[share]).length
    return differing > bounds.listIndexSharesMax || (seen.isSettled && seen.directory !== kept.directory)
  }

  async #look(): Promise<void> {
    const written = this.#written
    try {
      await this.#lookNow()
    } catch (error) {
      this.#written = new Set([...written, ...this.#written])
      throw error
    }
  }

  async #lookNow(): Promise<void> {
    const mark = await this.#quietMark()
    const isQuiet = mark !== null && mark === this.#mark && this.#written.size === 0
    if (isQuiet && this.#seen !== null && !this.#isOld(this.#seen)) return
    const written = this.#written
    this.#written = new Set()
    const moment = await this.#moment()
    if (this.#seen === null && moment !== null) this.#seen = this.#kept = await loadSeen(this.#store)
    const before = this.#seen ?? nothingSeen
    const seen = await this.#scan(before, moment ?? nothingSeen, this.#suspicionOf(before, moment, written))
    if (seen.known !== before.known) {
      this.#sorted = new Map()
      this.#names = null
    }
    this.#seen = seen
    this.#mark = mark
  }

  #suspicionOf(before: Seen, moment: Moment | null, written: ReadonlySet<string>): Suspicion {
    if (moment === null) return 'all'
    if (this.#isOld(before) || before.purged !== moment.purged) return 'all'
    const isTouched = moment.touched.map((mark, share) => mark !== before.touched[share])
    const unsure = new Set([...before.unsure, ...moment.unsure, ...written])
    const isAnyTouched = isTouched.includes(true)
    if (!isAnyTouched && unsure.size === 0 && moment.directory !== before.directory) return 'all'
    return (name) => unsure.has(name) || (isAnyTouched && isTouched[shareOf(name)] === true)
  }

  /** Also after a clock was set back. */
  #isOld({ verifiedAtMs }: Seen): boolean {
    return Math.abs(this.#store.clock.nowMs() - verifiedAtMs) > bounds.listVerifiedMs
  }

  /** Names this moment of the directory; null while somebody writes, did just now, or need not tell. */
  async #quietMark(): Promise<string | null> {
    const { files, directory, layout } = this.#store
    if (layout.isOpenToOthers) return null
    const [own, locks] = await Promise.all([files.facts(directory), files.facts(`${directory}/.engram/locks`)])
    if (own === null || locks === null || ((await files.list(`${directory}/.engram/locks`)) ?? []).length > 0)
      return null
    return this.#isSettled(own) && this.#isSettled(locks) ? `${directoryMark(own)} ${directoryMark(locks)}` : null
  }

  #isSettled({ mtimeNs }: FileFacts): boolean {
    return this.#store.clock.nowMs() - Number(mtimeNs / 1_000_000n) > settledMs
  }

  /** Null where nothing tells of writes. The order matters: locks are looked at after shares, files after both. */
  async #moment(): Promise<Moment | null> {
    const { files, directory, layout } = this.#store
    if (layout.isOpenToOthers) return null
    const facts = await files.facts(directory)
    const [touched, purged] = [await touchMarks(this.#store), await purgeMark(this.#store)]
    const locks = (await files.list(`${directory}/.engram/locks`)) ?? []
    const unsure = locks.flatMap(({ name }) => (name.endsWith(lockEnding) ? name.slice(0, -lockEnding.length) : []))
    return {
      directory: facts === null ? '' : directoryMark(facts),
      isSettled: facts !== null && this.#isSettled(facts),
      touched,
      purged,
      unsure: new Set(unsure),
    }
  }

  async #scan(before: Seen, moment: Moment, suspicion: Suspicion): Promise<Seen> {
    const { known } = before
    const isSameDirectory = suspicion !== 'all' && before.isSettled && moment.directory === before.directory
    const names = isSameDirectory ? known : await namesBeside(this.#store, known)
    // In the order they were in, which is nearly that of the list.
    const there = isSameDirectory ? [...known.keys()] : [...known.keys()].filter((name) => names.has(name))
    const come = isSameDirectory ? [] : [...names.keys()].filter((name) => !known.has(name))
    const fresh = await this.#lookAt([...(suspicion === 'all' ? there : there.filter(suspicion)), ...come], known)
    const seen = {
      ...moment,
      verifiedAtMs: suspicion === 'all' ? this.#store.clock.nowMs() : before.verifiedAtMs,
    }
    if (there.length === known.size && fresh.size === 0) return { ...seen, known }
    const next = new Map<string, Known>()
    for (const name of [...there, ...come]) {
      const one = fresh.get(name) ?? known.get(name)
      if (one !== undefined) next.set(name, one)
    }
    return { ...seen, known: next }
  }

  /** Those of the names whose files are others by now, with what they hold. */
  async #lookAt(names: readonly string[], known: ReadonlyMap<string, Known>): Promise<ReadonlyMap<string, Known>> {
    const { files } = this.#store
    const paths = names.map((name) => pathsOf(this.#store, name))
    const transcripts = await files.factsOfMany(paths.map((one) => one.transcript))
    // At first every meta file is read anyway, and its facts come with it.
    const metas = known.size === 0 ? [] : await files.factsOfMany(paths.map((one) => one.meta))
    const changed: Found[] = []
    for (const [at, one] of paths.entries()) {
      const found = { paths: one, transcript: transcripts[at] ?? null, meta: metas[at] ?? null }
      if (known.get(one.name)?.mark !== markOf(found)) changed.push(found)
    }
    const metaPaths = changed.map((one) => one.paths.meta)
    const read = await files.readMany(metaPaths, bounds.metaBytesMax)
    const fresh = new Map<string, Known>()
    for (const [at, found] of changed.entries()) {
      const file = read[at] ?? null
      const now = { ...found, meta: file?.facts ?? null }
      const listing = await listingOf(this.#store, now, file?.bytes ?? null)
      fresh.set(found.paths.name, { listing, mark: markOf(now) })
    }
    return fresh
  }
}

const lockEnding = '.lock'

const directoryMark = ({ inode, mtimeNs }: FileFacts): string => `${inode}:${mtimeNs}`

type Found = {
  readonly paths: SessionPaths
  readonly transcript: FileFacts | null
  readonly meta: FileFacts | null
}

const markOf = ({ transcript, meta }: Found): string => `${factsMark(transcript)} ${factsMark(meta)}`

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
