/** The socket's side: see `FrameDoor`. */
export type OutboxDoor<F> = {
  write(frames: readonly F[], taken: () => void): void
}

export type OutboxOptions<F> = {
  readonly door: OutboxDoor<F>
  readonly bytesOf: (frame: F) => number
  readonly bytesMax: number
  readonly framesMax: number
  /** It was full, and is half empty now. */
  readonly onRoom: () => void
  /** All that waited is in the socket's hands, in order: what is sent from now on comes after it. */
  readonly onWrite: () => void
}

/**
 * What one connection has not taken yet (COL-1102).
 *
 *     offer ─▶ waits ──flush, once a turn──▶ under way ──the socket took all──▶ gone; what waits meanwhile is written next
 *
 * - Whoever offers asks `isFull` first; a frame greater than the whole box goes when the box is empty.
 * - Frames of `first` go before those that wait, never between those under way: frames do not interleave (COL-807).
 * - One write is under way at a time, so a slow socket gathers what comes and takes it in one piece.
 */
export class Outbox<F> {
  readonly #options: OutboxOptions<F>
  #first: F[] = []
  #waiting: F[] = []
  #bytes = 0
  #frames = 0
  #isUnderWay = false
  #wasFull = false
  #isClosed = false
  #emptied: (() => void)[] = []

  constructor(options: OutboxOptions<F>) {
    this.#options = options
  }

  get isFull(): boolean {
    const isFull = this.#bytes >= this.#options.bytesMax || this.#frames >= this.#options.framesMax
    if (isFull) this.#wasFull = true
    return isFull
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether something offered is not in the socket's hands yet. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  offer(frame: F): void {
    if (this.#isClosed) return
    this.#waiting.push(frame)
    this.#count(frame)
  }

  first(frame: F): void {
    if (this.#isClosed) return
    this.#first.push(frame)
    this.#count(frame)
  }

  /** Writes what waits, unless a write is under way: that one's end sees to it. */
  flush(): void {
    if (this.#isUnderWay || this.#isClosed) return
    const frames = this.#first.length === 0 ? this.#waiting : [...this.#first, ...this.#waiting]
    if (frames.length === 0) return
    const bytes = frames.reduce((sum, frame) => sum + this.#options.bytesOf(frame), 0)
    this.#first = []
    this.#waiting = []
    this.#isUnderWay = true
    this.#options.onWrite()
    this.#options.door.write(
      frames,
      once(() => this.#taken(frames.length, bytes)),
    )
  }

  /** Resolves when nothing waits and nothing is under way. */
  emptied(): Promise<void> {
    if (this.#frames === 0 || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => this.#emptied.push(resolve))
  }

  close(): void {
    this.#isClosed = true
    this.#first = []
    this.#waiting = []
    this.#settle()
  }

  #count(frame: F): void {
    this.#bytes += this.#options.bytesOf(frame)
    this.#frames++
  }

  #taken(frames: number, bytes: number): void {
    this.#isUnderWay = false
    this.#frames -= frames
    this.#bytes -= bytes
    if (this.#isClosed) return
    if (this.#wasFull && this.#bytes * 2 <= this.#options.bytesMax && this.#frames * 2 <= this.#options.framesMax) {
      this.#wasFull = false
      this.#options.onRoom()
    }
    this.flush()
    if (this.#frames === 0) this.#settle()
  }

  #settle(): void {
    for (const resolve of this.#emptied.splice(0)) resolve()
  }
}

/** A socket that says twice that it took a write must not be believed twice. */
function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}
