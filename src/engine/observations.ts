import type { CaptureResult, ObservationDetail, SaveResult } from '../api/observations.ts'
import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { extractLearnings } from '../model/learnings.ts'
import type { CallContext } from '../model/operation.ts'
import { toScope } from '../model/records.ts'
import { cutCodePoints, isBlank } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { observationByHash, updateObservationCounters } from '../store/observations.ts'
import { currentProjectName } from '../store/projects.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { createTextCleaner } from './clean-texts.ts'
import { deleteObservation, restoreObservation } from './delete-observation.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { historyOf } from './history.ts'
import { findObservation, requireLive, requireObservation } from './lookup-observation.ts'
import { placeOfRead, placeOfWrite } from './places.ts'
import { toObservation } from './present.ts'
import { relationNotesOf } from './relations.ts'
import { normalisedHash } from './rules/dedupe.ts'
import { suggestTopicKey } from './rules/topic.ts'
import { contextOfSave, prepareSave, saveObservation } from './save.ts'
import { saveOnce } from './save-once.ts'
import { operationOf, rememberedSave } from './save-operations.ts'
import { checkSessionId } from './sessions.ts'
import { sharedSave, sharedUpdate } from './shared-saves.ts'
import { markReviewed, moveObservations, updateObservationFields } from './update-observation.ts'

type ObservationNames =
  | 'observation.save'
  | 'observation.save-result'
  | 'observation.capture'
  | 'observation.get'
  | 'observation.list'
  | 'observation.update'
  | 'observation.delete'
  | 'observation.restore'
  | 'observation.pin'
  | 'observation.history'
  | 'observation.move'
  | 'observation.review-due'
  | 'observation.mark-reviewed'
  | 'observation.suggest-topic'

const listDefault = 20

export const observationHandlers: Handlers<ObservationNames> = {
  'observation.save': async (deps, input, context) => {
    const prepared = prepareSave(deps, input)
    const operation = operationOf(input, prepared)
    const saveContext = await contextOfSave(deps, input)
    return deps.store.write((tx) => saveOnce(tx, deps, operation, prepared, saveContext), {
      ...context,
      shared: () => sharedSave(prepared, saveContext, operation),
    })
  },
  'observation.save-result': (deps, input) => deps.store.read((tx) => savedResult(tx, input.operation_id)),
  'observation.capture': (deps, input, context) => capture(deps, input, context),
  'observation.get': (deps, input) =>
    deps.store.read((tx): ObservationDetail => {
      const row = requireObservation(tx, input.id)
      return {
        ...toObservation(row, deps.clock.nowMs()),
        relations: relationNotesOf(tx, row.sync_id),
        ...(input.include_history === true
          ? { history: historyOf(tx, row, input.history_cursor, input.history_limit) }
          : {}),
      }
    }),
  'observation.list': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    const rows = deps.store.read((tx) => listRows(tx, place.project, input))
    return rows.map((row) => toObservation(row, deps.clock.nowMs()))
  },
  'observation.update': (deps, input, context) =>
    deps.store.write((tx) => updateObservationFields(tx, deps, input), {
      ...context,
      shared: () => sharedUpdate(deps.redactor, input),
    }),
  'observation.delete': (deps, input, context) => deps.store.write((tx) => deleteObservation(tx, deps, input), context),
  'observation.restore': (deps, input, context) =>
    deps.store.write((tx) => {
      const row = restoreObservation(tx, deps, requireObservation(tx, input.id))
      return toObservation(row, deps.clock.nowMs())
    }, context),
  'observation.pin': (deps, input, context) =>
    deps.store.write((tx) => {
      const row = requireLive(tx, input.id)
      // Local and not an edit: no time and no change number moves (MEM-404).
      updateObservationCounters(tx, { ...row, pinned: input.pinned ? 1 : 0 })
      return { id: row.id, sync_id: row.sync_id, pinned: input.pinned }
    }, context),
  'observation.history': (deps, input) =>
    deps.store.read((tx) => {
      const row = requireObservation(tx, input.id)
      const observation = toObservation(row, deps.clock.nowMs())
      return { observation, ...historyOf(tx, row, input.cursor, input.limit) }
    }),
  'observation.move': async (deps, input, context) => {
    const place = await placeOfWrite(deps, { project: input.to })
    return deps.store.write((tx) => moveObservations(tx, deps, input.ids, place.project ?? input.to), context)
  },
  'observation.review-due': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    const nowMs = deps.clock.nowMs()
    const column = input.expired === true ? 'expires_at' : 'review_after'
    const rows = deps.store.read((tx) =>
      dueRows(tx, column, place.project, formatTime(nowMs), input.limit ?? listDefault),
    )
    return rows.map((row) => toObservation(row, nowMs))
  },
  'observation.mark-reviewed': (deps, input, context) =>
    deps.store.write(
      (tx) => toObservation(markReviewed(tx, deps, requireLive(tx, input.id)), deps.clock.nowMs()),
      context,
    ),
  'observation.suggest-topic': (deps, input) => ({
    topic_key: suggestTopicKey(
      {
        type: input.type,
        title: createTextCleaner(deps.redactor).clean(input.title ?? ''),
        content: createTextCleaner(deps.redactor).clean(input.content ?? ''),
      },
      sha256Hex,
    ),
  }),
}

