import type { Parsed } from '../api/operations.ts'
import type { Forgotten } from '../api/review.ts'
import { typeOfCategory } from '../model/categories.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { cutCodePoints, cutUtf8, isBlank } from '../model/text.ts'
import { formatTime, parseDuration } from '../model/times.ts'
import { promptsOfSession } from '../store/prompts.ts'
import type { ObservationRow, SessionRow } from '../store/rows.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { cleanName, createTextCleaner } from './clean-texts.ts'
import { hardDeleteRow, softDeleteRow } from './delete-observation.ts'
import { editObservation } from './edit-observation.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { mismatch, requireLive, requireObservation } from './lookup-observation.ts'
import { placeOfRead, projectOfRead } from './places.ts'
import { toObservation } from './present.ts'
import { sessionsOfProject } from './project-rows.ts'
import { parseProvenance } from './rules/provenance.ts'
import { expiryOf } from './rules/review.ts'
import { normaliseTopicKey } from './rules/topic.ts'
import { contextOfSave, prepareSave, saveObservation, type SaveInput } from './save.ts'
import { deletePromptRow } from './sessions.ts'
import { forgetTranscript } from './transcript-index.ts'
import { retyped } from './update-observation.ts'

type ExtractedNames = 'extracted.list' | 'extracted.promote' | 'memory.forget' | 'memory.add'

const listDefault = 100
const strongFrom = 0.7
/** Forgetting more than this at once wants to be confirmed (ING-REV-3). */
const forgetUnaskedMax = 20
const isExtracted = `provenance IS NOT NULL AND json_extract(provenance, '$.kind') <> 'curated'`
const isUnreviewed = `provenance IS NOT NULL AND json_extract(provenance, '$.review') = 'unreviewed'`

export const extractedHandlers: Handlers<ExtractedNames> = {
  'extracted.list': async (deps, input) => {
    const { project } = await placeOfRead(deps, input)
    const rows = deps.store.read((tx) => unreviewed(tx, project, input.strength ?? 'all', input.limit ?? listDefault))
    return rows.map((row) => toObservation(row, deps.clock.nowMs()))
  },
  'extracted.promote': async (deps, input, context) => {
    const project = await projectOfRead(deps, input)
    return deps.store.write((tx) => {
      const rows = promotable(tx, input, project)
      const promoted = rows.map((row) => promote(tx, deps, row, input))
      return { promoted: promoted.map((row) => toObservation(row, deps.clock.nowMs())) }
    }, context)
  },
  'memory.forget': async (deps, input, context) => {
    const project = await projectOfRead(deps, input)
    if (input.dry_run === true || !hasSelector(input)) {
      return deps.store.read((tx) => chosenAnswer(tx, deps, input, project))
    }
    const forgotten = await deps.store.write((tx) => forget(tx, deps, input, project), context)
    // After the commit: a transcript must not go while its memories stay.
    for (const key of forgotten.transcript_keys) {
      await deps.archive?.remove(key)
      await forgetTranscript(deps, key)
    }
    return forgotten
  },
  'memory.add': async (deps, input, context) => {
    const save = saveOfAdd(deps, input)
    const prepared = prepareSave(deps, save)
    const where = await contextOfSave(deps, save)
    return deps.store.write((tx) => saveObservation(tx, deps, prepared, where), context)
  },
}

const titleCharsMax = 80

/** A curated save by category (ING-REV-5). What is cut or lower-cased here is cleaned before: half a secret is not seen. */
export function saveOfAdd(deps: Pick<EngineDeps, 'redactor'>, input: Parsed<'memory.add'>): SaveInput {
  const cleaner = createTextCleaner(deps.redactor)
  const { category, global: isGlobal, label, content, ...rest } = input
  const firstLine = cleaner
    .clean(content)
    .split('\n')
    .find((line) => line.trim() !== '')
  const title = isBlank(input.title) ? cutCodePoints(firstLine?.trim() ?? '', titleCharsMax, '…') : input.title
  return {
    ...rest,
    content,
    title,
    type: typeOfCategory(category),
    scope: isGlobal === true || category === 'preferences' ? 'global' : 'project',
    ...(label === undefined ? {} : { topic_key: labelKey(cleanName(cleaner, label)) }),
  }
}

