import { nextChangeSeqs, isNear, receiveHlc } from '../store/change-clock.ts'
import { newArrivedWords, writeArrivedWords, type ArrivedWords } from '../store/arrived-words.ts'
import type { CleanedName } from './cleaner.ts'
import { knownSyncIds } from '../store/observations.ts'
import { buriedAmong } from '../store/tombstones.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'

/**
 * What records that arrive together share: asked once for all of them rather than once for each. A batch is good for one
 * savepoint; when that is undone, what it remembers is wrong and it is thrown away with it.
 */
export type ArrivalBatch = {
  /** Observations of it that are neither here nor deleted. */
  readonly fresh: Set<string>
  readonly names: Map<string, CleanedName>
  /** Where records of a project named elsewhere are filed. */
  readonly filed: Map<string, string>
  /** Sessions that are there and need no change for a record of a project. */
  readonly sessions: Set<string>
  readonly words: ArrivedWords
  /** The next of the numbers of the change clock that were taken for `fresh`. */
  nextSeq: number
  /** The latest hybrid time that came and that we learn from. */
  hlc: string
}

/** What of an arriving record a batch looks at. */
type Named =
  | { readonly entity: 'observation'; readonly row: { readonly sync_id?: string | undefined } }
  | { readonly entity: 'tombstone'; readonly row: { readonly entity: string; readonly entity_key: string } }
  | { readonly entity: 'session' | 'version' | 'prompt' | 'relation'; readonly row: object }

/** @param arrivals those of one savepoint, in the order they are taken in */
export function openBatch(tx: WriteTx, arrivals: readonly Named[]): ArrivalBatch {
  const fresh = freshAmong(tx, arrivals)
  return {
    fresh,
    names: new Map(),
    filed: new Map(),
    sessions: new Set(),
    words: newArrivedWords(),
    nextSeq: nextChangeSeqs(tx, fresh.size),
    hlc: '',
  }
}

/** What is written once, when all have been taken in. */
export function closeBatch(tx: WriteTx, batch: ArrivalBatch, nowMs: number): void {
  writeArrivedWords(tx, batch.words)
  if (batch.hlc !== '') receiveHlc(tx, batch.hlc, nowMs)
}

/** Before `arrival` is taken in: writes what it may look at, and forgets what it may change for those behind it. */
export function noteArrival(tx: WriteTx, batch: ArrivalBatch, arrival: Named): void {
  if (!isFresh(batch, arrival)) writeArrivedWords(tx, batch.words)
  if (arrival.entity !== 'tombstone') return
  // Sessions may go with what pointed to them.
  batch.sessions.clear()
  if (arrival.row.entity === 'observation') batch.fresh.delete(arrival.row.entity_key)
}

const isFresh = (batch: ArrivalBatch, arrival: Named): boolean =>
  arrival.entity === 'observation' && arrival.row.sync_id !== undefined && batch.fresh.has(arrival.row.sync_id)

/** As `receiveHlc`, once for all. */
export function learnHlc(tx: WriteTx, batch: ArrivalBatch | undefined, hlc: string, nowMs: number): void {
  if (batch === undefined) receiveHlc(tx, hlc, nowMs)
  else if (hlc > batch.hlc && isNear(hlc, nowMs)) batch.hlc = hlc
}

function freshAmong(tx: ReadTx, arrivals: readonly Named[]): Set<string> {
  const ids = arrivals.flatMap((arrival) => {
    const id = arrival.entity === 'observation' ? arrival.row.sync_id : undefined
    return id === undefined ? [] : [id]
  })
  const fresh = new Set(ids)
  if (fresh.size === 0) return fresh
  for (const id of knownSyncIds(tx, ids)) fresh.delete(id)
  for (const id of buriedAmong(tx, 'observation', ids)) fresh.delete(id)
  return fresh
}
