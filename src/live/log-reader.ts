import { EngramError } from '../model/errors.ts'
import type { From } from '../model/live-feed.ts'
import type { LogPlace, StoredEvent } from '../model/log-store.ts'
import { allCursor, parseCursor } from '../protocol/cursor.ts'
import { beforeTime, gseqOf, lastGseq, logBounds, readLog, seqAt } from '../store/log.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { LogGround } from './log-ground.ts'
import { bodyOfEpoch } from './unit-body.ts'

export const epochHex = (epoch: number): string => epoch.toString(16).padStart(8, '0')

/** What is read, with the cursors of this epoch. */
export function inEpoch(event: StoredEvent, epoch: string): StoredEvent {
  if (event.kind !== 'unit.created') return event
  const body = bodyOfEpoch(event.body, epoch)
  return body === event.body ? event : { ...event, body }
}

/** The same for a page. Epochs follow each other in the log: where its first and last unit are of this one, all are. */
export function pageInEpoch(events: readonly StoredEvent[], epoch: string): readonly StoredEvent[] {
  const isCurrent = (event: StoredEvent | undefined): boolean =>
    event === undefined || (event.kind === 'unit.created' && inEpoch(event, epoch) === event)
  return isCurrent(events[0]) && isCurrent(events.at(-1)) ? events : events.map((event) => inEpoch(event, epoch))
}

/**
 * A cursor as a place in one context's log, after which (or, read backwards, before which) a list goes on.
 * Throws `invalid_cursor` for another context's, `cursor_gone` where the place is no more or not yet (COL-704, COL-706).
 */
export function seqOfCursor(tx: ReadTx, ground: LogGround, contextId: string, text: string): number {
  const cursor = parseCursor(text)
  const { earliest, latest } = logBounds(tx, contextId)
  switch (cursor.kind) {
    case 'begin':
      return Math.max(earliest - 1, 0)
    case 'now':
      return latest
    case 'context': {
      if (cursor.hash !== ground.hashOf(contextId)) throw foreign()
      const told = {
        earliest: ground.cursorOf(contextId, Math.max(earliest - 1, 0)),
        latest: ground.cursorOf(contextId, latest),
      }
      checkPlace(ground, cursor.epoch, cursor.seq, { earliest, latest }, told)
      return cursor.seq
    }
    case 'all':
      return seqAt(tx, contextId, placeOfAll(tx, ground, cursor))
  }
}

/** A cursor as a place in the order of all contexts. */
export function gseqOfCursor(tx: ReadTx, ground: LogGround, contexts: readonly string[] | 'all', text: string): number {
  const cursor = parseCursor(text)
  const only = contexts !== 'all' && contexts.length === 1 ? contexts[0] : undefined
  switch (cursor.kind) {
    case 'begin':
      return 0
    case 'now':
      return lastGseq(tx)
    case 'context':
      if (only === undefined) throw foreign()
      return gseqOf(tx, only, seqOfCursor(tx, ground, only, text))
    case 'all':
      return placeOfAll(tx, ground, cursor)
  }
}

/** Where a subscription begins (COL-705). */
export function placeOf(tx: ReadTx, ground: LogGround, contexts: readonly string[] | 'all', from: From): LogPlace {
  const only = contexts !== 'all' && contexts.length === 1 ? contexts[0] : undefined
  if (typeof from !== 'string') {
    const gseq = 'last' in from ? beforeLast(tx, contexts, from.last) : beforeTime(tx, only, from.sinceMs)
    return { gseq, seq: only === undefined ? 0 : seqAt(tx, only, gseq) }
  }
  const gseq = gseqOfCursor(tx, ground, contexts, from)
  return { gseq, seq: only === undefined ? 0 : seqAt(tx, only, gseq) }
}

function beforeLast(tx: ReadTx, contexts: readonly string[] | 'all', count: number): number {
  let [from, left, at]: [number | undefined, number, number] = [undefined, count, lastGseq(tx)]
  while (left > 0) {
    const page = readLog(tx, { contexts, limit: left, reverse: true, ...(from === undefined ? {} : { from }) })
    at = (page.events.at(-1)?.gseq ?? at + 1) - 1
    left -= page.events.length
    from = page.next
    if (page.isAtEnd) break
  }
  return at
}

const foreign = (): EngramError => new EngramError('invalid_cursor', 'This cursor belongs to another context.')

function placeOfAll(tx: ReadTx, ground: LogGround, cursor: { readonly epoch: number; readonly gseq: number }): number {
  const bounds = logBounds(tx)
  const told = {
    earliest: allCursor(ground.epoch, Math.max(bounds.earliest - 1, 0)),
    latest: allCursor(ground.epoch, bounds.latest),
  }
  checkPlace(ground, cursor.epoch, cursor.gseq, bounds, told)
  return cursor.gseq
}

type GoneReason = 'epoch' | 'retained' | 'ahead'

/** Never a silent skip: a place that is no more, or not yet, is told (COL-706). */
function checkPlace(
  ground: LogGround,
  epoch: number,
  place: number,
  bounds: { readonly earliest: number; readonly latest: number },
  told: { readonly earliest: string; readonly latest: string },
): void {
  const reason: GoneReason | null =
    epoch !== ground.epoch ? 'epoch' : place > bounds.latest ? 'ahead' : place < bounds.earliest - 1 ? 'retained' : null
  if (reason === null) return
  const sentence = {
    epoch: 'The log was restored or made anew since this cursor was given.',
    ahead: 'This cursor is ahead of the log.',
    retained: 'What stood after this cursor is no longer kept.',
  }[reason]
  throw new EngramError('cursor_gone', sentence, { details: { reason, ...told } })
}
