import type { CutRecord, ImportResult } from '../api/backup.ts'
import { EngramError } from '../model/errors.ts'
import { formatTime } from '../model/times.ts'
import {
  backupDocument,
  backupVersions,
  conflictRow,
  deferredRow,
  projectExport,
  promptTombstoneRow,
  type ArrivedConflict,
  type BackupDocument,
} from '../protocol/backup-document.ts'
import {
  promptRow,
  readObservation,
  readRow,
  relationRow,
  sessionRow,
  tombstoneRow,
  versionRow,
  type ArrivedVersion,
  type RowReading,
} from '../protocol/record-rows.ts'
import { conflictById, putConflict } from '../store/conflicts.ts'
import { deferredBySyncId, putDeferred, seenSince } from '../store/deferred.ts'
import { aliasProject } from '../store/project-alias.ts'
import type { WriteTx } from '../store/transaction.ts'
import { acceptAlone, acceptEach, type Arrival } from './accept.ts'
import { acceptUnawareVersion } from './accept-observation.ts'
import { replayRelations } from './accept-relation.ts'
import { filedUnder, type AcceptDeps, type Accepted, type AcceptOptions } from './arrival.ts'
import { refreshTouched, Touched } from './heads.ts'
import { createLegacyIds } from './rules/legacy-id.ts'

/** The document a caller gave, as text or as parsed JSON. Throws before anything is changed. */
export function readBackup(given: unknown): BackupDocument {
  const value = asBackup(typeof given === 'string' ? parsedJson(given) : given)
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined
  if (typeof version === 'string' && !backupVersions.some((known) => known === version)) {
    throw new EngramError(
      'unsupported_backup',
      `Expected a backup of version ${backupVersions.join(' or ')}, got ${JSON.stringify(version.slice(0, 40))}.`,
      { details: { version } },
    )
  }
  const result = backupDocument.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw broken(`${issue?.path.join('.') || 'the document'}: ${issue?.message ?? 'does not fit'}`)
}

/** A project exported as JSON carries the same records under other names (ING-EXP-2). */
function asBackup(value: unknown): unknown {
  const exported = projectExport.safeParse(value)
  if (!exported.success) return value
  const { sessions, observations, relations, tombstones } = exported.data
  return { version: '0.2.0', sessions, observations, prompts: [], relations, ext: { tombstones } }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw broken(error instanceof Error ? error.message : 'it is not JSON')
  }
}

const broken = (why: string): EngramError =>
  new EngramError('broken_backup', `Expected a complete backup document; ${why}. Nothing was applied.`)

type Skipped = ImportResult['skipped'][number]

type Tally = { -readonly [K in keyof Omit<ImportResult, 'skipped' | 'cut'>]: number } & {
  readonly skipped: Skipped[]
  readonly cut: CutRecord[]
}

/** What one import carries along. */
type Import = {
  readonly tx: WriteTx
  readonly deps: AcceptDeps
  readonly document: BackupDocument
  readonly tally: Tally
  readonly options: AcceptOptions
  readonly at: string
}

/**
 * Takes a backup in, in the one transaction of the caller; every row goes through the accept path (MEM-1002). A row that
 * cannot be kept is set aside alone and named; with `strict` it throws `broken_backup`, which undoes the whole (MEM-1003).
 * Importing twice changes nothing more.
 */
export function importBackup(tx: WriteTx, deps: AcceptDeps, document: BackupDocument, strict: boolean): ImportResult {
  const touched = new Touched()
  const work: Import = {
    tx,
    deps,
    document,
    tally: newTally(),
    options: { remote: null, withPins: true, touched },
    at: formatTime(deps.clock.nowMs()),
  }
  importAliases(work)
  const conflicts = importConflicts(work)
  importRecords(work)
  importDeferred(work)
  const replayed = replayRelations(tx, deps, work.options)
  work.tally.relations_imported += replayed.succeeded
  for (const reason of replayed.dropped) skip(work, 'relation', '', reason)
  for (const { kind, sync_id } of conflicts) if (kind !== 'edited_after_delete') touched.add(sync_id, null)
  refreshTouched(tx, touched, { at: work.at })
  if (strict) refuseIncomplete(work.tally)
  return work.tally
}

const newTally = (): Tally => ({
  sessions_imported: 0,
  observations_imported: 0,
  observations_updated: 0,
  observations_skipped_stale: 0,
  prompts_imported: 0,
  relations_imported: 0,
  relations_deferred: 0,
  redacted: 0,
  cut: [],
  skipped: [],
})

