import type { FeedEvent } from '../model/live-feed.ts'

/** Most bytes of stored text in the ring: a thousand events may be a gigabyte. */
const ringBytesMax = 16 * 1024 * 1024

/**
 * The last events in the order of all, for everybody who keeps up (COL-1101). It holds every event after `start` up to
 * `head`; who stands before `start` reads the log.
 */
export class Ring {
  readonly #eventsMax: number
  #events: FeedEvent[] = []
  #bytes = 0
  start = 0
  head = 0

  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax
  }

  /** Begins anew after a place: nothing before it is here. */
  reset(gseq: number): void {
    this.#events = []
    this.#bytes = 0
    this.start = gseq
    this.head = gseq
  }

  add(events: readonly FeedEvent[], head: number): void {
    for (const event of events) this.#bytes += event.body.length
    this.#events.push(...events)
    this.head = head
    let dropped = 0
    while (this.#events.length - dropped > this.#eventsMax || this.#bytes > ringBytesMax) {
      const event = this.#events[dropped++]
      if (event === undefined) break
      this.#bytes -= event.body.length
      this.start = event.gseq
    }
    if (dropped > 0) this.#events.splice(0, dropped)
  }

  /** Events after a place that is not before `start`. */
  after(gseq: number): readonly FeedEvent[] {
    let [low, high] = [0, this.#events.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle]?.gseq ?? 0) <= gseq) low = middle + 1
      else high = middle
    }
    return low === 0 ? this.#events : this.#events.slice(low)
  }
}
