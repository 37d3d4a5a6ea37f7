import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rateLimit } from './rate-limit.ts'

const limit = { perSecond: 10, perMinute: 60, socketMessagesPerSecond: 20 }
const as =
  (agent: string) =>
  (name: string): string | undefined =>
    name === 'x-agent-id' ? agent : undefined

describe('COL-1908 token buckets', () => {
  it('COL-1908 never more than the second or the minute allows, whenever it is asked', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 50, maxLength: 300 })
    fc.assert(
      fc.property(steps, (waits) => {
        let nowMs = 1_000_000
        const ask = rateLimit(limit, () => nowMs)
        const allowed: number[] = []
        for (const wait of waits) {
          nowMs += wait
          if (ask(as('a'), '').refused === null) allowed.push(nowMs)
        }
        for (const at of allowed) {
          const within = (ms: number): number => allowed.filter((one) => one > at - ms && one <= at).length
          // A full bucket and what flows in while it is emptied.
          expect(within(1_000)).toBeLessThanOrEqual(20)
          expect(within(60_000)).toBeLessThanOrEqual(120)
        }
      }),
    )
  })

  it('COL-1908 each agent has its own, a refusal takes nothing and says when to come back', () => {
    let nowMs = 0
    const ask = rateLimit(limit, () => nowMs)
    for (let n = 0; n < 10; n++) expect(ask(as('a'), '').refused).toBeNull()
    const { refused, headers } = ask(as('a'), '')
    expect(refused).toMatchObject({ code: 'rate_limited', details: { limit: 10, current: 10 } })
    expect(headers).toMatchObject({ 'Retry-After': '1', 'X-RateLimit-Remaining': '0' })
    expect(ask(as('b'), '').refused).toBeNull()
    expect(ask(() => undefined, '10.0.0.1').refused).toBeNull()
    nowMs = 100
    expect(ask(as('a'), '').refused).toBeNull()
    expect(ask(as('a'), '').refused).not.toBeNull()
  })
})