/** The same label in the same project replaces; without one nothing ever is (ING-REV-5). */
const labelKey = (cleaned: string): string =>
  isBlank(cleaned) ? '' : (normaliseTopicKey(`label/${cleaned.trim()}`) ?? '')

function unreviewed(
  tx: ReadTx,
  project: string | null,
  strength: 'strong' | 'weak' | 'all',
  limit: number,
): ObservationRow[] {
  return tx.all<ObservationRow>(
    `SELECT * FROM observations
     WHERE deleted_at IS NULL AND ${isUnreviewed} AND (?1 IS NULL OR project = ?1)
       AND (?2 = 'all' OR (?2 = 'strong') = (confidence >= ?3))
     ORDER BY confidence >= ?3 DESC, confidence DESC, created_at DESC, id LIMIT ?4`,
    project,
    strength,
    strongFrom,
    limit,
  )
}

function promotable(tx: ReadTx, input: Parsed<'extracted.promote'>, project: string): ObservationRow[] {
  if (input.all_strong === true) return unreviewed(tx, project, 'strong', 10_000)
  const ids = input.ids ?? []
  if (ids.length === 0)
    throw new EngramError('invalid_request', 'Expected ids to promote, or all_strong.', { details: { field: 'ids' } })
  return ids.map((id) => {
    return ownedBy(requireLive(tx, id), project)
  })
}

/** Always a new version, also when no text changed, so that it travels (ING-REV-2). */
function promote(
  tx: WriteTx,
  deps: EngineDeps,
  row: ObservationRow,
  input: Parsed<'extracted.promote'>,
): ObservationRow {
  const cleaner = createTextCleaner(deps.redactor)
  const nowMs = deps.clock.nowMs()
  const reviewer = cutUtf8(cleaner.clean(input.reviewer ?? '').trim(), limits.authorBytesMax)
  const provenance = {
    ...(parseProvenance(row.provenance) ?? { kind: 'curated' as const }),
    review: 'promoted' as const,
    reviewer: reviewer === '' ? 'person' : reviewer,
    reviewed_at: formatTime(nowMs),
  }
  return editObservation(tx, deps, row, {
    ...(input.category === undefined ? {} : retyped(row, typeOfCategory(input.category), deps)),
    ...(input.global === true || input.category === 'preferences' ? { scope: 'global' as const } : {}),
    ...(input.label === undefined ? {} : { topic_key: labelKey(cleanName(cleaner, input.label)) || row.topic_key }),
    ...(input.ttl === undefined ? {} : { expires_at: expiryOf({ ttl: input.ttl }, nowMs) }),
    provenance: JSON.stringify(provenance),
    revision_count: row.revision_count + 1,
  })
}

type ForgetInput = Parsed<'memory.forget'>

const hasSelector = (input: ForgetInput): boolean =>
  input.ids !== undefined ||
  input.session_id !== undefined ||
  input.topic !== undefined ||
  input.expired === true ||
  input.stale !== undefined ||
  input.all === true

function chosenAnswer(tx: ReadTx, deps: EngineDeps, input: ForgetInput, project: string): Forgotten {
  const rows = hasSelector(input) ? selected(tx, deps, input, project) : []
  const sessions = tx.all<{ session_id: string; started_at: string; observations: number }>(
    `SELECT s.id AS session_id, s.started_at, count(o.id) AS observations
     FROM sessions s JOIN observations o ON o.session_id = s.id AND o.deleted_at IS NULL AND o.project = ?
     GROUP BY s.id ORDER BY s.started_at DESC LIMIT 500`,
    project,
  )
  return { ...answerFor(rows, input), dry_run: true, deleted: 0, prompts_deleted: 0, sessions, transcript_keys: [] }
}

const isExtractedRow = (row: ObservationRow): boolean =>
  (parseProvenance(row.provenance)?.kind ?? 'curated') !== 'curated'

function answerFor(rows: readonly ObservationRow[], input: ForgetInput) {
  return {
    selected: rows.map((row) => ({ id: row.id, title: row.title, type: row.type, auto: isExtractedRow(row) })),
    hard_delete: input.purge === true,
  }
}

