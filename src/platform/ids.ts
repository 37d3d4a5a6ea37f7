import { monotonicFactory } from 'ulid'
import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

/** New names: record ids (MEM-201) and sortable ones. */
export interface Ids {
  /** `obs-`, `prompt-` or `rel-` and 16 hex. */
  record(prefix: 'obs' | 'prompt' | 'rel'): string
  /** Sortable by time of making. */
  ulid(): string
  /** 16 hex: names a data dir as `origin` and `instance_id`. */
  origin(): string
  /** UUID of version 7: sortable by time of making, each greater than the one before (COL-102). */
  uuid(): string
}

export function createIds(clock: Clock, random: Random): Ids {
  const ulid = monotonicFactory(() => Number.parseInt(random.hex(4), 16) / 0x1_0000_0000)
  return {
    record: (prefix) => `${prefix}-${random.hex(8)}`,
    ulid: () => ulid(clock.nowMs()),
    origin: () => random.hex(8),
    uuid: uuids(clock, random),
  }
}

/** 48 bits of time, then a counter of 12 + 30 bits that begins anywhere, then chance (RFC 9562, method 1). */
function uuids(clock: Clock, random: Random): () => string {
  let [ms, counter] = [0, 0n]
  const chance = hexStock(random)
  return () => {
    const nowMs = Math.max(clock.nowMs(), 0)
    if (nowMs > ms) [ms, counter] = [nowMs, BigInt(`0x${chance(10)}`)]
    else if (++counter >> 42n > 0n) [ms, counter] = [ms + 1, 0n]
    const high = (counter >> 30n).toString(16).padStart(3, '0')
    const low = ((counter & 0x3fff_ffffn) | 0x8000_0000n).toString(16)
    const time = ms.toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low.slice(0, 4)}-${low.slice(4)}${chance(8)}`
  }
}

/** Chance is cheaper by the hundred. */
function hexStock(random: Random): (digits: number) => string {
  let [stock, used] = ['', 0]
  return (digits) => {
    if (used + digits > stock.length) [stock, used] = [random.hex(200), 0]
    used += digits
    return stock.slice(used - digits, used)
  }
}
