import { EngramError } from '../model/errors.ts'
import type { Warning } from '../model/records.ts'
import type { Settings } from '../model/settings.ts'
import { formatTime, parseTime } from '../model/times.ts'
import { stampChange } from '../store/change-clock.ts'
import type { SessionRow } from '../store/rows.ts'
import {
  candidateSessions,
  idleSessions,
  insertSession,
  observationsOfOtherProjects,
  sessionById,
  touchSession,
  updateSession,
} from '../store/sessions.ts'
import type { WriteTx } from '../store/transaction.ts'
import { warning } from './places.ts'
import { chooseSession, continuationId, endedByItself, manualSessionId } from './rules/session-choice.ts'

export type SessionWanted = {
  readonly sessionId: string | undefined
  readonly project: string | null
  readonly directory: string
  readonly agent: string | null
  readonly agentPid: number | undefined
  readonly strict: boolean
}

export type SessionFound = { readonly row: SessionRow; readonly warnings: readonly Warning[] }

/**
 * The session a write belongs to; a save never fails for lack of one (MEM-701, MEM-705). Creates what is missing and
 * renews the lease of what is there.
 */
export function sessionOfWrite(tx: WriteTx, wanted: SessionWanted, nowMs: number, settings: Settings): SessionFound {
  const found =
    wanted.sessionId === undefined
      ? unnamedSession(tx, wanted, nowMs)
      : namedSession(tx, wanted.sessionId, wanted, nowMs)
  const row = adoptProject(tx, found.row, wanted.project, nowMs)
  touchSession(tx, row.id, nowMs, row.id.startsWith('manual-save') ? 0 : nowMs + settings.sessionLeaseMs)
  return { row, warnings: found.warnings }
}

function unnamedSession(tx: WriteTx, wanted: SessionWanted, nowMs: number): SessionFound {
  const open =
    wanted.directory === '' || wanted.project === null ? [] : candidateSessions(tx, wanted.project, wanted.directory)
  const choice = chooseSession(open, { ms: nowMs, agentPid: wanted.agentPid })
  if (choice.kind === 'one') return { row: choice.row, warnings: [] }
  if (choice.kind === 'ambiguous') {
    const message = `${choice.candidates.length} sessions are open here; ${choice.row.id} was used last and is taken.`
    return { row: choice.row, warnings: [warning('session_ambiguous', message, { candidates: choice.candidates })] }
  }
  const id = manualSessionId(wanted.project)
  const known = sessionById(tx, id)
  if (known !== undefined) return { row: goOn(tx, known, wanted, nowMs), warnings: [] }
  return { row: createSession(tx, id, { ...wanted, directory: '' }, nowMs, 'project_owned'), warnings: [] }
}

function namedSession(tx: WriteTx, id: string, wanted: SessionWanted, nowMs: number): SessionFound {
  const row = sessionById(tx, id)
  if (row === undefined) {
    if (wanted.strict) throw new EngramError('unknown_session', `Unknown session ${JSON.stringify(id)}.`)
    const isManual = id === manualSessionId(wanted.project)
    const created = createSession(tx, id, wanted, nowMs, isManual ? 'project_owned' : 'shared')
    return { row: created, warnings: [warning('session_created', `Session ${id} was not known and is created.`)] }
  }
  if (isForeign(row, wanted.project)) return foreignSession(tx, row, wanted, nowMs)
  if (row.ended_at === null || endedByItself(row)) return { row: goOn(tx, row, wanted, nowMs), warnings: [] }
  if (wanted.strict) throw new EngramError('session_already_ended', `Session ${id} ended at ${row.ended_at}.`)
  const continued = continueSession(tx, row, wanted, nowMs)
  const message = `Session ${id} had ended; ${continued.id} continues it.`
  return { row: continued, warnings: [warning('session_already_ended', message, { session_id: continued.id })] }
}

/** The session itself while it may be written to, else its continuation. */
function goOn(tx: WriteTx, row: SessionRow, wanted: Pick<SessionWanted, 'agent' | 'agentPid'>, nowMs: number) {
  if (row.ended_at === null) return row
  return endedByItself(row) ? reopenSession(tx, row, nowMs) : continueSession(tx, row, wanted, nowMs)
}

/** A `project_owned` session holds only records of its own project (MEM-206). */
const isForeign = (row: SessionRow, project: string | null): boolean =>
  row.ownership_mode === 'project_owned' && row.project !== '' && project !== null && row.project !== project

