import { EngramError } from '../model/errors.ts'
import type { Answered, Letter, Turn } from '../platform/turns.ts'
import { rollBack } from './begin.ts'
import type { Connection } from './driver.ts'
import { isDistrusted } from './failure.ts'
import { type ReadTx, Transaction, type WriteTx } from './transaction.ts'
import type { SharedWrite, WriteJob } from './write-batch.ts'

/** How a write of that kind is done by whoever has the turn; throws for what it does not understand. */
export type SharedWork = (tx: WriteTx, input: string) => unknown

/** Longer letters are not written: their owner does the work itself. */
const letterCharsMax = 64 * 1024
const jobsPerLetterMax = 8
/** An answer that nobody took for so long belongs to nobody: its owner is dead. */
const keptMs = 24 * 60 * 60 * 1_000

type LetterBody = { readonly dialect: string; readonly isFull: boolean; readonly writes: readonly SharedWrite[] }
/** What was done for others in a commit, until that stands. */
export type DoneForOthers = {
  readonly answers: readonly { readonly letter: Letter; readonly answer: string }[]
}

export const nothingDone: DoneForOthers = { answers: [] }

/**
 * What a letter asked for: so many writes, of which the last `waiting` stand at the front of the queue, and the ticket that carried it,
 * once it is taken back.
 */
type Asked = { readonly writes: number; readonly waiting: number; readonly ticket: string | null }
const nothingAsked: Asked = { writes: 0, waiting: 0, ticket: null }

/**
 * Writes that processes do for each other. In a crowd each turn costs a wake, a cold page cache and an fsync; whoever has it
 * does what the others in line ask, all in one transaction.
 *
 * Once, whoever dies: a write that was done for another leaves its answer in the same transaction, and its owner, when it comes
 * to its turn without an answer, looks there first. It takes its letter back before it begins, and letters are read inside the
 * transaction: so no two begin the same.
 */
export class SharedWrites {
  readonly #works = new Map<string, SharedWork>()
  #dialect = ''
  #asked: Asked = nothingAsked
  /** A letter could not be answered in this turn: its owner wants one of its own. */
  #hasLeftSome = false
  /** Tickets whose answers were handed over: their rows are of no use any more. */
  #handedOver: string[] = []

  /** @param dialect version and settings that decide what a write does; letters in another are left to their owners */
  offer(dialect: string, works: Readonly<Record<string, SharedWork>>): void {
    this.#dialect = dialect
    for (const [kind, work] of Object.entries(works)) this.#works.set(kind, work)
  }

  // ── for whoever waits ──

  /** The letter that asks for all that waits; '' when any of it is nobody else's. */
  ask(queue: readonly WriteJob[]): string {
    const letter = this.#letterFor(queue)
    const writes = letter === '' ? 0 : queue.length
    this.#asked = { writes, waiting: writes, ticket: null }
    return letter
  }

  /** Somebody did what was asked: those writes have their answers, and wait no more. */
  settle(queue: WriteJob[], answer: string): void {
    const { writes, waiting } = this.#asked
    this.#asked = nothingAsked
    const answers = answersIn(answer, writes)?.slice(writes - waiting) ?? null
    for (const [at, job] of queue.splice(0, waiting).entries()) {
      if (answers === null) job.reject(new EngramError('storage_failed', 'What another process answered is no answer.'))
      else job.settle(answers[at])
    }
  }

  /** The turn came first. */
  askNoMore(turn: Turn): void {
    turn.withdraw()
    this.#asked = { ...this.#asked, ticket: turn.ticket }
  }

  /**
   * Inside the first transaction of the turn: whether what was asked was done nevertheless, by whoever died before it could say so,
   * or in the moment before. Then the transaction is over and the writes have their answers.
   */
  wasDone(connection: Connection, turn: Turn, queue: WriteJob[]): boolean {
    const { ticket, waiting } = this.#asked
    if (ticket === null || waiting === 0) return false
    const tx = new Transaction(connection, false)
    // In this order: a row goes when its answer was laid down.
    const answer = answerInFile(tx, ticket) ?? turn.lateAnswer()
    tx.end()
    this.#asked = answer === null ? nothingAsked : this.#asked
    if (answer === null) return false
    rollBack(connection)
    this.settle(queue, answer)
    return true
  }

  /** The first of the queue waits no more: it was refused. */
  refused(): void {
    this.#asked = { ...this.#asked, waiting: Math.max(0, this.#asked.waiting - 1) }
  }

  // ── for whoever has the turn ──

  /** Whether all who wait ask for nothing but what can be done for them. */
  canLead = (turn: Turn): boolean =>
    turn.isFirst && !this.#hasLeftSome && this.#dialect !== '' && turn.asked() === 'letters'

  /** A transaction failed, and with it whatever waited for it. */
  failed(): void {
    this.#asked = nothingAsked
    this.#hasLeftSome = true
  }

