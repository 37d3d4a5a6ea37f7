import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { locksContextId, type Context, type Lock } from '../model/live.ts'
import type { Announcement, From } from '../model/live-feed.ts'
import type {
  Commit,
  Committed,
  ContextFilter,
  ContextPage,
  LockFilter,
  LockOutcome,
  LockPage,
  LockStep,
  LogBounds,
  LogHint,
  LogPage,
  LogPlace,
  LogRange,
  LogStore,
  StoredEvent,
} from '../model/log-store.ts'
import type { Durability, WriteTerms } from '../model/operation.ts'
import type { Clock } from '../platform/clock.ts'
import { every, type Every } from '../platform/every.ts'
import { type MachineClock, systemMachineClock } from '../platform/machine-clock.ts'
import { findContext, listContexts } from '../store/contexts.ts'
import { heldLocks, listLiveLocks, lockRow, saveLock } from '../store/locks.ts'
import {
  eventByUnit,
  lastGseq,
  logBounds,
  readLog,
  readUnitTexts,
  type UnitTextRange,
  type UnitTexts,
} from '../store/log.ts'
import { logMeta } from '../store/log-meta.ts'
import type { Store } from '../store/store.ts'
import type { NotPromise, WriteTx } from '../store/transaction.ts'
import { prepareCommit, runCommit } from './commit.ts'
import { contextPlace, listCursor, resourcePlace } from './list-cursor.ts'
import { lockLine, type Waiter } from './lock-line.ts'
import { type Acquire, acquireLock, expireLocks, heldBy, releaseLock, renewLock, toLock } from './lock-steps.ts'
import { forgetEnds, leaseNow, type LogGround, logGround } from './log-ground.ts'
import { epochHex, inEpoch, pageInEpoch, placeOf } from './log-reader.ts'
import { deadlineAfterRestart, isLive } from './rules/lease.ts'
import { bodyOfEpoch } from './unit-body.ts'

export type SqliteLogOptions = {
  readonly store: Store
  readonly clock: Clock
  /** What leases are measured by; the machine's own when left out. */
  readonly machine?: MachineClock
  /** What a write that names none gets. */
  readonly durability?: Durability
  /** Told of what is sent live and not logged. */
  readonly announce?: (event: Announcement) => void
}

type WriteMore<T> = {
  /** Held until the commit stands. */
  readonly bytes?: number
  /** All that the write has logged; left out, whoever watches reads it. */
  readonly written?: (result: T) => readonly StoredEvent[]
}

/** How often other processes' writes are looked for while somebody listens (COL-206). */
const lookMs = 25

/**
 * The log and the locks in the SQLite file (COL-203). Appends that wait together share one commit: `Store.write` sees to
 * that. Several processes may do the same on one file; SQLite decides between them.
 */
export class SqliteLog implements LogStore {
  readonly #options: SqliteLogOptions
  readonly #line
  readonly #hints = new Set<LogHint>()
  #announce: (event: Announcement) => void
  #waiting = 0
  #waitingBytes = 0
  #look: Every | null = null
  #ground: LogGround | null = null

  constructor(options: SqliteLogOptions) {
    this.#options = options
    this.#announce = options.announce ?? (() => undefined)
    this.#line = lockLine(options.clock)
  }