const listOrder = {
  'created_at:desc': 'created_at DESC, hlc DESC, id DESC',
  'created_at:asc': 'created_at, hlc, id',
  'updated_at:desc': 'updated_at DESC, hlc DESC, id DESC',
  'updated_at:asc': 'updated_at, hlc, id',
} as const

/** One statement for each index there is to stand on, so that the newest few cost no walk through all. */
const listFrom = {
  session: 'observations WHERE session_id = ?2 AND (?1 IS NULL OR project = ?1)',
  project: 'observations WHERE project = ?1 AND ?2 IS NULL',
  created: 'observations INDEXED BY observations_by_created WHERE ?1 IS NULL AND ?2 IS NULL',
  all: 'observations WHERE ?1 IS NULL AND ?2 IS NULL',
} as const

function listRows(tx: ReadTx, project: string | null, input: Parsed<'observation.list'>): ObservationRow[] {
  const sort = input.sort ?? 'created_at:desc'
  const sessionId = input.session_id || null
  const unnamed = sort.startsWith('created_at') ? 'created' : 'all'
  const from = sessionId !== null ? 'session' : project !== null ? 'project' : unnamed
  return tx.all<ObservationRow>(
    `SELECT * FROM ${listFrom[from]} AND deleted_at IS NULL AND (?3 IS NULL OR +scope = ?3) AND (?4 IS NULL OR type = ?4)
     ORDER BY ${listOrder[sort]} LIMIT ?5`,
    project,
    sessionId,
    isBlank(input.scope) ? null : toScope(input.scope),
    input.type || null,
    input.limit ?? listDefault,
  )
}

function savedResult(tx: ReadTx, operationId: string): SaveResult {
  const result = rememberedSave(tx, operationId)
  if (result === undefined)
    throw new EngramError('not_found', `No save with the operation id ${JSON.stringify(operationId)}.`)
  const stored = findObservation(tx, result.sync_id)
  if (stored !== undefined && stored.deleted_at === null) return { ...result, replayed: true }
  throw new EngramError('gone', `Observation ${result.sync_id} was deleted since.`, {
    details: { sync_id: result.sync_id },
  })
}

const captureTitleChars = 60

/** Each item of the last Key Learnings section, unless its text is live in the project already (MEM-309). */
async function capture(
  deps: EngineDeps,
  input: Parsed<'observation.capture'>,
  context: CallContext,
): Promise<CaptureResult> {
  if (!isBlank(input.session_id)) checkSessionId(input.session_id ?? '')
  const items = extractLearnings(createTextCleaner(deps.redactor).clean(input.content))
  if (items.length === 0) return { extracted: 0, saved: 0, duplicates: 0 }
  const prepared = items.map((item) =>
    prepareSave(deps, {
      content: item,
      title: cutCodePoints(item, captureTitleChars),
      type: 'passive',
      tool_name: isBlank(input.source) ? 'passive' : input.source,
    }),
  )
  const saveContext = await contextOfSave(deps, input)
  return deps.store.write((tx) => {
    const project = saveContext.place.project === null ? null : currentProjectName(tx, saveContext.place.project)
    const fresh = prepared.filter((one) => {
      if (observationByHash(tx, normalisedHash(one.content), project) !== undefined) return false
      return saveObservation(tx, deps, one, saveContext).outcome !== 'repeated'
    })
    return { extracted: items.length, saved: fresh.length, duplicates: items.length - fresh.length }
  }, context)
}

function dueRows(
  tx: ReadTx,
  column: 'expires_at' | 'review_after',
  project: string | null,
  now: string,
  limit: number,
): ObservationRow[] {
  return tx.all<ObservationRow>(
    column === 'expires_at'
      ? `SELECT * FROM observations WHERE deleted_at IS NULL AND expires_at <= ?2 AND (?1 IS NULL OR project = ?1)
         ORDER BY expires_at, id LIMIT ?3`
      : `SELECT * FROM observations WHERE deleted_at IS NULL AND review_after <= ?2 AND (?1 IS NULL OR project = ?1)
           AND (expires_at IS NULL OR expires_at > ?2)
         ORDER BY review_after, id LIMIT ?3`,
    project,
    now,
    limit,
  )
}
