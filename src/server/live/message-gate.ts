import type { Streams } from './streams.ts'

/** Whether one more message of a socket may be read now; always, where no limits are set (COL-807). */
export function messageGate(streams: Streams): () => boolean {
  const limit = streams.options.settings.rateLimit?.socketMessagesPerSecond
  if (limit === undefined) return () => true
  let [tokens, atMs] = [limit, streams.options.nowMs()]
  return () => {
    const nowMs = streams.options.nowMs()
    tokens = Math.min(limit, tokens + (Math.max(0, nowMs - atMs) / 1_000) * limit)
    atMs = nowMs
    if (tokens < 1) return false
    tokens--
    return true
  }
}
