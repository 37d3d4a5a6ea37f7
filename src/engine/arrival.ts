import { EngramError } from '../model/errors.ts'
import { hlcZero } from '../model/hlc.ts'
import { nameProject } from '../model/project-name.ts'
import type { Truncation } from '../model/records.ts'
import { cleanText, isBlank } from '../model/text.ts'
import { formatTime, normaliseTime, parseTime } from '../model/times.ts'
import { nextChangeSeq } from '../store/change-clock.ts'
import { currentProjectName, ensureProject } from '../store/projects.ts'
import type { SessionRow } from '../store/rows.ts'
import { insertSession, sessionById, updateSession } from '../store/sessions.ts'
import type { WriteTx } from '../store/transaction.ts'
import type { ArrivalBatch } from './arrival-batch.ts'
import type { Cleaner } from './cleaner.ts'
import type { EngineDeps } from './handler.ts'
import type { Touched } from './heads.ts'
import { legacyOrigin, stubDirectory, stubStartedAt } from './rules/merge.ts'

/** What every kind of arriving record shares: where it came from, what came of it, how its text is cleaned. */

export type AcceptDeps = Pick<EngineDeps, 'clock' | 'redactor' | 'settings'>

export type AcceptOptions = {
  /** Through which remote it came; null for a backup. */
  readonly remote: string | null
  /** Pins are local and come only with a backup, and only with rows that are new here (MEM-404). */
  readonly withPins?: boolean
  /**
   * Where given, observations whose conflicts may have changed are only noted here; who calls brings them up to date once
   * for all, with `refreshTouched`. So none is listed that is there only until the next record has come.
   */
  readonly touched?: Touched
  /** What it shares with those that arrive with it; without one, everything is asked for it alone. */
  readonly batch?: ArrivalBatch
}

/**
 * What became of a record.
 * - `inserted`, `updated`: what people see changed · `noted`: a version, a counter or a time was taken in
 * - `unchanged`: nothing new · `buried`: a hard delete stands against it (MEM-507)
 * - `deferred`: waits for what it points to · `dropped`: what it points to is gone for ever (CHK-606)
 */
export type AcceptOutcome = 'inserted' | 'updated' | 'noted' | 'unchanged' | 'buried' | 'deferred' | 'dropped'

export type Accepted = {
  readonly outcome: AcceptOutcome
  /** How many secrets and private blocks were masked on the way in. */
  readonly redacted: number
  /** Texts of it that were over their limit. */
  readonly cuts: readonly Truncation[]
  /** Conflicts that are newly listed. */
  readonly conflicts: number
  readonly reason?: string
}

export const accepted = (outcome: AcceptOutcome, more: Partial<Omit<Accepted, 'outcome'>> = {}): Accepted => ({
  outcome,
  redacted: 0,
  cuts: [],
  conflicts: 0,
  ...more,
})

/** A record that cannot be kept; whoever reads the document sets it aside alone (MEM-1003, CHK-608). */
export const badRecord = (message: string, field: string): EngramError =>
  new EngramError('invalid_request', message, { details: { field } })

/** What is told of a record's cleaning. */
export type Told = Pick<Accepted, 'redacted' | 'cuts'>

export const told = (cleaner: Cleaner): Told => ({ redacted: cleaner.redacted(), cuts: cleaner.cuts() })

/** The stored form of a time that came, or `otherwise` when none did. */
export const timeOr = (given: string | undefined, otherwise: string): string =>
  given === undefined ? otherwise : normaliseTime(cleanText(given))

export const timeOrNull = (given: string | null | undefined): string | null =>
  given === undefined || given === null || given === '' ? null : normaliseTime(cleanText(given))

/** Where records of a project named elsewhere are filed here: its own name, or what it was merged into (MEM-807). */
export function filedUnder(tx: WriteTx, given: string | undefined, nowMs: number, batch?: ArrivalBatch): string {
  if (given === undefined || isBlank(given)) return ''
  const known = batch?.filed.get(given)
  if (known !== undefined) return known
  const name = currentProjectName(tx, nameProject(given).name)
  ensureProject(tx, name, formatTime(nowMs))
  batch?.filed.set(given, name)
  return name
}

/** A session is `project_owned` when it says so, or when its name does (MEM-206). */
export const ownershipOf = (given: string | null | undefined, id: string): SessionRow['ownership_mode'] =>
  given === 'project_owned' || (given !== 'shared' && id.startsWith('manual-save')) ? 'project_owned' : 'shared'

/**
 * The session a record points to; a stub when nobody sent it yet (CHK-605). A stub stands in the first project, in text
 * order, of the records that point to it, so that their order does not matter.
 */
export function ensureSession(tx: WriteTx, id: string, project: string, nowMs: number, batch?: ArrivalBatch): void {
  // As JSON: names may hold whatever would stand between them.
  const place = JSON.stringify([id, project])
  if (batch?.sessions.has(place) === true) return
  batch?.sessions.add(place)
  const known = sessionById(tx, id)
  if (known === undefined) {
    insertSession(tx, { ...blankSession(id), project, change_seq: nextChangeSeq(tx), last_activity_ms: nowMs })
    return
  }
  if (known.directory !== stubDirectory || project === '') return
  if (known.project === '' || project < known.project) {
    updateSession(tx, { ...known, project, change_seq: nextChangeSeq(tx) })
  }
}

export const blankSession = (id: string): Omit<SessionRow, 'number'> => ({
  id,
  project: '',
  ownership_mode: ownershipOf(undefined, id),
  directory: stubDirectory,
  started_at: stubStartedAt,
  ended_at: null,
  summary: null,
  summary_by: null,
  agent: null,
  ended_by: null,
  isolated: 0,
  lease_until_ms: 0,
  agent_pid: null,
  last_activity_ms: 0,
  hlc: hlcZero,
  origin: legacyOrigin,
  change_seq: 0,
})

/** Wall time of a stored time; 0 when it is unreadable. */
export const msOf = (time: string): number => parseTime(time) ?? 0