function forget(tx: WriteTx, deps: EngineDeps, input: ForgetInput, project: string): Forgotten {
  const rows = selected(tx, deps, input, project)
  const sessions = input.purge === true ? purgedSessions(tx, input, project) : []
  const prompts = sessions.flatMap((session) =>
    promptsOfSession(tx, session.id).filter((prompt) => (prompt.project ?? '') === session.project),
  )
  const count = rows.length + prompts.length
  if (count > forgetUnaskedMax && input.confirmed !== true) {
    throw new EngramError('confirmation_required', `${count} records of ${project} would be forgotten.`, {
      details: { count, memories: rows.length, prompts: prompts.length },
    })
  }
  for (const row of rows) {
    if (input.purge === true) hardDeleteRow(tx, deps, row)
    else softDeleteRow(tx, deps, row)
  }
  for (const prompt of prompts) deletePromptRow(tx, deps, prompt)
  return {
    ...answerFor(rows, input),
    dry_run: false,
    deleted: rows.length,
    prompts_deleted: prompts.length,
    sessions: [],
    transcript_keys: sessions.flatMap((session) => transcriptKeys(tx, session.id)),
  }
}

/** The sessions whose prompts and transcripts a purge takes along: the one named, or with `all` every one (ING-REV-3). */
function purgedSessions(tx: ReadTx, input: ForgetInput, project: string): readonly SessionRow[] {
  if (input.session_id === undefined && (input.all !== true || input.auto === true)) return []
  const sessions = [...sessionsOfProject(tx, project)]
  return input.session_id === undefined ? sessions : sessions.filter((session) => session.id === input.session_id)
}

const transcriptKeys = (tx: ReadTx, sessionId: string): readonly string[] =>
  tx
    .all<{ transcript_key: string }>(
      'SELECT DISTINCT transcript_key FROM ingest_sources WHERE session_id = ? ORDER BY transcript_key',
      sessionId,
    )
    .map((row) => row.transcript_key)

/** All selectors together: each one given narrows the choice further. */
function selected(tx: ReadTx, deps: EngineDeps, input: ForgetInput, project: string): ObservationRow[] {
  const ids = input.ids?.map((id) => ownedBy(requireObservation(tx, id), project).id)
  const now = deps.clock.nowMs()
  const staleMs = input.stale === undefined ? null : parseDuration(input.stale)
  if (input.stale !== undefined && staleMs === null) {
    throw new EngramError('invalid_request', 'Expected a duration such as 90d.', { details: { field: 'stale' } })
  }
  // What was soft-deleted before can still be purged, when it is named or everything is.
  const withDeleted = input.purge === true && (input.all === true || ids !== undefined)
  return tx.all<ObservationRow>(
    `SELECT * FROM observations
     WHERE project = ?1 AND (?8 = 1 OR deleted_at IS NULL)
       AND (?2 IS NULL OR session_id = ?2) AND (?3 IS NULL OR topic_key = ?3 OR topic_key = 'label/' || ?3)
       AND (?4 = 0 OR expires_at <= ?5)
       AND (?6 IS NULL OR (pinned = 0 AND max(coalesce(last_seen_at, ''), updated_at) <= ?6
            AND (expires_at IS NULL OR expires_at <= ?5)
            AND NOT (provenance IS NOT NULL AND json_extract(provenance, '$.review') = 'promoted')))
       AND (?7 = 0 OR (${isExtracted}))
       AND (?9 IS NULL OR id IN (SELECT value FROM json_each(?9)))
     ORDER BY id`,
    project,
    input.session_id ?? null,
    input.topic === undefined ? null : normaliseTopicKey(input.topic),
    input.expired === true ? 1 : 0,
    formatTime(now),
    staleMs === null ? null : formatTime(now - staleMs),
    input.auto === true ? 1 : 0,
    withDeleted ? 1 : 0,
    ids === undefined ? null : JSON.stringify(ids),
  )
}

function ownedBy(row: ObservationRow, project: string): ObservationRow {
  if (row.project === project) return row
  throw mismatch(row, project)
}
