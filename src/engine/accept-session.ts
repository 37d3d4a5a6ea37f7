import { limits } from '../model/limits.ts'
import type { ArrivedSession } from '../protocol/record-rows.ts'
import { nextChangeSeq, receiveHlc } from '../store/change-clock.ts'
import type { SessionRow } from '../store/rows.ts'
import { insertSession, sessionById, updateSession } from '../store/sessions.ts'
import { findTombstone } from '../store/tombstones.ts'
import type { WriteTx } from '../store/transaction.ts'
import {
  accepted,
  filedUnder,
  msOf,
  ownershipOf,
  timeOr,
  timeOrNull,
  told,
  type AcceptDeps,
  type Accepted,
  type AcceptOptions,
} from './arrival.ts'
import { createCleaner } from './cleaner.ts'
import { legacyHlc, legacyOrigin, mergeSessions, stubStartedAt, type SessionState } from './rules/merge.ts'

/**
 * Takes in a session (MEM-506). It is present when it is later than its tombstone (MEM-507). A missing or blank directory
 * is accepted from any source (CHK-605).
 */
export function acceptSession(
  tx: WriteTx,
  deps: AcceptDeps,
  record: ArrivedSession,
  _options: AcceptOptions,
): Accepted {
  const nowMs = deps.clock.nowMs()
  const hlc = record.ext?.hlc ?? legacyHlc(latestTime(record))
  const cleaner = createCleaner(deps)
  const id = cleaner.name(record.id)
  const tombstone = findTombstone(tx, 'session', id)
  if (tombstone !== undefined && hlc <= tombstone.hlc) return accepted('buried')
  if (record.ext?.hlc !== undefined) receiveHlc(tx, hlc, nowMs)
  const state: SessionState = {
    project: filedUnder(tx, cleaner.name(record.project), nowMs),
    ownership_mode: ownershipOf(record.ownership_mode, id),
    directory: cleaner.name(record.directory ?? ''),
    started_at: timeOr(record.started_at, stubStartedAt),
    ended_at: timeOrNull(record.ended_at),
    summary: record.summary === undefined ? null : cleaner.text(record.summary, limits.summaryBytesMax),
    summary_by: record.ext?.summary_by ?? null,
    agent: record.ext?.author === undefined ? null : cleaner.text(record.ext.author, limits.authorBytesMax),
    ended_by: record.ext?.ended_by ?? null,
    hlc,
    origin: record.ext?.hlc === undefined ? legacyOrigin : (record.ext.origin ?? legacyOrigin),
  }
  const known = sessionById(tx, id)
  if (known === undefined) {
    insertSession(tx, newRow(id, record, state, nextChangeSeq(tx)))
    return accepted('inserted', told(cleaner))
  }
  const merged = mergeSessions(known, state)
  if (isSame(known, merged)) return accepted('unchanged')
  updateSession(tx, { ...known, ...merged, change_seq: nextChangeSeq(tx) })
  return accepted('updated', told(cleaner))
}

const latestTime = (record: ArrivedSession): string => {
  const [started, ended] = [record.started_at ?? '', record.ended_at ?? '']
  return ended === '' || msOf(started) > msOf(ended) ? started : ended
}

function newRow(
  id: string,
  record: ArrivedSession,
  state: SessionState,
  changeSeq: number,
): Omit<SessionRow, 'number'> {
  return {
    ...state,
    id,
    isolated: record.ext?.isolated === true ? 1 : 0,
    lease_until_ms: 0,
    agent_pid: null,
    last_activity_ms: msOf(state.ended_at ?? state.started_at),
    change_seq: changeSeq,
  }
}

const isSame = (row: SessionRow, state: SessionState): boolean =>
  (Object.keys(state) as (keyof SessionState)[]).every((key) => row[key] === state[key])
