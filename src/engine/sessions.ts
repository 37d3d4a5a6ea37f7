import type { EndedSession, StartedSession } from '../api/sessions.ts'
import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { cutUtf8, isBlank, utf8Bytes } from '../model/text.ts'
import { formatTime, normaliseTime, parseDuration, parseTime } from '../model/times.ts'
import { stampChange } from '../store/change-clock.ts'
import { countToday } from '../store/columns.ts'
import { removePrompt, promptsOfSession } from '../store/prompts.ts'
import { fileUnder } from '../store/projects.ts'
import type { PromptRow, SessionRow } from '../store/rows.ts'
import {
  observationsPointTo,
  recentSessions,
  removeSession,
  sessionById,
  touchSession,
  unusedSessions,
  updateSession,
  type CountedSession,
} from '../store/sessions.ts'
import { writeTombstone } from '../store/tombstones.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { createTextCleaner } from './clean-texts.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { keptDirectory, placeOfRead, placeOfWrite, type Place } from './places.ts'
import { toSession, toSessionSummary } from './present.ts'
import { cutText } from './rules/cut.ts'
import { endedByItself } from './rules/session-choice.ts'
import { continueSession, createSession, lastActivityMs, reopenSession } from './session-of-write.ts'

type SessionNames =
  | 'session.start'
  | 'session.end'
  | 'session.end-stale'
  | 'session.get'
  | 'session.list'
  | 'session.delete'

const listDefault = 20

export const sessionHandlers: Handlers<SessionNames> = {
  'session.start': async (deps, input, context) => {
    checkSessionId(input.id)
    checkStartTime(input.started_at)
    const place = await placeOfWrite(deps, { ...input, session_id: input.id })
    const agent = cutUtf8(createTextCleaner(deps.redactor).clean(input.agent ?? ''), limits.authorBytesMax)
    return deps.store.write((tx) => startSession(tx, deps, { ...input, agent }, place), context)
  },
  'session.end': (deps, input, context) => {
    const cleaner = createTextCleaner(deps.redactor)
    const summary = cutText(cleaner.clean(input.summary ?? ''), limits.summaryBytesMax).text
    return deps.store.write((tx) => {
      countToday(tx, 'redactions', formatTime(deps.clock.nowMs()), cleaner.redacted().count)
      return endSession(tx, deps, input.id, isBlank(summary) ? null : summary)
    }, context)
  },
  'session.end-stale': async (deps, input, context) => {
    const place = await placeOfRead(deps, input)
    const ageMs = staleAge(input.by_age)
    const beforeMs = deps.clock.nowMs() - ageMs
    if (input.apply !== true)
      return deps.store.read((tx) => staleAnswer(unusedSessions(tx, place.project, beforeMs, staleMax), true))
    return deps.store.write((tx) => {
      const rows = unusedSessions(tx, place.project, beforeMs, staleMax)
      for (const row of rows) closeSession(tx, deps, row, formatTime(lastActivityMs(row)), 'bulk')
      return staleAnswer(rows, false)
    }, context)
  },
  'session.get': (deps, input) => deps.store.read((tx) => toSession(requireSession(tx, input.id))),
  'session.list': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    return deps.store.read((tx) =>
      recentSessions(tx, place.project, input.limit ?? listDefault, { open: input.open === true }).map(
        toSessionSummary,
      ),
    )
  },
  'session.delete': (deps, input, context) => deps.store.write((tx) => deleteSession(tx, deps, input.id), context),
}

/** An id over its limit, blank, or not well-formed Unicode is refused, never changed (MEM-110). */
export function checkSessionId(id: string): void {
  if (utf8Bytes(id) <= limits.sessionIdBytesMax && id.trim() !== '' && id.isWellFormed()) return
  throw new EngramError('invalid_request', `Expected a session id of 1 to ${limits.sessionIdBytesMax} bytes.`, {
    details: { field: 'session_id' },
  })
}

