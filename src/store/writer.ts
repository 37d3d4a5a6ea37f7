import { EngramError } from '../model/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { Turn, Turns } from '../platform/turns.ts'
import { beginImmediate, rollBack } from './begin.ts'
import type { Checkpointer } from './checkpoint.ts'
import type { Connection } from './driver.ts'
import type { OpenedFile } from './opened-file.ts'
import { type DoneForOthers, type SharedWork, SharedWrites, isAnswered, nothingDone } from './shared-writes.ts'
import type { WalSync } from './wal-sync.ts'
import { type Durability, type JobOutcome, type WriteJob, batchJobsMax, batchMsMax, runJobs } from './write-batch.ts'

/** One commit that stands. */
export type CommitSeen = {
  readonly jobs: number
  readonly durability: 'full' | 'normal'
  /** Of the COMMIT alone: with `full`, the fsync. */
  readonly tookMs: number
}

/** The longest a write waits for its turn and then for SQLite's lock before it is `storage_busy` (MEM-103). */
const lineWaitMsMax = 4_000
/**
 * How long a process may go on doing what others ask, while nobody wants a turn of its own. Each that begins to pays for it with
 * cold code and an empty cache: the first tenth of a second a save takes three times as long, and everybody waits for that.
 */
const leadMsMax = 30_000
/** What whoever leads gives to the others in each commit, however long its own writes took: they would wait in vain. */
const othersMsMin = 10
const busyWaitMsMax = 7_000
const busyAgainMs = 1

export type WriterOptions = {
  readonly file: OpenedFile
  readonly turns: Turns
  readonly checkpointer: Checkpointer
  readonly walSync: WalSync | null
  readonly clock: Clock
  /** Most writes of one commit; 64 by default. */
  readonly batchJobsMax?: number | undefined
}

/**
 * The writes of one process at one file: those that wait together share a commit, and between processes they stand in line (L1).
 *
 *     given ──▶ waits ──a turn, or somebody else's──▶ done in a commit ──it stands──▶ answered
 *                 └ the file is held by others for too long: storage_busy
 */
export class Writer {
  readonly #options: WriterOptions
  readonly #queue: WriteJob[] = []
  readonly #sharedWrites = new SharedWrites()
  #isWriting = false
  /** How many wait for the end of what was given. */
  #drains = 0
  #pumping: Promise<void> | null = null
  #seen: ((commit: CommitSeen) => void) | null = null

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Inside a callback of a write. */
  get isWriting(): boolean {
    return this.#isWriting
  }

  /** Writes that wait for their commit. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Nobody else waits for a turn. */
  get isAlone(): boolean {
    return this.#options.turns.isEmpty()
  }

  give(job: WriteJob): void {
    this.#queue.push(job)
    this.#pumping ??= this.#pump()
  }

  /** Kinds of writes that processes at this file do for each other; see {@link SharedWrites}. */
  offer(dialect: string, works: Readonly<Record<string, SharedWork>>): void {
    this.#sharedWrites.offer(dialect, works)
  }

  watchCommits(seen: (commit: CommitSeen) => void): void {
    this.#seen = seen
  }

  /** Resolves when every write given so far is answered; meanwhile nothing more is begun for others. */
  async drain(): Promise<void> {
    this.#drains++
    try {
      while (this.#pumping !== null) await this.#pumping
    } finally {
      this.#drains--
    }
  }

  /** Answers what waits, and does nothing for others any more. */
  async close(): Promise<void> {
    await this.drain()
    this.#options.turns.close()
  }

  /** One turn after another until nothing waits. Starts behind what the event loop holds now, so that it can share. */
  async #pump(): Promise<void> {
    await nextLoop()
    let mustQueue = false
    while (this.#queue.length > 0) {
      const turn = (mustQueue ? null : this.#options.turns.tryTake()) ?? (await this.#inLine())
      if (turn === null) continue
      try {
        mustQueue = await this.#useTurn(turn, mustQueue)
      } finally {
        this.#sharedWrites.turnEnds()
        turn.release()
        this.#options.checkpointer.turnGiven(turn.behind)
      }
    }
    this.#pumping = null
  }

  /** @returns null when somebody else did what waited */
  async #inLine(): Promise<Turn | null> {
    const taken = await this.#options.turns.take(lineWaitMsMax, this.#sharedWrites.ask(this.#queue))
    if (isAnswered(taken)) this.#sharedWrites.settle(this.#queue, taken.answer)
    else this.#sharedWrites.askNoMore(taken)
    return isAnswered(taken) ? null : taken
  }

  /** @returns whether to come back with a ticket: somebody writes who did not queue */
  async #useTurn(turn: Turn, hasQueued: boolean): Promise<boolean> {
    const leadsUntilMs = this.#options.clock.monotonicMs() + leadMsMax
    const leads = (): boolean =>
      this.#drains === 0 && this.#options.clock.monotonicMs() < leadsUntilMs && this.#sharedWrites.canLead(turn)
    while (this.#queue.length > 0 || leads()) {
      const isBusy = this.#commit(turn) === 'busy'
      if (isBusy && !turn.isFirst && !hasQueued) return true
      if (isBusy) this.#refuseOverdue()
      await (isBusy ? this.#options.clock.sleep(busyAgainMs) : nextLoop())
      if (!isBusy && turn.isOver() && !leads()) return false
    }
    return false
  }

