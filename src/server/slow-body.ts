import type { IncomingMessage, ServerResponse } from 'node:http'

/** How often a body is looked at: who is too slow is gone within the time given (R4). */
const checkEveryMs = 500
const bytesPerSecondMin = 256 * 1024
/** What an answered request still sends is read and forgotten for this long, so that its sender reads the answer. */
const lingerMs = 500

/**
 * Ends requests whose body drips: `cut` is called once when it did not come within `readMs`. Imports of tens of MiB may
 * take longer, as long as they move.
 */
export function watchBody(incoming: IncomingMessage, outgoing: ServerResponse, readMs: number, cut: () => void): void {
  if (incoming.headers['content-length'] === undefined && incoming.headers['transfer-encoding'] === undefined) return
  const { socket } = incoming
  const bytesBefore = socket.bytesRead
  const graceMs = readMs - 2 * checkEveryMs
  let elapsedMs = 0
  const timer = setInterval(() => {
    elapsedMs += checkEveryMs
    if (incoming.complete || incoming.destroyed) clearInterval(timer)
    else if (elapsedMs >= graceMs && socket.bytesRead - bytesBefore < (elapsedMs / 1_000) * bytesPerSecondMin) {
      clearInterval(timer)
      cut()
    }
  }, checkEveryMs)
  incoming.once('end', () => clearInterval(timer))
  outgoing.once('close', () => clearInterval(timer))
  outgoing.once('finish', () => {
    if (!incoming.complete) setTimeout(() => incoming.complete || socket.destroy(), lingerMs).unref()
  })
}