  turnEnds(): void {
    this.#asked = nothingAsked
    this.#hasLeftSome = false
  }

  /** Inside the transaction, while there is time. A letter whose work fails is left to its owner, who learns why. */
  doForOthers(
    connection: Connection,
    turn: Turn,
    how: { readonly isFull: boolean; readonly nowMs: number; readonly isLate: () => boolean },
  ): DoneForOthers {
    // Before one that came without a ticket nobody stood in line: it does not look, and gives the next one its turn.
    if (this.#dialect === '' || !turn.isFirst) return nothingDone
    const answers: { letter: Letter; answer: string }[] = []
    let hasLeftSome = false
    for (const letter of turn.letters()) {
      if (how.isLate()) break
      const body = this.#understood(letter.text)
      const isMine = body !== null && (how.isFull || !body.isFull)
      const answer = isMine ? this.#answerOf(connection, letter.ticket, body, how.nowMs) : null
      if (answer === null) hasLeftSome = true
      else answers.push({ letter, answer })
    }
    if (answers.length > 0) this.#forget(connection, how.nowMs)
    // Where nothing could be done there is nothing to go on for.
    this.#hasLeftSome ||= hasLeftSome || answers.length === 0
    return { answers }
  }

  /** Once the commit stands. An answer that cannot be laid down stays in the file, where its owner looks. */
  handOver(turn: Turn, { answers }: DoneForOthers): void {
    for (const { letter, answer } of answers) {
      try {
        turn.answer(letter, answer)
        this.#handedOver.push(letter.ticket)
      } catch {
        // The row stands.
      }
    }
  }

  #letterFor(queue: readonly WriteJob[]): string {
    if (this.#dialect === '' || queue.length > jobsPerLetterMax) return ''
    if (queue.some(({ durability }) => durability === 'derived')) return ''
    const writes: SharedWrite[] = []
    for (const job of queue) {
      const write = job.shared()
      if (write === undefined) return ''
      writes.push(write)
    }
    const isFull = queue.some(({ durability }) => durability === 'full')
    const letter = JSON.stringify({ dialect: this.#dialect, isFull, writes } satisfies LetterBody)
    return letter.length > letterCharsMax ? '' : letter
  }

  #understood(text: string): LetterBody | null {
    try {
      const body = JSON.parse(text) as Partial<LetterBody>
      if (body.dialect !== this.#dialect || !Array.isArray(body.writes) || body.writes.length > jobsPerLetterMax)
        return null
      const isKnown = body.writes.every(({ kind, input }) => this.#works.has(kind) && typeof input === 'string')
      return isKnown ? { dialect: body.dialect, isFull: body.isFull !== false, writes: body.writes } : null
    } catch {
      return null
    }
  }

  #answerOf(connection: Connection, ticket: string, { writes }: LetterBody, nowMs: number): string | null {
    connection.run('SAVEPOINT letter')
    const tx = new Transaction(connection, true)
    try {
      // Whoever did it died before it could say so.
      const answer = answerInFile(tx, ticket) ?? this.#workOff(tx, ticket, writes, nowMs)
      tx.end()
      connection.run('RELEASE letter')
      return answer
    } catch (error) {
      tx.end()
      if (!connection.inTransaction || isDistrusted(error)) throw error
      connection.run('ROLLBACK TO letter')
      connection.run('RELEASE letter')
      return null
    }
  }

  #workOff(tx: WriteTx, ticket: string, writes: readonly SharedWrite[], nowMs: number): string {
    const answer = JSON.stringify(writes.map(({ kind, input }) => this.#works.get(kind)?.(tx, input)))
    tx.run('INSERT INTO shared_writes (ticket, at_ms, answer) VALUES (?, ?, ?)', ticket, nowMs, answer)
    return answer
  }

  #forget(connection: Connection, nowMs: number): void {
    const tx = new Transaction(connection, true)
    for (const ticket of this.#handedOver.splice(0)) tx.run('DELETE FROM shared_writes WHERE ticket = ?', ticket)
    tx.run('DELETE FROM shared_writes WHERE at_ms < ?', nowMs - keptMs)
    tx.end()
  }
}

const answerInFile = (tx: ReadTx, ticket: string): string | null =>
  tx.get<{ answer: string }>('SELECT answer FROM shared_writes WHERE ticket = ?', ticket)?.answer ?? null

export const isAnswered = (taken: Turn | Answered): taken is Answered =>
  'answer' in taken && typeof taken.answer === 'string'

/** One answer for each write; null for what is none. */
function answersIn(text: string, writes: number): readonly unknown[] | null {
  try {
    const answers: unknown = JSON.parse(text)
    return Array.isArray(answers) && answers.length === writes ? answers : null
  } catch {
    return null
  }
}