  #refuseOverdue(): void {
    const nowMs = this.#options.clock.monotonicMs()
    while ((this.#queue[0]?.enqueuedMs ?? nowMs) + busyWaitMsMax <= nowMs) {
      this.#queue
        .shift()
        ?.reject(
          new EngramError('storage_busy', `${this.#options.file.path} was held by another process for too long.`),
        )
      this.#sharedWrites.refused()
    }
  }

  /** One commit of what waits at the front. Answers its jobs; every call but a busy one answers at least one. */
  #commit(turn: Turn): 'done' | 'busy' {
    const outcomes: JobOutcome[] = []
    let others = nothingDone
    try {
      const connection = this.#options.file.writable()
      const jobs = this.#queue.slice(0, this.#options.batchJobsMax ?? batchJobsMax)
      this.#options.file.synchronous = wantedBy(jobs)
      // A write must not block the event loop behind a stopped process.
      this.#options.file.setBusyTimeout(0)
      if (!beginImmediate(connection)) return 'busy'
      if (this.#wasDone(connection, turn)) return 'done'
      others = this.#transact(connection, jobs, outcomes, turn)
    } catch (error) {
      this.#sharedWrites.failed()
      this.#fail(error, outcomes)
      return 'done'
    }
    if (outcomes.length + others.answers.length === 0) return 'done'
    this.#queue.splice(0, outcomes.length)
    for (const outcome of outcomes) outcome.answer()
    this.#sharedWrites.handOver(turn, others)
    this.#options.walSync?.committed(owedTo(this.#options.file.synchronous, outcomes, others.answers.length))
    this.#options.checkpointer.wrote(this.#options.clock.monotonicMs(), turn.behind)
    return 'done'
  }

  #wasDone(connection: Connection, turn: Turn): boolean {
    try {
      return this.#sharedWrites.wasDone(connection, turn, this.#queue)
    } catch (error) {
      rollBack(connection)
      throw error
    }
  }

  #transact(connection: Connection, jobs: readonly WriteJob[], outcomes: JobOutcome[], turn: Turn): DoneForOthers {
    const nowMs = (): number => this.#options.clock.monotonicMs()
    const startedMs = nowMs()
    this.#isWriting = true
    try {
      runJobs(connection, jobs, outcomes, nowMs)
      if (!connection.inTransaction) return nothingDone
      const untilMs = Math.max(startedMs + batchMsMax, nowMs() + othersMsMin)
      const others = this.#doForOthers(connection, turn, () => nowMs() >= untilMs)
      const count = outcomes.length + others.answers.length
      if (count === 0) rollBack(connection)
      else this.#commitNow(connection, count)
      return others
    } catch (error) {
      rollBack(connection)
      throw error
    } finally {
      this.#isWriting = false
    }
  }

  #doForOthers(connection: Connection, turn: Turn, isLate: () => boolean): DoneForOthers {
    // Whoever drains begins nothing for others; and what they ask may read, which whoever closes does no more.
    if (this.#drains > 0) return nothingDone
    const isFull = this.#options.file.synchronous === 'full'
    return this.#sharedWrites.doForOthers(connection, turn, { isFull, isLate, nowMs: this.#options.clock.nowMs() })
  }

  #commitNow(connection: Connection, jobs: number): void {
    const startedMs = this.#options.clock.monotonicMs()
    connection.run('COMMIT')
    this.#seen?.({
      jobs,
      durability: this.#options.file.synchronous,
      tookMs: this.#options.clock.monotonicMs() - startedMs,
    })
  }

  /** Nothing of this commit stands: the jobs that ran learn why; all that wait do, where it could not even begin. */
  #fail(error: unknown, outcomes: readonly JobOutcome[]): void {
    this.#options.file.distrust(error)
    const broken = this.#queue.splice(0, outcomes.length === 0 ? this.#queue.length : outcomes.length)
    for (const [at, job] of broken.entries()) {
      const outcome = outcomes[at]
      if (outcome !== undefined && !outcome.isKept) outcome.answer()
      else job.reject(error)
    }
  }
}

/** Whoever writes for others alone cannot know what they want before it begins. */
const wantedBy = (jobs: readonly WriteJob[]): 'full' | 'normal' =>
  jobs.length === 0 || jobs.some((job) => job.durability === 'full') ? 'full' : 'normal'

const nextLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What a commit owes: nothing more after its fsync, or when it held nothing but what can be made again. */
const owedTo = (synchronous: 'full' | 'normal', outcomes: readonly JobOutcome[], others: number): Durability => {
  if (synchronous === 'full') return 'full'
  return others > 0 || outcomes.some(({ job }) => job.durability === 'normal') ? 'normal' : 'derived'
}
