import { hlcAt, hlcMs, hlcNext } from '../model/hlc.ts'
import { formatTime } from '../model/times.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** When, by whom and as which change a record is written. */
export type Stamp = {
  readonly changeSeq: number
  readonly hlc: string
  readonly origin: string
  readonly nowMs: number
  /** `nowMs` as records carry it. */
  readonly at: string
}

/** A received clock reading further ahead than this orders its record but does not move ours (MEM-503). */
const aheadMaxMs = 10 * 60_000

/**
 * The stamp of one change: the next number of the change clock, and a hybrid time later than `after` and than any this
 * store gave before, also when the wall clock went back. Call once per record written.
 */
export function stampChange(tx: WriteTx, nowMs: number, ...after: readonly string[]): Stamp {
  const changeSeq = nextChangeSeq(tx)
  const own = hlcNext(nowMs, metaValue(tx, 'hlc') ?? '')
  const hlc = after.some((other) => other >= own) ? hlcNext(nowMs, own, ...after) : own
  // What a record brought from a clock far ahead orders its child, but does not become our own time.
  setMeta(tx, 'hlc', hlcMs(hlc) <= nowMs + aheadMaxMs ? hlc : own)
  return { changeSeq, hlc, origin: originOf(tx), nowMs, at: formatTime(nowMs) }
}

/** Takes the next number of the change clock for a record whose hybrid time is not ours to give. */
export function nextChangeSeq(tx: WriteTx): number {
  // Two statements: one with RETURNING keeps a statement journal, and full text flushes at each of those.
  tx.run(`UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'change_seq'`)
  return changeSeqNow(tx)
}

/** Takes the next `count` numbers at once, for records written one after another. @returns the first of them */
export function nextChangeSeqs(tx: WriteTx, count: number): number {
  const last = changeSeqNow(tx)
  if (count > 0) setMeta(tx, 'change_seq', String(last + count))
  return last + 1
}

/** Learns from a received clock reading, unless it is too far ahead of our wall clock. */
export function receiveHlc(tx: WriteTx, hlc: string, nowMs: number): void {
  if (isNear(hlc, nowMs) && hlc > (metaValue(tx, 'hlc') ?? '')) setMeta(tx, 'hlc', hlc)
}

/** Whether a received clock reading is one we learn from. */
export const isNear = (hlc: string, nowMs: number): boolean => hlc < hlcAt(nowMs + aheadMaxMs + 1)

export const changeSeqNow = (tx: ReadTx): number => Number(metaValue(tx, 'change_seq') ?? 0)

/** The name of this data dir in records (MEM-102). */
export const originOf = (tx: ReadTx): string => metaValue(tx, 'origin') ?? 'unnamed'

export const metaValue = (tx: ReadTx, key: string): string | undefined =>
  tx.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)?.value

export function setMeta(tx: WriteTx, key: string, value: string): void {
  tx.run(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    key,
    value,
  )
}
