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
}

/** Shared by all that wait for nothing; never pushed to. */
const none: never[] = []

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
  // What is asked for each frame of each subscriber stands in the one object.
  readonly #door: OutboxDoor<F>
  readonly #bytesMax: number
  readonly #framesMax: number
  #first: F[] = []
  #waiting: F[] = none
  /** Of all that the socket has not taken, and of what of it is under way. */
  #bytes = 0
  #frames = 0
  #bytesUnderWay = 0
  #framesUnderWay = 0
  #isUnderWay = false
  #wasFull = false
  #isClosed = false
  #emptied: (() => void)[] = []
  /** How often all that waited was put into the socket's hands, in order: what is offered from then on comes after it. */
  flushes = 0

  constructor(options: OutboxOptions<F>) {
    this.#options = options
    this.#door = options.door
    this.#bytesMax = options.bytesMax
    this.#framesMax = options.framesMax
  }

  get isFull(): boolean {
    const isFull = this.#bytes >= this.#bytesMax || this.#frames >= this.#framesMax
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
    // A list of one is made as such: grown, it would have room for many.
    if (this.#waiting.length === 0) this.#waiting = [frame]
    else this.#waiting.push(frame)
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
    const hasFirst = this.#first.length > 0
    const frames = hasFirst ? [...this.#first, ...this.#waiting] : this.#waiting
    if (frames.length === 0) return
    if (hasFirst) this.#first = []
    this.#waiting = none
    // Nothing is under way, so what waits is all there is.
    this.#framesUnderWay = this.#frames
    this.#bytesUnderWay = this.#bytes
    this.#isUnderWay = true
    this.flushes++
    // A socket that says twice that it took a write must not be believed twice.
    let isTaken = false
    this.#door.write(frames, () => {
      if (!isTaken) this.#taken()
      isTaken = true
    })
  }

  /** Resolves when nothing waits and nothing is under way. */
  emptied(): Promise<void> {
    if (this.#frames === 0 || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => this.#emptied.push(resolve))
  }

  close(): void {
    this.#isClosed = true
    this.#first = []
    this.#waiting = none
    this.#settle()
  }

  #count(frame: F): void {
    this.#bytes += this.#options.bytesOf(frame)
    this.#frames++
  }

  #taken(): void {
    this.#isUnderWay = false
    this.#frames -= this.#framesUnderWay
    this.#bytes -= this.#bytesUnderWay
    if (this.#isClosed) return
    if (this.#wasFull && this.#bytes * 2 <= this.#bytesMax && this.#frames * 2 <= this.#framesMax) {
      this.#wasFull = false
      this.#options.onRoom()
    }
    this.flush()
    if (this.#frames === 0) this.#settle()
  }

  #settle(): void {
    if (this.#emptied.length === 0) return
    for (const resolve of this.#emptied.splice(0)) resolve()
  }
}
