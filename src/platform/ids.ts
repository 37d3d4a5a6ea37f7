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
  let [ms, counter] = [0, 0]
  const chance = hexStock(random)
  return () => {
    const nowMs = Math.max(clock.nowMs(), 0)
    if (nowMs > ms) [ms, counter] = [nowMs, Number.parseInt(chance(10), 16)]
    else if (++counter >= counterEnd) [ms, counter] = [ms + 1, 0]
    const high = Math.floor(counter / lowEnd)
      .toString(16)
      .padStart(3, '0')
    const low = (0x8000_0000 + (counter % lowEnd)).toString(16)
    const time = ms.toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low.slice(0, 4)}-${low.slice(4)}${chance(8)}`
  }
}

const lowEnd = 2 ** 30
const counterEnd = 2 ** 42

/** Chance is cheaper by the hundred. */
function hexStock(random: Random): (digits: number) => string {
  let [stock, used] = ['', 0]
  return (digits) => {
    if (used + digits > stock.length) [stock, used] = [random.hex(200), 0]
    used += digits
    return stock.slice(used - digits, used)
  }
}
