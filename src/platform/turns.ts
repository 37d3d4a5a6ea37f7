import { type FSWatcher, mkdirSync, readdirSync, statSync, unlinkSync, utimesSync, watch } from 'node:fs'
import { join } from 'node:path'
import { errorCodeOf } from './files.ts'
import { Letters } from './letters.ts'
import type { Random } from './random.ts'
import { systemClock } from './clock.ts'
import { startedTicksOf } from './process-life.ts'
import { isOrphaned, parseTicket, ticketName } from './ticket.ts'

/**
 * A fair line of processes in front of something only one may hold (MEM-103, L1).
 *
 * Each waiter lays a file into the directory, empty or with a letter ({@link Letters}); names sort by arrival; each watches only
 * the one directly ahead of it, so that one release wakes one process, and its own where that may be answered. The line gives
 * order, not exclusion: what stands behind it (SQLite's lock) still decides, so every race here costs at most a little fairness,
 * and whatever fails here means going without a turn.
 *
 *     nobody waits ──tryTake──▶ holds (no ticket) ──somebody came and the minimum is over──▶ isOver ─▶ release
 *     somebody waits ──take──▶ waits ──first in line──▶ holds (ticket lies first) ──time is up──▶ isOver ─▶ release
 *                                │ the one ahead died: its ticket is removed by whoever stands behind it
 *                                │ its letter was answered by a holder: it leaves the line, and has its answer
 *                                └ the first has not moved for `stalledMs` (stopped, or very long): it is passed
 */

/** A holder keeps its turn so long that a whole round of the line takes about `roundMs`. */
const roundMs = 110
const turnMsMin = 3
const turnMsMax = 25
const stalledMs = 2_000
/**
 * How soon the death of the holder is noticed by the one behind it. Those further back look seldom: whoever gives its turn
 * on takes the dead behind it out of the line, and tells the next one's follower, who then looks as often.
 */
const lookMs = 5
const lookMsFurther = 60
/** The same where the directory cannot be watched and looking is the only way to learn of a release. */
const blindLookMs = 1
/** Whoever was answered lays its next ticket without a look whether somebody is there: for so long there will be. */
const crowdedMs = 20
/** Times of files stand still for so long at the most: a tick of the system's clock, and two seconds on the coarsest file systems. */
const grainNs = 3_000_000_000n
/** Whoever stands no further back watches the one ahead, letter or not. */
const nearMax = 3

export interface Turn {
  /** Whether it came by a ticket: then nobody who queues stands before the holder. */
  readonly isFirst: boolean
  /** How many stood in line behind it when it began. */
  readonly behind: number
  /** Its place in the line; null for one that nobody stood before. */
  readonly ticket: string | null
  /** What the others in line wait for; `turns` where one of them has no letter. */
  asked(): 'nothing' | 'letters' | 'turns'
  /** Takes its own letter back: from here on nobody begins what it asks. */
  withdraw(): void
  /** What was answered to it in the moment before; null for nothing. */
  lateAnswer(): string | null
  /** What the others in line ask to be done in their stead, oldest first. Read anew each time. */
  letters(): readonly Letter[]
  /** Lets the writer of a letter go. Throws where the answer cannot be written: then it stays in line. */
  answer(letter: Letter, text: string): void
  /** Whether its time is up and somebody waits. Cheap; ask between two pieces of work. */
  isOver(): boolean
  /** A second call does nothing. */
  release(): void
}

export type Letter = { readonly ticket: string; readonly text: string }
/** What a holder answered to the letter of who waited. */
export type Answered = { readonly answer: string }

export class Turns {
  readonly #directory: string
  readonly #random: Random
  readonly #startedTicks = startedTicksOf(process.pid)
  readonly #mine = new Set<string>()
  readonly #letters: Letters
  #crowdedUntilMs = Number.NEGATIVE_INFINITY
  /** When the directory had changed last as it was found empty; null where that would not tell. */
  #emptySinceNs: bigint | null = null