  /** Read at first use: a data dir that cannot be written and has an older schema opens, and has no log. */
  get ground(): LogGround {
    const { store, clock, machine = systemMachineClock } = this.#options
    return (this.#ground ??= logGround(
      store.read((tx) => logMeta(tx, 'epoch')),
      clock,
      machine,
    ))
  }

  get #epochHex(): string {
    return epochHex(this.ground.epoch)
  }

  get epoch(): number {
    return this.ground.epoch
  }

  /** Who hears of live-only events from here on. */
  tell(announce: (event: Announcement) => void): void {
    this.#announce = announce
  }

  async append(commit: Commit): Promise<Committed> {
    const prepared = prepareCommit(commit)
    const durability = commit.durability ?? this.#options.durability ?? 'full'
    const committed = await this.#write(commit, (tx) => runCommit(tx, this.ground, prepared, durability), {
      bytes: prepared.bytes,
      written: ({ isReplayed, isDuplicate, events }) => (isReplayed || isDuplicate ? [] : events),
    })
    return this.#current(committed)
  }

  read(range: LogRange): Promise<LogPage> {
    return promised(() => this.readNow(range))
  }

  /** The same at once: a read of SQLite waits for nobody. */
  readNow(range: LogRange): LogPage {
    const page = this.#options.store.read((tx) => readLog(tx, range))
    return { ...page, events: pageInEpoch(page.events, this.#epochHex) }
  }

  /** Units of one context as they are stored; undefined when there is no such context. */
  unitTexts(contextId: string, range: UnitTextRange): UnitTexts | undefined {
    const page = this.#options.store.read((tx) => readUnitTexts(tx, contextId, range))
    if (page === undefined) return undefined
    const isCurrent = (text = ''): boolean => text === '' || bodyOfEpoch(text, this.#epochHex) === text
    if (isCurrent(page.texts[0]) && isCurrent(page.texts.at(-1))) return page
    return { ...page, texts: page.texts.map((text) => bodyOfEpoch(text, this.#epochHex)) }
  }

  place(contexts: readonly string[] | 'all', from: From): Promise<LogPlace> {
    return promised(() => this.#options.store.read((tx) => placeOf(tx, this.ground, contexts, from)))
  }

  cursorOf(contextId: string, seq: number): string {
    return this.ground.cursorOf(contextId, seq)
  }

  bounds(contextId?: string): Promise<LogBounds> {
    return promised(() => this.#options.store.read((tx) => logBounds(tx, contextId)))
  }

  context(id: string): Promise<Context | undefined> {
    return promised(() => this.#options.store.read((tx) => findContext(tx, id)))
  }

  contexts(filter: ContextFilter): Promise<ContextPage> {
    return promised(() => {
      const after = filter.cursor === undefined ? null : contextPlace(filter.cursor)
      const found = this.#options.store.read((tx) => listContexts(tx, { ...filter, limit: filter.limit + 1 }, after))
      const shown = found.slice(0, filter.limit)
      const last = shown.at(-1)
      const nextCursor = found.length > filter.limit && last !== undefined ? listCursor(last.place) : ''
      return { contexts: shown.map(({ context }) => context), nextCursor }
    })
  }

  unit(id: string): Promise<StoredEvent | undefined> {
    return promised(() => {
      const event = this.#options.store.read((tx) => eventByUnit(tx, id))
      return event === undefined ? undefined : inEpoch(event, this.#epochHex)
    })
  }

  async lock(step: LockStep): Promise<LockOutcome> {
    switch (step.kind) {
      case 'acquire':
        return this.#acquire(step)
      case 'renew': {
        const outcome = await this.#write(step, (tx) => renewLock(tx, this.ground, step))
        this.#tellLock('lock.renewed', outcome)
        return outcome
      }
      case 'release': {
        const outcome = await this.#write(step, (tx) => releaseLock(tx, this.ground, step))
        this.#line.wake(step.resourcePath)
        return outcome
      }
      case 'expire':
        return this.#write({}, (tx) => expireLocks(tx, this.ground, step.resourcePath))
    }
  }

  heldLock(resourcePath: string): Promise<Lock | undefined> {
    return promised(() => this.#heldNow(resourcePath))
  }

  locks(filter: LockFilter): Promise<LockPage> {
    return promised(() =>
      this.#options.store.read((tx) => {
        const now = leaseNow(tx, this.ground)
        const after = filter.cursor === undefined ? '' : resourcePlace(filter.cursor)
        const rows = listLiveLocks(tx, { ...filter, limit: filter.limit + 1 }, after, now)
        const shown = rows.slice(0, filter.limit)
        const nextCursor = rows.length > filter.limit ? listCursor(shown.at(-1)?.resource_path ?? '') : ''
        return { locks: shown.map((row) => toLock(row, now)), nextCursor }
      }),
    )
  }

  watch(hint: LogHint, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#hints.add(hint)
    this.#look ??= this.#lookAround()
    signal.addEventListener(
      'abort',
      () => {
        this.#hints.delete(hint)
        if (this.#hints.size === 0) this.#stopLooking()
      },
      { once: true },
    )
  }

  /**
   * What a server does once when it starts on a store that nobody else has open: live leases get a moment in which their
   * holders can come back (COL-1208). @returns how many
   */
  async restart(): Promise<number> {
    return this.#write({}, (tx) => {
      const now = leaseNow(tx, this.ground)
      const kept = heldLocks(tx).flatMap((row) => {
        const deadline = deadlineAfterRestart(row, now, limits.lockRestartMsMin)
        return deadline === null ? [] : [{ ...row, ...deadline }]
      })
      for (const row of kept) saveLock(tx, row, false)
      return kept.length
    })
  }

  /** Whoever waits for a lock leaves with `draining`; nothing else is held here. */
  close(): Promise<void> {
    this.#line.close()
    this.#hints.clear()
    this.#stopLooking()
    return Promise.resolve()
  }

  /**
   * A lease that runs out or is given back goes to whoever has waited longest (COL-1211): who comes while others wait, and
   * would not wait, is refused. The live holder is never made to wait.
   */
  async #acquire(step: Acquire): Promise<LockOutcome> {
    const { resourcePath, waitTimeoutMs, signal } = step
    const isAtOnce = waitTimeoutMs === 0 && this.#line.isEmpty(resourcePath)
    if (isAtOnce || this.#holderOf(resourcePath) === step.agentId) {
      const outcome = await this.#tryAcquire(step, () => signal?.aborted === true)
      if (outcome !== null) return outcome
    }
    const tryIt = (waiter: Waiter): Promise<LockOutcome | null> => {
      const holder = this.#holderOf(resourcePath)
      if (holder !== undefined && holder !== step.agentId) return Promise.resolve(null)
      return this.#tryAcquire(step, () => waiter.isOut || signal?.aborted === true)
    }
    const refusal = (position: number): EngramError => this.#refusal(resourcePath, position)
    if (waitTimeoutMs > 0) this.#tellWaiting(step)
    return this.#line.wait(resourcePath, { waitMs: waitTimeoutMs, signal }, tryIt, refusal)
  }

  #tellWaiting(step: Acquire): void {
    const lock = this.#heldNow(step.resourcePath)
    if (lock === undefined || lock.holder_agent === step.agentId) return
    this.#announce({
      kind: 'lock.waiting',
      contextId: lock.context_id ?? locksContextId,
      agentId: step.agentId,
      lock,
    })
  }

  /** Null while another agent holds it and there is time to wait. Nothing is granted to who is gone. */
  async #tryAcquire(step: Acquire, isGone: () => boolean): Promise<LockOutcome | null> {
    try {
      const outcome = await this.#write(step, (tx) => {
        if (isGone()) throw new EngramError('aborted', 'Whoever waited for the lock gave up.')
        return acquireLock(tx, this.ground, step)
      })
      if (isGone() && !outcome.isExtended && outcome.lock !== null) return await this.#takeBack(step, outcome.lock)
      return outcome
    } catch (error) {
      if (error instanceof EngramError && error.code === 'lock_held' && step.waitTimeoutMs > 0) return null
      throw error
    }
  }

  /** It gave up between the commit and the answer. */
  async #takeBack(step: Acquire, { lock_id: lockId }: Lock): Promise<never> {
    const { resourcePath, agentId } = step
    await this.lock({ kind: 'release', resourcePath, agentId, lockId }).catch(() => undefined)
    throw new EngramError('aborted', 'Whoever waited for the lock gave up.')
  }

  #heldNow(resourcePath: string): Lock | undefined {
    return this.#options.store.read((tx) => {
      const now = leaseNow(tx, this.ground)
      const row = lockRow(tx, resourcePath)
      return row !== undefined && isLive(row, now) ? toLock(row, now) : undefined
    })
  }

  #holderOf(resourcePath: string): string | undefined {
    return this.#heldNow(resourcePath)?.holder_agent
  }

  #refusal(resourcePath: string, position: number): EngramError {
    return this.#options.store.read((tx) => {
      const row = lockRow(tx, resourcePath)
      const now = leaseNow(tx, this.ground)
      if (row !== undefined && isLive(row, now)) return heldBy(row, now, position)
      return new EngramError('lock_held', `Others wait for resource '${resourcePath}'.`, { details: { position } })
    })
  }

  async #write<T>(
    step: WriteTerms,
    work: (tx: WriteTx) => NotPromise<T>,
    { bytes = 0, written }: WriteMore<T> = {},
  ): Promise<T> {
    // Here, because inside the write nothing else may be read.
    const { ends } = this.ground
    this.#admit(bytes)
    const durability = step.durability ?? this.#options.durability ?? 'full'
    try {
      const result = await this.#options.store.write((tx) => this.#run(tx, work, step), { durability })
      this.#hint(written?.(result))
      return result
    } catch (error) {
      // Refused, or the commit did not stand: what was noted of the ends of logs may not either.
      forgetEnds(ends)
      throw error
    } finally {
      this.#waiting--
      this.#waitingBytes -= bytes
    }
  }

  #run<T>(tx: WriteTx, work: (tx: WriteTx) => NotPromise<T>, { signal }: WriteTerms): NotPromise<T> {
    try {
      if (signal?.aborted === true) throw new EngramError('aborted', 'Whoever asked gave up before the commit.')
      return work(tx)
    } catch (error) {
      forgetEnds(this.ground.ends)
      throw error
    }
  }

  /** Nothing accepted is dropped; what would pile up without end is refused (COL-1105). */
  #admit(bytes: number): void {
    if (this.#waiting >= limits.appendsWaitingMax || this.#waitingBytes + bytes > limits.appendBytesWaitingMax) {
      throw new EngramError('overloaded', 'Too many writes wait for their commit.', {
        details: { waiting: this.#waiting, retry_after_ms: 1_000 },
      })
    }
    this.#waiting++
    this.#waitingBytes += bytes
  }

  #current(committed: Committed): Committed {
    if (!committed.isReplayed && !committed.isDuplicate) return committed
    return { ...committed, events: committed.events.map((event) => inEpoch(event, this.#epochHex)) }
  }

  #tellLock(kind: Announcement['kind'], { lock }: LockOutcome): void {
    if (lock === null) return
    this.#announce({ kind, contextId: lock.context_id ?? locksContextId, agentId: lock.holder_agent, lock })
  }

  #hint(written?: readonly StoredEvent[]): void {
    for (const hint of this.#hints) hint(written)
  }

  #stopLooking(): void {
    this.#look?.stop()
    this.#look = null
  }

  /** Writers of other processes say nothing: while somebody listens, the end of the log is looked at (COL-206). */
  #lookAround(): Every {
    let seen = -1
    return every(lookMs, () => {
      try {
        const last = this.#options.store.read(lastGseq)
        if (last !== seen) this.#hint()
        seen = last
      } catch {
        // A store that cannot be read now is looked at again in a moment.
      }
    })
  }
}

/** All calls of the port answer with a promise, failures too. */
const promised = <T>(work: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(work())
  })
