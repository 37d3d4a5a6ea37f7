import { limits } from '../model/limits.ts'
import type { LogStore, StoredEvent } from '../model/log-store.ts'
import type { Clock } from '../platform/clock.ts'
import { atEndOfTurn } from '../platform/end-of-turn.ts'

export type NewsOptions = {
  readonly log: LogStore
  readonly clock: Clock
  /** The last event that was told. */
  readonly head: () => number
  /** @param head of the log behind them */
  readonly tell: (events: readonly StoredEvent[], head: number) => void
  readonly failed: (error: unknown) => void
}

/** A page that is read for one subscriber, or for all: bounded in number and in memory. */
export const pageBytesMax = 4 * 1024 * 1024
/** After a read that failed. */
export const lookAgainMs = 250

/**
 * What is new in the log, told once for everybody, in order and without a gap. What this process wrote comes with its hint;
 * where others may have written in between, the log is read.
 */
export class News {
  readonly #options: NewsOptions
  #watching: AbortController | null = null
  #isReading = false
  #hasHint = false
  /** What hints brought along since the last read, and whether one came with nothing. */
  #written: StoredEvent[] = []
  #mustRead = false

  constructor(options: NewsOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#watching !== null
  }

  open(): void {
    this.#watching = new AbortController()
    this.#options.log.watch((written) => this.hint(written), this.#watching.signal)
  }

  close(): void {
    this.#watching?.abort()
    this.#watching = null
    this.#written = []
  }

  /**
   * Something may be new. Whoever wrote is answered before anybody hears of it: a thousand subscribers take longer than the
   * write.
   */
  hint(written?: readonly StoredEvent[]): void {
    if (written === undefined) this.#mustRead = true
    else this.#written.push(...written)
    this.#hasHint = true
    if (this.#isReading) return
    this.#isReading = true
    atEndOfTurn(() => void this.#readOn())
  }

  /** A hint that comes meanwhile is not lost: it is read for again. */
  async #readOn(): Promise<void> {
    while (this.#hasHint && this.#watching !== null) {
      this.#hasHint = false
      try {
        if (!this.#takeWritten()) await this.#readToEnd()
      } catch (error) {
        this.#options.failed(error)
        await this.#options.clock.sleep(lookAgainMs)
        this.hint()
      }
    }
    this.#isReading = false
  }

  /** @returns false where the log must be read */
  #takeWritten(): boolean {
    const head = this.#options.head()
    const news = this.#written.filter(({ gseq }) => gseq > head)
    const isAll = !this.#mustRead && news.every(({ gseq }, at) => gseq === head + 1 + at)
    this.#written = []
    this.#mustRead = false
    if (isAll && news.length > 0) this.#options.tell(news, head + news.length)
    return isAll
  }

  async #readToEnd(): Promise<void> {
    const watching = this.#watching
    for (;;) {
      const page = await this.#options.log.read({
        contexts: 'all',
        from: this.#options.head(),
        limit: limits.feedPageEvents,
        bytesMax: pageBytesMax,
      })
      if (this.#watching !== watching) return
      this.#options.tell(page.events, page.next)
      if (page.isAtEnd) return
    }
  }
}
