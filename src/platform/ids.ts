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
}

export function createIds(clock: Clock, random: Random): Ids {
  const ulid = monotonicFactory(() => Number.parseInt(random.hex(4), 16) / 0x1_0000_0000)
  return {
    record: (prefix) => `${prefix}-${random.hex(8)}`,
    ulid: () => ulid(clock.nowMs()),
    origin: () => random.hex(8),
  }
}
