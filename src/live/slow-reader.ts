import type { FeedEvent, FeedPolicy } from '../model/live-feed.ts'
import { metaOf } from './feed-event.ts'

/** What a subscriber that cannot keep up misses, by its own wish: told by a `lagged` delivery (COL-1103). */
export type Lag = { readonly from: string; readonly to: string; readonly count: number }

/**
 * The events that wait, bounded, while a subscriber has no room.
 * - `drop` keeps none. · `conflate` keeps the latest of each key; events without one are kept as they are.
 * - What is left out is counted, with the cursors around it.
 */
export type SlowReader = {
  /** @param before the cursor in front of the event, `at` its own */
  miss(event: FeedEvent, before: string, at: string): void
  /** Told once, before the events that were kept. */
  takeLag(): Lag | null
  /** The oldest event that was kept. */
  shift(): FeedEvent | undefined
  readonly isEmpty: boolean
}

export type SlowLimits = { readonly keysMax: number; readonly bytesMax: number }

/** Of policies that leave nothing out and keep nothing: one for all. */
const keepsNothing: SlowReader = {
  miss: () => undefined,
  takeLag: () => null,
  shift: () => undefined,
  isEmpty: true,
}

export function slowReader(policy: FeedPolicy, { keysMax, bytesMax }: SlowLimits): SlowReader {
  if (policy.kind === 'pause' || policy.kind === 'disconnect') return keepsNothing
  const kept = new Map<string, Kept>()
  let bytes = 0
  let lag: Lag | null = null
  const count = (before: string, at: string): void => {
    lag = { from: lag?.from ?? before, to: at, count: (lag?.count ?? 0) + 1 }
  }
  const forget = (key: string, { event }: Kept): void => {
    kept.delete(key)
    bytes -= event.body.length
  }
  return {
    miss: (event, before, at) => {
      if (policy.kind !== 'conflate') return count(before, at)
      const key = keyOf(event, policy.metaKey)
      const superseded = kept.get(key)
      if (superseded !== undefined) {
        count(superseded.before, superseded.at)
        forget(key, superseded)
      }
      kept.set(key, { event, before, at })
      bytes += event.body.length
      for (const [oldest, one] of kept) {
        if (kept.size <= keysMax && bytes <= bytesMax) break
        count(one.before, one.at)
        forget(oldest, one)
      }
    },
    takeLag: () => {
      const told = lag
      lag = null
      return told
    },
    shift: () => {
      const [first] = kept
      if (first === undefined) return undefined
      forget(...first)
      return first[1].event
    },
    get isEmpty() {
      return kept.size === 0 && lag === null
    },
  }
}

type Kept = { readonly event: FeedEvent; readonly before: string; readonly at: string }

/** Events without the field stand for themselves. */
function keyOf(event: FeedEvent, metaKey: string): string {
  const value = metaOf(event).get(metaKey)
  return value === undefined ? `event ${event.gseq}` : `value ${JSON.stringify([event.contextId, value])}`
}
