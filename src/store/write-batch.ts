import type { Connection } from './driver.ts'
import { isDistrusted } from './failure.ts'
import { Transaction, type WriteTx } from './transaction.ts'

/**
 * `full`: fsync before the answer · `normal`: survives a killed process; a power cut, a moment later · `derived`: as
 * `normal`, of what can be made again, so that no fsync is owed to anybody.
 */
export type Durability = 'full' | 'normal' | 'derived'

/** A write that another process may do in this one's stead: what kind it is, and all that it needs. */
export type SharedWrite = { readonly kind: string; readonly input: string }

/** One write that waits. Exactly one of `resolve` and `reject` is called, after the commit that decided it. */
export type WriteJob = {
  readonly work: (tx: WriteTx) => void
  readonly durability: Durability
  /** On the monotonic clock. */
  readonly enqueuedMs: number
  readonly resolve: () => void
  /** Undefined for one that is nobody else's; asked only where somebody else might do it. */
  readonly shared: () => SharedWrite | undefined
  /** Instead of `resolve`, for one that somebody else did. */
  readonly settle: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What became of a job inside the transaction; `answer` tells its caller, once the commit stands. */
export type JobOutcome = { readonly job: WriteJob; readonly isKept: boolean; readonly answer: () => void }

/** Most jobs of one commit, and how long its callbacks may run together. */
export const batchJobsMax = 64
export const batchMsMax = 20

/**
 * Runs jobs inside the transaction that `connection` has begun, until they, the number or the time run out. Each stands
 * in a savepoint of its own, so that one that throws is undone alone; a lone one undoes the whole transaction instead.
 * @param outcomes filled with one entry per job that ran, the one that broke the transaction included
 * @throws when the transaction can no longer be trusted: then none of its jobs may be acknowledged
 */
export function runJobs(
  connection: Connection,
  jobs: readonly WriteJob[],
  outcomes: JobOutcome[],
  monotonicMs: () => number,
): void {
  const untilMs = monotonicMs() + batchMsMax
  for (const job of jobs) {
    outcomes.push({ job, isKept: true, answer: () => undefined })
    outcomes[outcomes.length - 1] = runJob(connection, job, jobs.length > 1)
    if (outcomes.length >= batchJobsMax || monotonicMs() >= untilMs) return
  }
}

function runJob(connection: Connection, job: WriteJob, hasCompany: boolean): JobOutcome {
  if (hasCompany) connection.run('SAVEPOINT job')
  const tx = new Transaction(connection, true)
  try {
    job.work(tx)
    tx.end()
    if (hasCompany) connection.run('RELEASE job')
    if (!connection.inTransaction) throw new Error('The transaction ended inside a job.')
    return { job, isKept: true, answer: job.resolve }
  } catch (error) {
    tx.end()
    if (!connection.inTransaction || isDistrusted(error)) throw error
    undo(connection, hasCompany)
    return { job, isKept: false, answer: () => job.reject(error) }
  }
}

function undo(connection: Connection, hasCompany: boolean): void {
  if (!hasCompany) return void connection.run('ROLLBACK')
  connection.run('ROLLBACK TO job')
  connection.run('RELEASE job')
}