function refuseIncomplete(tally: Tally): void {
  const [first] = tally.skipped
  const [cut] = tally.cut
  if (first === undefined && cut === undefined && tally.relations_deferred === 0) return
  const what =
    first !== undefined
      ? `${first.entity} ${first.key}: ${first.reason.replace(/\.$/, '')}`
      : cut !== undefined
        ? `${cut.entity} ${cut.key}: ${cut.original_bytes} bytes are over the limit of ${cut.limit_bytes}`
        : 'a relation points to an observation that is not there'
  throw new EngramError('broken_backup', `Expected every row to be complete; ${what}. Nothing was applied.`, {
    details: { skipped: tally.skipped.slice(0, 20), relations_deferred: tally.relations_deferred },
  })
}

const skip = (work: Import, entity: string, key: string, reason: string): void => {
  work.tally.skipped.push({ entity, key, reason })
}

function importRecords(work: Import): void {
  const { document, tally } = work
  const ids = createLegacyIds()
  each(
    work,
    'session',
    document.sessions,
    (value) => asArrival('session', readRow(sessionRow, value)),
    (result) => {
      if (result.outcome === 'inserted') tally.sessions_imported++
    },
  )
  each(
    work,
    'observation',
    document.observations,
    (value) => {
      const read = readObservation(value)
      if (!read.ok) return read
      return {
        ok: true,
        row: { entity: 'observation', row: { ...read.row, sync_id: read.row.sync_id ?? ids.observation(read.row) } },
      }
    },
    (result) => {
      if (result.outcome === 'inserted') tally.observations_imported++
      else if (result.outcome === 'updated' || result.outcome === 'noted') tally.observations_updated++
      else tally.observations_skipped_stale++
    },
  )
  importVersions(work)
  each(
    work,
    'prompt',
    document.prompts,
    (value) => {
      const read = readRow(promptRow, value)
      if (!read.ok) return read
      return {
        ok: true,
        row: { entity: 'prompt', row: { ...read.row, sync_id: read.row.sync_id ?? ids.prompt(read.row) } },
      }
    },
    (result) => {
      if (result.outcome === 'inserted') tally.prompts_imported++
    },
  )
  // Before the relations, so that an orphaned one finds what is left of its ends.
  importTombstones(work)
  each(
    work,
    'relation',
    document.relations,
    (value) => asArrival('relation', readRow(relationRow, value)),
    (result, key) => {
      if (result.outcome === 'inserted' || result.outcome === 'updated') tally.relations_imported++
      else if (result.outcome === 'deferred') tally.relations_deferred++
      else if (result.outcome === 'dropped') skip(work, 'relation', key, result.reason ?? 'an end of it is gone')
    },
  )
}

/** Go's list of prompt tombstones has no hybrid times: one that is also in ours is read there alone. */
function importTombstones(work: Import): void {
  const ours = work.document.ext?.tombstones ?? []
  const named = new Set(ours.map((value) => keyOf(value)))
  const plain = work.document.prompt_tombstones.filter((value) => !named.has(keyOf(value)))
  each(work, 'tombstone', ours, (value) => asArrival('tombstone', readRow(tombstoneRow, value)))
  each(work, 'tombstone', plain, (value) => asArrival('tombstone', readRow(promptTombstoneRow, value)))
}

const asArrival = <E extends Arrival['entity'], R>(entity: E, read: RowReading<R>): RowReading<{ entity: E; row: R }> =>
  read.ok ? { ok: true, row: { entity, row: read.row } } : read

/** Each row: read, accepted, counted; or named among the skipped. */
function each<V>(
  work: Import,
  entity: string,
  values: readonly V[],
  read: (value: V) => RowReading<Arrival>,
  count?: (result: Accepted, key: string) => void,
): void {
  const readings = values.map((value) => ({ key: keyOf(value), reading: read(value) }))
  const arrivals = readings.flatMap(({ reading }) => (reading.ok ? [reading.row] : []))
  const results = acceptEach(work.tx, work.deps, arrivals, work.options)
  let next = 0
  for (const { key, reading } of readings) {
    const result = reading.ok ? results[next++] : { refused: reading.reason }
    if (result === undefined) continue
    if ('refused' in result) {
      skip(work, entity, key, result.refused)
      continue
    }
    work.tally.redacted += result.redacted
    for (const { original_bytes, limit_bytes } of result.cuts) {
      work.tally.cut.push({ entity, key, original_bytes, limit_bytes })
    }
    count?.(result, key)
  }
}

/** What a row is called in the list of those set aside; never its text. */
function keyOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  const row: Readonly<Record<string, unknown>> = { ...value }
  const key = [row['sync_id'], row['entity_key'], row['id']].find(
    (one) => typeof one === 'string' || typeof one === 'number',
  )
  return key === undefined ? '' : String(key).slice(0, 256)
}

// ── what only our own backups have ──

