/**
 * One piece of background work that is due once: letting a lock go when nobody needed it for a while. It never keeps a
 * process alive.
 */
export class Later {
  readonly #work: () => void
  #timer: NodeJS.Timeout | null = null

  constructor(work: () => void) {
    this.#work = work
  }

  get isDue(): boolean {
    return this.#timer !== null
  }

  /** Due in `ms`, unless it is due already. */
  ask(ms: number): void {
    if (this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#work()
    }, ms)
    this.#timer.unref()
  }

  /** Due in `ms` from now; what was due before is put off. */
  postpone(ms: number): void {
    if (this.#timer === null) this.ask(ms)
    else this.#timer.refresh()
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
