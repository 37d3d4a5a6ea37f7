import { EngramError } from '../model/errors.ts'
import type { RateLimit } from '../model/server-settings.ts'
import type { RequestLimit } from './http.ts'

type Bucket = { tokens: number; atMs: number }
type Rate = { readonly perMs: number; readonly size: number }

/** Callers that are remembered; the one not seen for longest is forgotten, and begins anew. */
const callersMax = 10_000

/**
 * Two token buckets for each agent, or for each address where no agent is named (COL-1908): a second's and a minute's.
 * A refused request takes nothing.
 */
export function rateLimit({ perSecond, perMinute }: RateLimit, nowMs: () => number): RequestLimit {
  const rates: readonly Rate[] = [
    { perMs: perSecond / 1_000, size: perSecond },
    { perMs: perMinute / 60_000, size: perMinute },
  ]
  const callers = new Map<string, readonly Bucket[]>()
  return (header, address) => {
    const caller = header('x-agent-id') ?? address
    const buckets = bucketsOf(callers, caller, rates, nowMs())
    for (const [index, bucket] of buckets.entries()) refill(bucket, rates[index], nowMs())
    const isRefused = buckets.some(({ tokens }) => tokens < 1)
    if (!isRefused) for (const bucket of buckets) bucket.tokens--
    return answerOf(buckets, rates, isRefused, nowMs())
  }
}

function bucketsOf(
  callers: Map<string, readonly Bucket[]>,
  caller: string,
  rates: readonly Rate[],
  atMs: number,
): readonly Bucket[] {
  const known = callers.get(caller) ?? rates.map(({ size }) => ({ tokens: size, atMs }))
  callers.delete(caller)
  callers.set(caller, known)
  const [oldest] = callers.keys()
  if (callers.size > callersMax && oldest !== undefined) callers.delete(oldest)
  return known
}

function refill(bucket: Bucket, rate: Rate | undefined, nowMs: number): void {
  if (rate === undefined) return
  bucket.tokens = Math.min(rate.size, bucket.tokens + Math.max(0, nowMs - bucket.atMs) * rate.perMs)
  bucket.atMs = nowMs
}

/** The bucket that is emptier decides what the caller is told. */
function answerOf(buckets: readonly Bucket[], rates: readonly Rate[], isRefused: boolean, nowMs: number) {
  const waits = buckets.map(({ tokens }, index) => Math.max(0, 1 - tokens) / (rates[index]?.perMs ?? 1))
  const waitMs = Math.max(...waits)
  const tightest = isRefused ? waits.indexOf(waitMs) : 0
  const [limit, left] = [rates[tightest]?.size ?? 0, Math.max(0, Math.floor(buckets[tightest]?.tokens ?? 0))]
  const resetAt = Math.ceil((nowMs + waitMs) / 1_000)
  return {
    refused: isRefused
      ? new EngramError('rate_limited', 'Too many requests.', {
          details: { limit, current: limit - left, reset_at: new Date(resetAt * 1_000).toISOString() },
        })
      : null,
    headers: {
      'X-RateLimit-Limit': String(limit),
      'X-RateLimit-Remaining': String(left),
      'X-RateLimit-Reset': String(resetAt),
      ...(isRefused ? { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1_000))) } : {}),
    },
  }
}