function checkStartTime(given: string | undefined): void {
  if (isBlank(given) || parseTime(given ?? '') !== null) return
  throw new EngramError('invalid_request', 'Expected a time such as 2026-01-31 09:00:00.', {
    details: { field: 'started_at' },
  })
}

export function requireSession(tx: ReadTx, id: string): SessionRow {
  const row = sessionById(tx, id)
  if (row !== undefined) return row
  throw new EngramError('unknown_session', `Unknown session ${JSON.stringify(id)}.`, { details: { session_id: id } })
}

/** Idempotent: completes what is blank, never overwrites (MEM-706). */
function startSession(tx: WriteTx, deps: EngineDeps, input: Parsed<'session.start'>, place: Place): StartedSession {
  const nowMs = deps.clock.nowMs()
  const project = place.project === null ? null : fileUnder(tx, place.project, formatTime(nowMs))
  const here = { ...place, project }
  const known = sessionById(tx, input.id)
  const row = known === undefined ? newSession(tx, deps, input, here) : knownSession(tx, deps, known, input, here)
  touchSession(tx, row.id, nowMs, nowMs + deps.settings.sessionLeaseMs)
  return {
    id: row.id,
    status: 'created',
    ...(known !== undefined && row.id !== known.id ? { resumed_from: known.id } : {}),
    project: row.project,
    project_source: place.source,
    warnings: place.warnings,
  }
}

function newSession(tx: WriteTx, deps: EngineDeps, input: Parsed<'session.start'>, place: Place): SessionRow {
  const wanted = {
    project: place.project,
    directory: keptDirectory(deps, input.directory),
    agent: input.agent || null,
    agentPid: input.agent_pid,
  }
  const mode = input.ownership_mode === 'project_owned' ? 'project_owned' : 'shared'
  const row = createSession(tx, input.id, wanted, deps.clock.nowMs(), mode)
  const started = input.started_at === undefined || isBlank(input.started_at) ? row.started_at : input.started_at
  const complete: SessionRow = {
    ...row,
    started_at: normaliseTime(started),
    isolated: input.isolated === true ? 1 : 0,
  }
  updateSession(tx, complete)
  return complete
}

function knownSession(
  tx: WriteTx,
  deps: EngineDeps,
  known: SessionRow,
  input: Parsed<'session.start'>,
  place: Place,
): SessionRow {
  const nowMs = deps.clock.nowMs()
  refuseOtherProject(known, input, place)
  if (input.isolated === true && known.isolated === 0) {
    throw new EngramError('session_isolation_conflict', `Session ${known.id} exists and is not isolated.`)
  }
  if (known.ended_at !== null && !endedByItself(known)) {
    if (input.resume !== true)
      throw new EngramError('session_already_ended', `Session ${known.id} ended at ${known.ended_at}.`)
    return continueSession(tx, known, { agent: input.agent || known.agent, agentPid: input.agent_pid }, nowMs)
  }
  const open = known.ended_at === null ? known : reopenSession(tx, known, nowMs)
  const complete: SessionRow = {
    ...open,
    project: open.project === '' ? (place.project ?? '') : open.project,
    directory: open.directory === '' ? keptDirectory(deps, input.directory) : open.directory,
    agent: open.agent ?? (input.agent || null),
    agent_pid: input.agent_pid ?? open.agent_pid,
  }
  return hasChanged(open, complete) ? saveSession(tx, complete, nowMs) : complete
}

function refuseOtherProject(known: SessionRow, input: Parsed<'session.start'>, place: Place): void {
  const asked = place.source === 'explicit_override' ? place.project : null
  if (asked === null || known.project === '' || known.project === asked || known.ownership_mode === 'shared') return
  throw new EngramError('session_project_conflict', `Session ${known.id} belongs to ${known.project}, not ${asked}.`, {
    details: { session_id: known.id, owner_project: known.project, requested_project: input.project ?? asked },
  })
}

const hasChanged = (a: SessionRow, b: SessionRow): boolean =>
  a.project !== b.project || a.directory !== b.directory || a.agent !== b.agent || a.agent_pid !== b.agent_pid

