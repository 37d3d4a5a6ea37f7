import type { Parsed } from '../api/operations.ts'
import { limits } from '../model/limits.ts'
import { isBlank } from '../model/text.ts'
import { normaliseTime, parseTime, timeOrder } from '../model/times.ts'
import { stampChange } from '../store/change-clock.ts'
import type { SessionRow } from '../store/rows.ts'
import { sessionById, updateSession } from '../store/sessions.ts'
import { findTombstone } from '../store/tombstones.ts'
import type { WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import type { IngestCleaner } from './ingest-text.ts'
import { cutText } from './rules/cut.ts'
import { keptDirectory } from './places.ts'
import { createSession } from './session-of-write.ts'

type GivenSession = NonNullable<Parsed<'ingest.commit'>['session']>

export type IngestedSession = { readonly row: SessionRow; readonly outcome: 'created' | 'completed' | 'unchanged' }

/**
 * One row for a session a hook registered and its file told of; its project stays (ING-SES-1, ING-PRJ-4). Null when a
 * person deleted it: nothing brings it back.
 */
export function ingestSession(
  tx: WriteTx,
  deps: EngineDeps,
  told: GivenSession,
  project: string | null,
  cleaner: IngestCleaner,
): IngestedSession | null {
  const given = { ...told, directory: keptDirectory(deps, told.directory) }
  const nowMs = deps.clock.nowMs()
  const known = sessionById(tx, given.id)
  if (known === undefined && findTombstone(tx, 'session', given.id) !== undefined) return null
  const row = known ?? newSession(tx, given, project, nowMs)
  const wanted = completedSession(row, given, project, nowMs, cleaner)
  if (known !== undefined && isSame(row, wanted)) {
    if (wanted.last_activity_ms !== row.last_activity_ms) updateSession(tx, wanted)
    return { row: wanted, outcome: 'unchanged' }
  }
  const stamp = known === undefined ? row : stampOf(tx, nowMs, row.hlc)
  const written = { ...wanted, hlc: stamp.hlc, origin: stamp.origin, change_seq: stamp.change_seq }
  updateSession(tx, written)
  return { row: written, outcome: known === undefined ? 'created' : 'completed' }
}

function stampOf(tx: WriteTx, nowMs: number, after: string): Pick<SessionRow, 'hlc' | 'origin' | 'change_seq'> {
  const { hlc, origin, changeSeq } = stampChange(tx, nowMs, after)
  return { hlc, origin, change_seq: changeSeq }
}

function newSession(tx: WriteTx, given: GivenSession, project: string | null, nowMs: number): SessionRow {
  const wanted = { project, directory: given.directory, agent: given.agent, agentPid: undefined }
  const row = createSession(tx, given.id, wanted, nowMs, 'shared')
  const started = startOf(given)
  // Not used now, but when its agent used it.
  return { ...row, started_at: started ?? row.started_at, last_activity_ms: parseTime(started ?? '') ?? nowMs }
}

const startOf = (given: GivenSession): string | null =>
  parseTime(given.started_at) === null ? null : normaliseTime(given.started_at)

/** What the file says, where nobody else has said it. */
function completedSession(
  row: SessionRow,
  given: GivenSession,
  project: string | null,
  nowMs: number,
  cleaner: IngestCleaner,
): SessionRow {
  const started = startOf(given)
  return {
    ...row,
    project: row.project === '' ? (project ?? '') : row.project,
    directory: row.directory === '' ? given.directory : row.directory,
    agent: row.agent ?? given.agent,
    started_at: started !== null && timeOrder(started) < timeOrder(row.started_at) ? started : row.started_at,
    ...endOf(row, given, nowMs),
    ...summaryOf(row, given, cleaner),
  }
}

type End = Pick<SessionRow, 'ended_at' | 'ended_by' | 'last_activity_ms'>

/**
 * The end of a file that lies idle is an end by idleness: the session goes on when its agent comes back (MEM-707). An end
 * somebody set stands, and a session in use is not ended.
 */
function endOf(row: SessionRow, given: GivenSession, nowMs: number): End {
  const ended = given.ended_at === undefined || given.ended_at === null ? null : normaliseTime(given.ended_at)
  const activity = Math.max(row.last_activity_ms, parseTime(ended ?? '') ?? 0)
  const kept: End = { ended_at: row.ended_at, ended_by: row.ended_by, last_activity_ms: activity }
  const isOurs = row.ended_at === null || row.ended_by === 'idle'
  if (given.ended_at === undefined || !isOurs) return kept
  if (ended === null) return { ...kept, ended_at: null, ended_by: null }
  return row.lease_until_ms > nowMs ? kept : { ...kept, ended_at: ended, ended_by: 'idle' }
}

/** Written only when the row has none, or our own earlier one (ING-SES-3). */
function summaryOf(
  row: SessionRow,
  given: GivenSession,
  cleaner: IngestCleaner,
): Pick<SessionRow, 'summary' | 'summary_by'> {
  const kept = { summary: row.summary, summary_by: row.summary_by }
  const isOurs = row.summary === null || row.summary === '' || row.summary_by === 'ingest'
  if (given.summary === undefined || isBlank(given.summary) || !isOurs) return kept
  const cleaned = cleaner.clean(given.summary)
  const summary = cutText(cleaned.text, limits.summaryBytesMax).text
  if (isBlank(summary) || summary === row.summary) return kept
  cleaner.keep(cleaned)
  return { summary, summary_by: 'ingest' }
}

const isSame = (a: SessionRow, b: SessionRow): boolean =>
  a.project === b.project &&
  a.directory === b.directory &&
  a.agent === b.agent &&
  a.started_at === b.started_at &&
  a.ended_at === b.ended_at &&
  a.summary === b.summary
