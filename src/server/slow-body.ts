import type { IncomingMessage } from 'node:http'

/** How often bodies are looked at: who is too slow is gone within the time given (R4). */
export const checkEveryMs = 500
const bytesPerSecondMin = 256 * 1024
/** What an answered request still sends is read and forgotten for this long, so that its sender reads the answer. */
const lingerMs = 500

type Watched = { readonly bytesBefore: number; elapsedMs: number; isCut: boolean }

/**
 * Ends requests whose body drips: `cut` is called once when it did not come within `readMs`. Imports of tens of MiB may
 * take longer, as long as they move. One look at all of them costs less than a timer for each.
 */
export class SlowBodies {
  readonly #graceMs: number
  readonly #cut: (incoming: IncomingMessage) => void
  readonly #watched = new WeakMap<IncomingMessage, Watched>()

  constructor(readMs: number, cut: (incoming: IncomingMessage) => void) {
    // One look goes by before it is seen, and the time may end right behind another.
    this.#graceMs = readMs - 2 * checkEveryMs
    this.#cut = cut
  }

  /** Call every {@link checkEveryMs} with all requests that wait for their answer. */
  look(requests: Iterable<IncomingMessage>): void {
    for (const incoming of requests) if (!incoming.complete && !incoming.destroyed) this.#check(incoming)
  }

  #check(incoming: IncomingMessage): void {
    const { bytesRead } = incoming.socket
    const watched = this.#watched.get(incoming)
    if (watched === undefined) {
      this.#watched.set(incoming, { bytesBefore: bytesRead, elapsedMs: 0, isCut: false })
      return
    }
    watched.elapsedMs += checkEveryMs
    const isSlow = bytesRead - watched.bytesBefore < (watched.elapsedMs / 1_000) * bytesPerSecondMin
    if (watched.isCut || watched.elapsedMs < this.#graceMs || !isSlow) return
    watched.isCut = true
    this.#cut(incoming)
  }
}

/** Of a request that is answered before it has all come. */
export function lingerOver(incoming: IncomingMessage): void {
  if (incoming.complete) return
  const { socket } = incoming
  setTimeout(() => incoming.complete || socket.destroy(), lingerMs).unref()
}
