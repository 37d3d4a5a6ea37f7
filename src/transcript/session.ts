import { EngramError } from '../model/errors.ts'
import { Later } from '../platform/later.ts'
import type { BlockWriter } from './block-writer.ts'
import { bounds } from './bounds.ts'
import { finishDeletion } from './deletion.ts'
import { LineIndex } from './line-index.ts'
import { LockBurst } from './lock-burst.ts'
import type { Line } from './message.ts'
import type { Meta } from './meta.ts'
import { emptyMeta } from './meta.ts'
import { metaFromTranscript, readMeta, rebuildMeta, saveMeta } from './meta-file.ts'
import type { MetaRead } from './meta-file.ts'
import { settlePending } from './pending.ts'
import { replaceTranscript } from './replacement.ts'
import { storageError } from './storage-error.ts'
import { pathsOf, timeText } from './store-context.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'
import type { Durability } from './store.ts'
import { touch } from './touched.ts'
import { TranscriptFile, indexIdentity } from './transcript-file.ts'

/** Where a line stands now: it was written, or one with its id was there. */
export type Placed = { readonly position: number; readonly duplicate: boolean }

export type AppendAnswer = {
  readonly placed: readonly Placed[]
  readonly durability: Durability
  /** Position of the last raw line. */
  readonly end: number
}

export type AppendRequest = {
  readonly lines: readonly Line[]
  /** Which earlier messages are looked through for the ids: none, the last 512, or all after a position. */
  readonly ids: 'none' | 'recent' | { readonly after: number }
  readonly durability: Durability
  readonly signal: AbortSignal | undefined
}

type AppendJob = AppendRequest & {
  readonly kind: 'append'
  readonly bytes: number
  readonly resolve: (answer: AppendAnswer) => void
  readonly reject: (error: unknown) => void
}
type OtherJob = { readonly kind: 'other'; readonly run: () => Promise<void> }

/** The session while its lock is held. */
export type Held = {
  readonly store: StoreContext
  readonly paths: SessionPaths
  readonly meta: Meta
  /** Whether the session has any file. */
  readonly isThere: boolean
  readonly file: TranscriptFile
  /** Writes meta, with count and times brought up to date. */
  save(meta: Meta): Promise<void>
  /** Replaces the transcript; `next` says the meta after it. */
  replace(fill: (writer: BlockWriter) => Promise<void>, next: () => Meta): Promise<void>
  /** After the files are gone. */
  forget(): void
}

/**
 * One session of one store: a queue of writes in call order (TRN-801), appends that wait together go out together
 * (TRN-603), everything else alone. Background work writes counts and syncs what was left (TRN-604, TRN-606).
 *
 *   idle ──job──▶ pumping: [take group or job → lock → look again if the lock is new → write → sync → answer]* ──▶ idle
 *
 * Whatever fails makes the state `stale`: the next job looks at the disk again before it does anything.
 */
export class Session {
  readonly key: string
  readonly paths: SessionPaths
  readonly #store: StoreContext
  readonly #burst: LockBurst
  readonly #file: TranscriptFile
  readonly #jobs: (AppendJob | OtherJob)[] = []
  #queuedMessages = 0
  #queuedBytes = 0
  #pump: Promise<void> | null = null
  #readers = 0
  #meta: Meta
  #hasMeta = false
  #isStale = true
  /** Under the present lock. */
  #isTouched = false
  /** Time of the last append not yet in the meta file. */
  #touchedAt: string | null = null
  readonly #settle: Later
  #readIndex: LineIndex = new LineIndex('')
  readonly #reported = new Set<string>()
  #cachedMeta: Extract<MetaRead, { state: 'ok' }> | null = null

  constructor(store: StoreContext, key: string) {
    this.key = key
    this.#store = store
    this.paths = pathsOf(store, store.layout.nameOf(key))
    this.#burst = new LockBurst(store.locks, store.clock, this.paths.lock)
    this.#file = new TranscriptFile(store, this.paths)
    this.#meta = emptyMeta(key)
    this.#settle = new Later(() => void this.#enqueue(() => this.#settleNow()).catch(() => undefined))
  }

  /** Nobody writes or reads: it may be put away. */
  get isIdle(): boolean {
    return this.#pump === null && this.#readers === 0
  }

  // ── writes ──