function saveSession(tx: WriteTx, row: SessionRow, nowMs: number): SessionRow {
  const stamp = stampChange(tx, nowMs, row.hlc)
  const changed = { ...row, hlc: stamp.hlc, origin: stamp.origin, change_seq: stamp.changeSeq }
  updateSession(tx, changed)
  return changed
}

function endSession(tx: WriteTx, deps: EngineDeps, id: string, summary: string | null): EndedSession {
  const row = requireSession(tx, id)
  if (row.ended_at !== null && !endedByItself(row)) return { id, status: 'already_ended', ended_at: row.ended_at }
  const told = summary === null ? row : { ...row, summary, summary_by: null }
  const ended = closeSession(tx, deps, told)
  return { id, status: 'completed', ended_at: ended.ended_at ?? '' }
}

function closeSession(tx: WriteTx, deps: EngineDeps, row: SessionRow, endedAt?: string, endedBy?: string): SessionRow {
  const nowMs = deps.clock.nowMs()
  const closed = { ...row, ended_at: endedAt ?? formatTime(nowMs), ended_by: endedBy ?? null, lease_until_ms: 0 }
  return saveSession(tx, closed, nowMs)
}

/** Sets a session's summary, as a saved session summary does (MEM-1204). */
export function setSessionSummary(tx: WriteTx, row: SessionRow, cleaned: string, nowMs: number): void {
  const summary = cutText(cleaned, limits.summaryBytesMax).text
  if (summary !== row.summary || row.summary_by !== null) saveSession(tx, { ...row, summary, summary_by: null }, nowMs)
}

const staleDefaultMs = 72 * 3_600_000
const staleMax = 10_000

function staleAge(text: string | undefined): number {
  if (text === undefined) return staleDefaultMs
  const ms = parseDuration(text)
  if (ms !== null) return ms
  throw new EngramError('invalid_request', `Expected an age such as 72h, 30d or 2w, got ${JSON.stringify(text)}.`, {
    details: { field: 'by_age' },
  })
}

function staleAnswer(rows: readonly CountedSession[], dryRun: boolean) {
  const sessions = rows.map((row) => ({ ...toSessionSummary(row), last_activity_at: formatTime(row.last_activity_ms) }))
  return { dry_run: dryRun, sessions, count: rows.length }
}

/** Refused while any observation points to it, even a soft-deleted one; its prompts go with it (MEM-407). */
function deleteSession(tx: WriteTx, deps: EngineDeps, id: string) {
  const row = requireSession(tx, id)
  const observations = observationsPointTo(tx, id)
  if (observations > 0) {
    throw new EngramError('session_has_observations', `Session ${id} has observations (${observations}).`, {
      details: { session_id: id, observations },
    })
  }
  const prompts = promptsOfSession(tx, id)
  for (const prompt of prompts) deletePromptRow(tx, deps, prompt)
  dropSession(tx, deps, row)
  return { id, prompts_deleted: prompts.length }
}

/** Removes a prompt and leaves its tombstone (MEM-311). */
export function deletePromptRow(tx: WriteTx, deps: EngineDeps, prompt: PromptRow): void {
  const stamp = stampChange(tx, deps.clock.nowMs(), prompt.hlc)
  removePrompt(tx, prompt)
  writeTombstone(tx, {
    entity: 'prompt',
    entity_key: prompt.sync_id,
    project: prompt.project,
    session_id: prompt.session_id,
    source_inbox_id: prompt.source_inbox_id,
    deleted_at: stamp.at,
    hard: 1,
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
}

/** Removes an empty session and leaves its tombstone. */
export function dropSession(tx: WriteTx, deps: EngineDeps, row: SessionRow): void {
  const stamp = stampChange(tx, deps.clock.nowMs(), row.hlc)
  removeSession(tx, row)
  writeTombstone(tx, {
    entity: 'session',
    entity_key: row.id,
    project: row.project === '' ? null : row.project,
    session_id: row.id,
    source_inbox_id: null,
    deleted_at: stamp.at,
    hard: 1,
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
}
