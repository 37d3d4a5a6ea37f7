import { readFileSync, readdirSync, renameSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isOrphaned, parseTicket } from './ticket.ts'

/** Ends of names that are no tickets: what a ticket is made of before it is laid, and what was answered to its letter. */
const unlaid = '.new'
const answered = '.answer'
const letterBytesMax = 256 * 1024

/**
 * What those in a line ask of whoever has the turn: a ticket may carry a letter, and its answer lies beside it.
 *
 *     lay ──▶ waits with its letter ──answer──▶ its ticket is gone, the answer lies there ──take──▶ nothing is left
 *                                   ──withdraw──▶ waits with none
 *
 * Files of their owner alone. What fails is as if nobody had written: everybody can do its own work.
 */
export class Letters {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** A ticket with its letter, whole or not at all. Throws where nothing can be written. */
  lay(ticket: string, letter: string): void {
    if (letter === '') return writeFileSync(this.#path(ticket), '', { mode: 0o600, flag: 'wx' })
    writeFileSync(this.#path(ticket, unlaid), letter, { mode: 0o600, flag: 'wx' })
    renameSync(this.#path(ticket, unlaid), this.#path(ticket))
  }

  has(ticket: string): boolean {
    return (statSync(this.#path(ticket), { throwIfNoEntry: false })?.size ?? 0) > 0
  }

  /** Empty where there is none, or what nobody of us would have written. */
  read(ticket: string): string {
    try {
      const { size } = statSync(this.#path(ticket))
      return size > letterBytesMax ? '' : readFileSync(this.#path(ticket), 'utf8')
    } catch {
      return ''
    }
  }

  /** From here on nobody reads it: where it cannot be emptied the place in line goes too. */
  withdraw(ticket: string): void {
    try {
      truncateSync(this.#path(ticket))
    } catch {
      this.#remove(ticket)
    }
  }

  /** The answer is there before the ticket is gone: its owner looks when it misses its ticket. */
  answer(ticket: string, text: string): void {
    writeFileSync(this.#path(ticket, answered), text, { mode: 0o600 })
    unlinkSync(this.#path(ticket))
  }

  /** Null where none came. */
  take(ticket: string): string | null {
    try {
      const text = readFileSync(this.#path(ticket, answered), 'utf8')
      unlinkSync(this.#path(ticket, answered))
      return text
    } catch {
      return null
    }
  }

  /** Takes away what the dead left: they hold text. */
  sweep(): void {
    for (const name of this.#names()) {
      const ticket = name.endsWith(unlaid) || name.endsWith(answered) ? parseTicket(name.replace(/\.\w+$/, '')) : null
      if (ticket !== null && isOrphaned(ticket)) this.#remove(name)
    }
  }

  #remove(name: string): void {
    try {
      unlinkSync(join(this.#directory, name))
    } catch {
      // Somebody else was first.
    }
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#directory)
    } catch {
      return []
    }
  }

  #path(ticket: string, end = ''): string {
    return join(this.#directory, ticket + end)
  }
}