  constructor(directory: string, random: Random) {
    this.#directory = directory
    this.#random = random
    this.#letters = new Letters(directory)
    ignoring(() => mkdirSync(directory, { mode: 0o700 }))
    this.#letters.sweep()
  }

  /** A turn at once when nobody waits, else null. */
  tryTake(): Turn | null {
    if (monotonicMs() < this.#crowdedUntilMs) return null
    return this.isEmpty() ? this.#turn(null, turnMsMin) : null
  }

  /**
   * Waits in line, at most so long. Resolves also when the line itself fails: the caller then goes without order.
   * @param letter what whoever has the turn may do in its stead; '' for nothing
   */
  take(withinMs: number): Promise<Turn>
  take(withinMs: number, letter: string): Promise<Turn | Answered>
  async take(withinMs: number, letter = ''): Promise<Turn | Answered> {
    const ticket = this.#draw(letter)
    const untilMs = monotonicMs() + withinMs
    if (ticket === null) return this.#turn(null, turnMsMin)
    let seen = { name: '', sinceMs: 0 }
    let hasNews = false
    for (;;) {
      // Reading the line is what costs: whoever hears of its own ticket looks for the answer first.
      const heard = hasNews ? this.#answered(ticket) : null
      if (heard !== null) return heard
      const line = this.#line()
      const place = line.indexOf(ticket)
      const [first] = line
      const ahead = line[place - 1]
      const answered = place === -1 && letter !== '' ? this.#answered(ticket) : null
      if (answered !== null) return answered
      const isTired = monotonicMs() > untilMs
      if (first === undefined || ahead === undefined || isTired) {
        return this.#turn(ticket, turnMsFor(line.length), Math.max(0, line.length - 1))
      }
      if (seen.name !== first) seen = { name: first, sinceMs: monotonicMs() }
      if (monotonicMs() - seen.sinceMs > stalledMs) this.#remove(first)
      else if (isDead(ahead)) this.#remove(ahead)
      else {
        const own = letter === '' ? null : ticket
        const watched = { ahead: own !== null && place > nearMax ? null : ahead, own }
        hasNews = await this.#untilNews(watched, place, Math.min(untilMs, seen.sinceMs + stalledMs))
      }
    }
  }

  /** Whether nobody waits. */
  isEmpty(): boolean {
    // A look at when the directory changed costs a fifth of a look into it, and a lone writer asks at each commit.
    const changedNs = this.#changedNs()
    if (changedNs !== null && changedNs === this.#emptySinceNs) return true
    if (this.#line().length > 0) return false
    // Who came within the grain of that time, after the look, would not be seen.
    const isOld = changedNs !== null && BigInt(systemClock.nowMs()) * 1_000_000n - changedNs > grainNs
    this.#emptySinceNs = isOld ? changedNs : null
    return true
  }

  /** Takes back every ticket of this object. */
  close(): void {
    for (const ticket of this.#mine) this.#remove(ticket)
  }

  #turn(ticket: string | null, turnMs: number, behind = 0): Turn {
    let untilMs = monotonicMs() + turnMs
    return {
      isFirst: ticket !== null,
      behind,
      ticket,
      withdraw: () => {
        if (ticket !== null) this.#letters.withdraw(ticket)
      },
      asked: () => {
        const others = this.#line().filter((name) => name !== ticket)
        if (others.length === 0) return 'nothing'
        return others.every((name) => this.#letters.has(name)) ? 'letters' : 'turns'
      },
      lateAnswer: () => (ticket === null ? null : this.#letters.take(ticket)),
      letters: () => this.#lettersBeside(ticket),
      answer: (letter, text) => this.#letters.answer(letter.ticket, text),
      isOver: () => {
        if (monotonicMs() < untilMs) return false
        untilMs = monotonicMs() + turnMsMin
        return this.#line().some((name) => name !== ticket)
      },
      release: () => {
        if (ticket === null || !this.#mine.has(ticket)) return
        this.#prepareNext(ticket)
        this.#remove(ticket)
      },
    }
  }

  #answered(ticket: string): Answered | null {
    const answer = this.#letters.take(ticket)
    if (answer === null) return null
    this.#mine.delete(ticket)
    this.#crowdedUntilMs = monotonicMs() + crowdedMs
    return { answer }
  }

  #lettersBeside(own: string | null): readonly Letter[] {
    return this.#line().flatMap((ticket) => {
      const text = ticket === own ? '' : this.#letters.read(ticket)
      return text === '' ? [] : [{ ticket, text }]
    })
  }

  #changedNs(): bigint | null {
    try {
      return statSync(this.#directory, { bigint: true }).mtimeNs
    } catch {
      return null
    }
  }

  /** Names in order of arrival; none when the directory cannot be read. */
  #line(): string[] {
    try {
      const names = readdirSync(this.#directory)
      return names.length === 0 ? names : names.filter((name) => parseTicket(name) !== null).sort()
    } catch {
      return []
    }
  }

  #draw(letter: string): string | null {
    const name = ticketName({
      atNs: process.hrtime.bigint(),
      pid: process.pid,
      startedTicks: this.#startedTicks,
      random: this.#random.hex(4),
    })
    try {
      this.#letters.lay(name, letter)
      this.#mine.add(name)
      return name
    } catch {
      return null
    }
  }

  #remove(name: string): void {
    this.#mine.delete(name)
    ignoring(() => unlinkSync(join(this.#directory, name)))
  }

  /** The dead behind go. Whoever follows the next one sees its ticket touched: from now on that one may die as the holder. */
  #prepareNext(ticket: string): void {
    const line = this.#line()
    for (const next of line.slice(line.indexOf(ticket) + 1)) {
      if (!isDead(next)) return this.#touch(next)
      this.#remove(next)
    }
  }

  #touch(ticket: string): void {
    const now = systemClock.nowMs() / 1_000
    ignoring(() => utimesSync(join(this.#directory, ticket), now, now))
  }

  /**
   * Resolves when one of the two is gone or there is a reason to look again: the process ahead died, the own ticket was touched
   * because its turn comes near, or time has passed.
   * @returns whether something happened to the own ticket
   */
  #untilNews({ ahead, own }: Watched, place: number, againAtMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const watchers: FSWatcher[] = []
      const done = (isOwn = false): void => {
        clearInterval(timer)
        for (const one of watchers) one.close()
        resolve(isOwn)
      }
      let isBlind = false
      const look = (): void => {
        if (isBlind || ahead === null || monotonicMs() > againAtMs || isDead(ahead)) done()
      }
      let timer = setInterval(look, place === 1 ? lookMs : lookMsFurther)
      /** `change`: it was touched, its owner gets the turn now · `rename`: it is gone. */
      const heardAhead = (event: 'change' | 'rename'): void => {
        if (event === 'rename') return done()
        clearInterval(timer)
        timer = setInterval(look, lookMs)
      }
      const listen = (ticket: string, heard: typeof heardAhead): void => {
        watchers.push(watch(join(this.#directory, ticket), heard).on('error', () => done()))
      }
      try {
        if (ahead !== null) listen(ahead, heardAhead)
        if (own !== null) listen(own, () => done(true))
      } catch (error) {
        if (errorCodeOf(error) === 'ENOENT') return done()
        isBlind = true
        clearInterval(timer)
        timer = setInterval(look, blindLookMs * place)
      }
    })
  }
}

/**
 * What one who waits looks at: the ticket ahead, and its own where it may be answered. Far back with a letter the own alone: those
 * in front go one by one in the moment before, and would wake everybody behind twice.
 */
type Watched = { readonly ahead: string | null; readonly own: string | null }

const monotonicMs = (): number => systemClock.monotonicMs()

const turnMsFor = (waiting: number): number => Math.min(turnMsMax, Math.max(turnMsMin, roundMs / waiting))

function isDead(name: string): boolean {
  const ticket = parseTicket(name)
  return ticket !== null && isOrphaned(ticket)
}

/** The line is a courtesy: what fails in it is passed over, and the lock behind it decides. */
function ignoring(work: () => void): void {
  try {
    work()
  } catch {
    // Nothing to do: see above.
  }
}