  /** Appends lines at the end. Rejects with `overloaded` when too much is waiting (TRN-1702). */
  append(request: AppendRequest): Promise<AppendAnswer> {
    const bytes = request.lines.reduce((sum, line) => sum + line.bytes.length, 0)
    const isFull =
      this.#queuedMessages + request.lines.length > bounds.queueMessagesMax ||
      this.#queuedBytes + bytes > bounds.queueBytesMax
    if (isFull && this.#queuedMessages > 0) {
      const waiting = `${this.#queuedMessages} messages, ${this.#queuedBytes} bytes`
      return Promise.reject(new EngramError('overloaded', `session queue: too much is waiting (${waiting})`))
    }
    this.#queuedMessages += request.lines.length
    this.#queuedBytes += bytes
    return new Promise((resolve, reject) => {
      this.#jobs.push({ ...request, kind: 'append', bytes, resolve, reject })
      this.#start()
    })
  }

  /**
   * Runs work alone under the lock. Without `creates` a session that is not there answers undefined and no file is made
   * (TRN-109).
   */
  hold<T>(
    work: (held: Held) => Promise<T>,
    options: { readonly creates: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<T | undefined> {
    return this.#enqueue(async () => {
      checkAborted(options.signal)
      if (!options.creates && !(await this.isThere())) return undefined
      await this.#enter()
      try {
        checkAborted(options.signal)
        return await work(this.#held())
      } catch (error) {
        this.#isStale = true
        throw storageError(error, 'write the session')
      } finally {
        this.#burst.leave()
      }
    })
  }

  /** Everything on the disk, nothing open: before closing and when others need the room. */
  park(): Promise<void> {
    this.#settle.cancel()
    return this.#enqueue(async () => {
      try {
        await this.#settleNow()
      } finally {
        this.#settle.cancel()
        await this.#burst.release()
        await this.#file.close()
        this.#isStale = true
      }
    })
  }

  /** The meta after looking at the disk again: rebuilt when it was damaged. */
  repair(): Promise<Meta> {
    return this.#enqueue(async () => {
      this.#isStale = true
      await this.#enter()
      this.#burst.leave()
      return this.#meta
    })
  }

  forgetIds(): void {
    this.#file.forgetIds()
  }

  // ── for readers ──

  /** Keeps the session from being put away meanwhile. */
  async reading<T>(read: () => Promise<T>): Promise<T> {
    this.#readers++
    try {
      return await read()
    } finally {
      this.#readers--
    }
  }

  async isThere(): Promise<boolean> {
    const meta = await this.#store.files.facts(this.paths.meta)
    return meta !== null || (await this.#store.files.facts(this.paths.transcript)) !== null
  }

  /** The meta file as it stands, without the lock. Read again only when it was replaced. */
  async readMeta(): Promise<MetaRead> {
    const cached = this.#cachedMeta
    if (cached !== null) {
      const facts = await this.#store.files.facts(this.paths.meta)
      const isSame =
        facts !== null &&
        facts.inode === cached.facts.inode &&
        facts.mtimeNs === cached.facts.mtimeNs &&
        facts.size === cached.facts.size
      if (isSame) return cached
    }
    const read = await readMeta(this.#store.files, this.paths.meta)
    // A file changed this very moment might change again without looking different.
    const isSettled = read.state === 'ok' && this.#store.clock.nowMs() - Number(read.facts.mtimeNs / 1_000_000n) > 50
    this.#cachedMeta = isSettled ? read : null
    return read
  }

  /** The line index of an open transcript, shared with the writer when it is the same file. */
  indexFor(inode: bigint, era: Pick<Meta, 'base' | 'cuts'>): LineIndex {
    const identity = indexIdentity(inode, era)
    // Without a base an inode number that came back could not be told from the file it was before.
    const isTold = this.#store.layout.hasOwnFields
    if (this.#file.index.identity === identity && (isTold || this.#file.open !== null)) return this.#file.index
    if (this.#readIndex.identity !== identity || !isTold) this.#readIndex = new LineIndex(identity)
    return this.#readIndex
  }

  /** Logs a bad line once per file and place, never its content (TRN-1001). */
  reportBad(line: number | null, offset: number, reason: string): void {
    const place = `${offset} ${reason}`
    if (this.#reported.has(place) || this.#reported.size >= 1_000) return
    this.#reported.add(place)
    this.#store.log('bad_line', { session: this.paths.name, line, offset, reason })
  }

  // ── the queue ──

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ kind: 'other', run: () => work().then(resolve, reject) })
      this.#start()
    })
  }

  #start(): void {
    this.#pump ??= this.#run().finally(() => {
      this.#pump = null
      if (this.#jobs.length > 0) this.#start()
    })
  }

  async #run(): Promise<void> {
    while (this.#jobs.length > 0) {
      // Calls made in the same turn of the event loop go out together, and others get theirs.
      await nextTurn()
      const group = this.#takeGroup()
      if (group.length > 0) {
        await this.#commit(group)
        continue
      }
      const job = this.#jobs.shift()
      if (job?.kind === 'other') await job.run()
    }
  }

  /** The appends at the head of the queue, as many as one write takes. */
  #takeGroup(): AppendJob[] {
    const group: AppendJob[] = []
    let messages = 0
    let bytes = 0
    for (let job = this.#jobs[0]; job?.kind === 'append'; job = this.#jobs[0]) {
      messages += job.lines.length
      bytes += job.bytes
      if (group.length > 0 && (messages > bounds.groupMessagesMax || bytes > bounds.blockBytes)) break
      group.push(job)
      this.#jobs.shift()
      this.#queuedMessages -= job.lines.length
      this.#queuedBytes -= job.bytes
    }
    return group
  }

  async #commit(group: readonly AppendJob[]): Promise<void> {
    let alive = group.filter(isWanted)
    if (alive.length === 0) return
    try {
      await this.#enter()
      try {
        alive = alive.filter(isWanted)
        const answers = await this.#appendAll(alive)
        for (const [index, job] of alive.entries()) {
          const answer = answers[index]
          if (answer !== undefined) job.resolve(answer)
        }
      } finally {
        this.#burst.leave()
      }
    } catch (error) {
      this.#isStale = true
      const failure = storageError(error, 'append to the session')
      for (const job of alive) job.reject(failure)
    }
  }

  async #appendAll(jobs: readonly AppendJob[]): Promise<readonly AppendAnswer[]> {
    if (jobs.length === 0) return []
    const { fresh, placed } = await this.#place(jobs)
    const start = this.#file.size
    if (fresh.length > 0) {
      await this.#makeMeta()
      await this.#file.append(fresh.map((line) => line.bytes))
      this.#touchedAt = timeText(this.#store.clock)
    }
    const isFull = jobs.some((job) => job.durability === 'full')
    if (isFull) await this.#file.sync(start)
    const end = this.#meta.base + this.#file.index.rawLines
    for (const [index, line] of fresh.entries()) this.#file.noteId(line.messageId, end - fresh.length + index + 1)
    if (this.#touchedAt !== null || this.#file.isUnsynced) this.#settle.ask(bounds.settleAfterMs)
    return placed.map((one) => ({ placed: one, durability: isFull ? 'full' : 'normal', end }))
  }

  /** Gives every line its position, and finds those that are there already (TRN-610). */
  async #place(jobs: readonly AppendJob[]): Promise<{ readonly fresh: Line[]; readonly placed: Placed[][] }> {
    const fresh: Line[] = []
    const placed: Placed[][] = []
    const inGroup = new Map<string, number>()
    const first = this.#meta.base + this.#file.index.rawLines + 1
    for (const job of jobs) {
      const known = await this.#lookup(job)
      const places: Placed[] = []
      for (const line of job.lines) {
        const id = line.messageId
        const there = id === null || job.ids === 'none' ? null : (inGroup.get(id) ?? known(id))
        const position = there ?? first + fresh.length
        places.push({ position, duplicate: there !== null })
        if (there !== null) continue
        fresh.push(line)
        if (id !== null) inGroup.set(id, position)
      }
      placed.push(places)
    }
    return { fresh, placed }
  }

  async #lookup({ ids }: AppendRequest): Promise<(id: string) => number | null> {
    if (ids === 'none') return () => null
    if (ids === 'recent') {
      const known = await this.#file.recentIds()
      return (id) => known.recent(id)
    }
    const known = await this.#file.idsAfter(ids.after)
    return (id) => known.anywhere(id, ids.after)
  }

  // ── under the lock ──

  async #enter(): Promise<void> {
    try {
      await this.#store.prepare()
      const isNew = await this.#burst.enter()
      if (isNew) this.#isTouched = false
      await this.#touch()
      if (isNew || this.#isStale || this.#store.layout.isOpenToOthers) await this.#lookAgain()
    } catch (error) {
      this.#isStale = true
      this.#burst.leave()
      throw storageError(error, 'open the session')
    }
  }

  /** Lists look again at what was touched (TRN-1302); where others write they look at everything. */
  async #touch(): Promise<void> {
    if (this.#isTouched || this.#store.layout.isOpenToOthers) return
    await touch(this.#store, this.paths.name)
    this.#isTouched = true
  }

  /** Brings what is known in line with the disk, and finishes what a dead process began. */
  async #lookAgain(): Promise<void> {
    this.#isStale = true
    let meta = await this.#currentMeta()
    if (meta.deleting !== null) {
      await finishDeletion(this.#store, this.paths, meta)
      meta = emptyMeta(this.key)
      this.#hasMeta = false
    }
    this.#meta = await settlePending(this.#store, this.paths, meta)
    await this.#file.refresh(this.#meta)
    this.#isStale = false
  }

  async #currentMeta(): Promise<Meta> {
    const read = await readMeta(this.#store.files, this.paths.meta)
    this.#hasMeta = read.state !== 'missing'
    if (read.state === 'ok') {
      checkOwner(this.#store, read.meta, this.key)
      return read.meta
    }
    if (read.state === 'missing') return metaFromTranscript(this.#store, this.paths, this.key)
    return rebuildMeta(this.#store, this.paths, this.key, { reason: read.reason, isDry: false })
  }

  /** A new session writes its meta file first, so that its true key is never lost (TRN-501). */
  async #makeMeta(): Promise<void> {
    if (this.#hasMeta && this.#meta.createdAt !== '') return
    const now = timeText(this.#store.clock)
    await this.#save({
      ...this.#meta,
      createdAt: this.#meta.createdAt === '' ? now : this.#meta.createdAt,
      updatedAt: now,
    })
  }

  async #save(meta: Meta): Promise<void> {
    const touchedAt = this.#touchedAt
    const updatedAt = touchedAt !== null && touchedAt > meta.updatedAt ? touchedAt : meta.updatedAt
    this.#meta = await saveMeta(this.#store, this.paths, { ...meta, updatedAt, count: this.#file.index.rawLines })
    this.#hasMeta = true
    this.#touchedAt = null
  }

  #held(): Held {
    return {
      store: this.#store,
      paths: this.paths,
      meta: this.#meta,
      isThere: this.#hasMeta || this.#file.open !== null,
      file: this.#file,
      save: (meta) => this.#save(meta),
      replace: async (fill, next) => {
        this.#meta = await replaceTranscript(this.#store, this.paths, this.#meta, fill, next)
        this.#hasMeta = true
        this.#touchedAt = null
        await this.#file.refresh(this.#meta)
      },
      forget: () => {
        this.#isStale = true
        this.#touchedAt = null
      },
    }
  }

  async #settleNow(): Promise<void> {
    if (this.#touchedAt === null && !this.#file.isUnsynced) return
    try {
      await this.#enter()
      try {
        await this.#file.sync(this.#file.size)
        if (this.#touchedAt !== null) await this.#save(this.#meta)
      } finally {
        this.#burst.leave()
      }
    } catch (error) {
      this.#isStale = true
      this.#store.log('settle_failed', { session: this.paths.name, reason: storageError(error, 'settle').message })
    }
  }
}

/** Native names never collide by themselves; a copied or renamed file may (TRN-308). */
export function checkOwner({ layout }: StoreContext, meta: Meta, key: string): void {
  if (layout.isSameSession(meta.key, key)) return
  const names = `${JSON.stringify(meta.key)}, asked for ${JSON.stringify(key)}`
  throw new EngramError('transcript_key_collision', `session file: belongs to ${names}`, {
    details: { key: meta.key, asked: key },
  })
}

export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new EngramError('aborted', 'the call was given up before anything was written')
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function isWanted(job: AppendJob): boolean {
  if (job.signal?.aborted !== true) return true
  job.reject(new EngramError('aborted', 'the call was given up before anything was written'))
  return false
}