function foreignSession(tx: WriteTx, row: SessionRow, wanted: SessionWanted, nowMs: number): SessionFound {
  if (wanted.strict) {
    throw new EngramError('session_project_mismatch', `Session ${row.id} belongs to ${row.project}.`, {
      details: { session_id: row.id, owner_project: row.project, requested_project: wanted.project },
    })
  }
  const other = unnamedSession(tx, { ...wanted, sessionId: undefined }, nowMs)
  const message = `Session ${row.id} belongs to ${row.project}; ${other.row.id} is used.`
  return { row: other.row, warnings: [warning('session_project_mismatch', message), ...other.warnings] }
}

/** A new session row, without a check whether the id is taken. */
export function createSession(
  tx: WriteTx,
  id: string,
  wanted: Pick<SessionWanted, 'project' | 'directory' | 'agent' | 'agentPid'>,
  nowMs: number,
  ownershipMode: SessionRow['ownership_mode'],
): SessionRow {
  const stamp = stampChange(tx, nowMs)
  return insertSession(tx, {
    id,
    project: wanted.project ?? '',
    ownership_mode: ownershipMode,
    directory: wanted.directory,
    started_at: stamp.at,
    ended_at: null,
    summary: null,
    summary_by: null,
    agent: wanted.agent,
    ended_by: null,
    isolated: 0,
    lease_until_ms: 0,
    agent_pid: wanted.agentPid ?? null,
    last_activity_ms: nowMs,
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
}

/** The lowest live continuation `<id>:resume:N`, made when there is none (MEM-705). */
export function continueSession(
  tx: WriteTx,
  ended: SessionRow,
  wanted: Pick<SessionWanted, 'agent' | 'agentPid'>,
  nowMs: number,
): SessionRow {
  for (let number = 2; ; number++) {
    const id = continuationId(ended.id, number)
    const row = sessionById(tx, id)
    if (row === undefined) return createSession(tx, id, { ...wanted, ...keptOf(ended) }, nowMs, ended.ownership_mode)
    if (row.ended_at === null) return row
    if (endedByItself(row)) return reopenSession(tx, row, nowMs)
  }
}

const keptOf = (row: SessionRow): { project: string | null; directory: string } => ({
  project: row.project === '' ? null : row.project,
  directory: row.directory,
})

/** A session that was closed for idleness goes on when its agent comes back (MEM-707). */
export function reopenSession(tx: WriteTx, row: SessionRow, nowMs: number): SessionRow {
  const stamp = stampChange(tx, nowMs, row.hlc)
  const open = {
    ...row,
    ended_at: null,
    ended_by: null,
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  }
  updateSession(tx, open)
  return open
}

/**
 * A session without a project takes the write's, unless it already holds rows of another (MEM-808), or is the one for
 * saves that belong to no project.
 */
function adoptProject(tx: WriteTx, row: SessionRow, project: string | null, nowMs: number): SessionRow {
  if (row.project !== '' || project === null || row.id === manualSessionId(null)) return row
  if (observationsOfOtherProjects(tx, row.id, project) > 0) return row
  const stamp = stampChange(tx, nowMs, row.hlc)
  const owned = { ...row, project, hlc: stamp.hlc, origin: stamp.origin, change_seq: stamp.changeSeq }
  updateSession(tx, owned)
  return owned
}

const idleBatch = 200

/** Ends what nobody ended: no lease and idle for a day; `ended_at` is the last activity (MEM-707). */
export function endIdleSessions(tx: WriteTx, nowMs: number, settings: Settings): number {
  const rows = idleSessions(tx, nowMs, nowMs - settings.sessionIdleMs, idleBatch)
  for (const row of rows) endIdle(tx, row, nowMs)
  return rows.length
}

/** Ends a session that nobody ended; whoever comes back to it finds it open again. */
export function endIdle(tx: WriteTx, row: SessionRow, nowMs: number): void {
  const stamp = stampChange(tx, nowMs, row.hlc)
  const end = { ended_at: formatTime(lastActivityMs(row)), ended_by: 'idle', lease_until_ms: 0 }
  updateSession(tx, { ...row, ...end, hlc: stamp.hlc, origin: stamp.origin, change_seq: stamp.changeSeq })
}

/** The last moment somebody worked in it, as far as is known: never before it began. */
export const lastActivityMs = (row: Pick<SessionRow, 'last_activity_ms' | 'started_at'>): number =>
  Math.max(row.last_activity_ms, parseTime(row.started_at) ?? 0)