/** Records of a project that was merged away land where it was merged to (MEM-807). */
function importAliases(work: Import): void {
  const nowMs = work.deps.clock.nowMs()
  for (const [name, target] of Object.entries(work.document.ext?.project_aliases ?? {})) {
    try {
      aliasProject(work.tx, filedUnder(work.tx, name, nowMs), filedUnder(work.tx, target, nowMs))
    } catch (error) {
      if (!(error instanceof EngramError)) throw error
      skip(work, 'project_alias', name.slice(0, 256), error.message)
    }
  }
}

/** Before the records, so that what they make open again keeps when it was first seen. */
function importConflicts(work: Import): readonly ArrivedConflict[] {
  const taken: ArrivedConflict[] = []
  for (const value of work.document.ext?.conflicts ?? []) {
    const read = readRow(conflictRow, value)
    if (!read.ok) {
      skip(work, 'conflict', keyOf(value), read.reason)
      continue
    }
    taken.push(read.row)
    if (conflictById(work.tx, read.row.id) !== undefined) continue
    putConflict(work.tx, {
      ...read.row,
      heads: JSON.stringify(read.row.heads),
      other_sync_id: read.row.other_sync_id ?? null,
      project: read.row.project ?? null,
      remote: read.row.remote ?? null,
      settled_version: read.row.settled_version ?? null,
      settled_at: read.row.settled_at ?? null,
      settled_by: read.row.settled_by ?? null,
    })
  }
  return taken
}

/** Older states and other heads; the newest first, so that none looks like a head before its child is known. */
function importVersions(work: Import): void {
  const unaware = new Set(unawareVersions(work))
  const read = (work.document.ext?.versions ?? []).flatMap((value): readonly ArrivedVersion[] => {
    const reading = readRow(versionRow, value)
    if (reading.ok) return [reading.row]
    skip(work, 'version', keyOf(value), reading.reason)
    return []
  })
  read.sort((a, b) => (a.hlc === b.hlc ? 0 : a.hlc > b.hlc ? -1 : 1))
  const isUnaware = (row: ArrivedVersion): boolean => unaware.has(`${row.sync_id}\n${row.version}`)
  for (const row of read.filter(isUnaware)) keepUnaware(work, row)
  const others = read.filter((row) => !isUnaware(row))
  each(work, 'version', others, (row) => ({ ok: true, row: { entity: 'version', row } }))
}

function keepUnaware(work: Import, row: ArrivedVersion): void {
  try {
    acceptUnawareVersion(work.tx, work.deps, row)
  } catch (error) {
    if (!(error instanceof EngramError)) throw error
    skip(work, 'version', `${row.sync_id} ${row.version}`, error.message)
  }
}

/** Versions kept for a conflict with a hard delete: their record is gone, and stays gone (MEM-507). */
const unawareVersions = (work: Import): readonly string[] =>
  (work.document.ext?.conflicts ?? []).flatMap((value) => {
    const read = readRow(conflictRow, value)
    const isOpen = read.ok && read.row.kind === 'edited_after_delete' && read.row.settled_at == null
    return isOpen ? read.row.heads.map((head) => `${read.row.sync_id}\n${head}`) : []
  })

/** Records that waited where the backup was made wait here too. */
function importDeferred(work: Import): void {
  for (const value of work.document.ext?.deferred ?? []) {
    const read = readRow(deferredRow, value)
    if (!read.ok) {
      skip(work, 'deferred', keyOf(value), read.reason)
      continue
    }
    const row = read.row
    if (row.entity === 'relation' && row.apply_status === 'deferred') {
      importWaitingRelation(work, row.sync_id, row.payload)
      seenSince(work.tx, row.sync_id, row.first_seen_at ?? work.at)
    } else if (deferredBySyncId(work.tx, row.sync_id) === undefined) {
      putDeferred(work.tx, {
        sync_id: row.sync_id,
        entity: row.entity,
        payload: cleanedPayload(work, row.payload),
        apply_status: row.apply_status,
        retry_count: row.retry_count ?? 0,
        last_error: row.last_error ?? '',
        last_attempted_at: row.last_attempted_at ?? work.at,
        first_seen_at: row.first_seen_at ?? work.at,
      })
    }
  }
}

function importWaitingRelation(work: Import, syncId: string, payload: string): void {
  const json = parsedOrNull(payload)
  const read = readRow(relationRow, json)
  if (!read.ok) return skip(work, 'deferred', syncId, read.reason)
  const result = acceptAlone(work.tx, work.deps, { entity: 'relation', row: read.row }, work.options)
  if ('refused' in result) return skip(work, 'deferred', syncId, result.refused)
  if (result.outcome === 'inserted') work.tally.relations_imported++
  if (result.outcome === 'dropped') skip(work, 'relation', syncId, result.reason ?? 'an end of it is gone')
}

const cleanedPayload = (work: Import, payload: string): string => work.deps.redactor.clean(payload).text

function parsedOrNull(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
