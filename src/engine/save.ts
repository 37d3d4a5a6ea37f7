import type { RelationCandidate, SaveResult } from '../api/observations.ts'
import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { toScope, type Redacted, type Scope, type Truncation, type Warning } from '../model/records.ts'
import { cutUtf8, isBlank, utf8Bytes } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { stampChange } from '../store/change-clock.ts'
import { countToday } from '../store/columns.ts'
import { sqliteCodeOf } from '../store/driver.ts'
import { mergeAfterSave } from '../store/full-text-state.ts'
import {
  insertObservation,
  observationByRepeat,
  observationByTopic,
  updateObservationCounters,
} from '../store/observations.ts'
import { fileUnder } from '../store/projects.ts'
import type { ObservationRow, SessionRow } from '../store/rows.ts'
import type { WriteTx } from '../store/transaction.ts'
import { cleanName, createTextCleaner, type TextCleaner } from './clean-texts.ts'
import { editObservation } from './edit-observation.ts'
import type { EngineDeps } from './handler.ts'
import { keptDirectory, placeOfWrite, type Place } from './places.ts'
import { cutText, cutTitle, titleFromContent, type Cut } from './rules/cut.ts'
import { decideSave, expiryAfterSave, normalisedHash, type SaveDecision, type SaveState } from './rules/dedupe.ts'
import { mergeCounters } from './rules/merge.ts'
import { expiryOf, reviewAfter, stateAt } from './rules/review.ts'
import { normaliseTopicKey, suggestTopicKey } from './rules/topic.ts'
import { fingerprintOf, versionOf } from './rules/version.ts'
import { candidatesOf, noteRelations } from './surface-relations.ts'
import { sessionOfWrite } from './session-of-write.ts'
import { checkSessionId } from './sessions.ts'
import { rowsHoldingIn } from './word-rarity.ts'

export type SaveInput = Parsed<'observation.save'>

/** A save after redaction and limits: what may be written or queued, and nothing that must not reach the disk. */
export type PreparedSave = {
  readonly type: string
  readonly title: string
  readonly content: string
  readonly tool_name: string | null
  readonly scope: Scope
  readonly topic_key: string | null
  readonly author: string | null
  readonly expires_at: string | null
  readonly redacted: Redacted
  readonly truncation?: Truncation
  readonly warnings: readonly Warning[]
}

/** Steps 2 to 6 of MEM-301: pure but for the clock. Refuses blank content and what is never cut (MEM-110, MEM-302). */
export function prepareSave(deps: Pick<EngineDeps, 'redactor' | 'clock'>, input: SaveInput): PreparedSave {
  if (!isBlank(input.session_id)) checkSessionId(input.session_id ?? '')
  const cleaner = createTextCleaner(deps.redactor)
  const warnings: Warning[] = []
  const content = contentWithin(cleaner.clean(input.content))
  const cutShort = (field: string, text: string, bytesMax: number): string | null => {
    const cut = cutUtf8(text, bytesMax)
    if (cut !== text) warnings.push({ code: `${field}_cut`, message: `${field} was too long and is cut.` })
    return cut === '' ? null : cut
  }
  const prepared = {
    type: checkedType(cleaner.clean(input.type ?? '')),
    title: titleWithin(cleaner.clean(input.title ?? '').trim(), content.text, warnings),
    content: content.text,
    tool_name: cutShort('tool_name', cleaner.clean(input.tool_name ?? '').trim(), limits.toolNameBytesMax),
    scope: toScope(input.scope),
    topic_key: topicKeyOf(cleaner, input.topic_key ?? '', warnings),
    author: cutShort('author', cleaner.clean(input.author ?? '').trim(), limits.authorBytesMax),
    expires_at: expiryOf(input, deps.clock.nowMs()),
    redacted: cleaner.redacted(),
    ...(content.truncation === undefined ? {} : { truncation: content.truncation }),
    warnings,
  }
  if (cleaner.isRepaired()) warnings.push(textRepaired)
  return prepared
}

const textRepaired: Warning = {
  code: 'text_repaired',
  message: 'NUL or broken Unicode stood in the text; it was taken out or became U+FFFD.',
}

/** A topic key that held private text or a secret is dropped, not masked: two such keys would become one topic. */
export function topicKeyOf(cleaner: TextCleaner, given: string, warnings: Warning[]): string | null {
  const name = cleanName(cleaner, given)
  if (name === '' && !isBlank(given)) {
    warnings.push({
      code: 'topic_key_dropped',
      message: 'The topic key held private text or a secret; it is left out.',
    })
  }
  return normaliseTopicKey(name)
}

/** Content after redaction, within its limit (MEM-301 steps 3 and 4). */
export function contentWithin(cleaned: string): Cut {
  const content = cutText(cleaned, limits.contentBytesMax)
  if (!isBlank(content.text)) return content
  throw new EngramError('observation_content_required', 'Expected content, got only white space.')
}

function titleWithin(given: string, content: string, warnings: Warning[]): string {
  if (given === '') {
    warnings.push({ code: 'title_from_content', message: 'The title was blank; it is taken from the content.' })
  }
  const title = cutTitle(given === '' ? titleFromContent(content) : given)
  if (title.truncation !== undefined) warnings.push(titleCut(title.truncation))
  return title.text
}

export const titleCut = (truncation: Truncation): Warning => ({
  code: 'title_cut',
  message: 'The title was too long and is cut.',
  details: truncation,
})

/** A type after redaction, trimmed; refused, not cut, over its limit (MEM-110, MEM-205). */
export function checkedType(cleaned: string): string {
  const type = cleaned.trim()
  if (utf8Bytes(type) <= limits.typeBytesMax) return type === '' ? 'manual' : type
  throw new EngramError('invalid_request', `Expected a type of at most ${limits.typeBytesMax} bytes.`, {
    details: { field: 'type' },
  })
}

export type SaveContext = {
  readonly place: Place
  readonly sessionId: string | undefined
  readonly directory: string
  readonly agentPid: number | undefined
  readonly strict: boolean
}

/** Where a save goes, asked before its transaction: finding a project may take git and files. */
export async function contextOfSave(deps: EngineDeps, input: Omit<SaveInput, 'content'>): Promise<SaveContext> {
  const sessionId = isBlank(input.session_id) ? undefined : input.session_id
  return {
    place: await placeOfWrite(deps, { ...input, session_id: sessionId }),
    sessionId,
    directory: keptDirectory(deps, input.directory),
    agentPid: input.agent_pid,
    strict: input.strict === true,
  }
}

/** Steps 8 to 10 of MEM-301 in one transaction: created, repeated or revised. */
export function saveObservation(
  tx: WriteTx,
  deps: EngineDeps,
  prepared: PreparedSave,
  context: SaveContext,
): SaveResult {
  const nowMs = deps.clock.nowMs()
  const at = formatTime(nowMs)
  const project = context.place.project === null ? null : fileUnder(tx, context.place.project, at)
  const asked = { ...context, project, agent: null }
  const session = sessionOfWrite(tx, asked, nowMs, deps.settings)
  const author = prepared.author ?? session.row.agent
  const wanted = wantedState(deps, prepared, project, session.row.id)
  const decision = decideSave(wanted, storedFor(tx, wanted, deps), at)
  const known = decision.outcome === 'created' ? null : decision.row.id
  const likest =
    decision.outcome === 'repeated'
      ? []
      : bestEffort(deps, () => candidatesOf(tx, { ...wanted, id: known }, rowsHoldingIn(deps.store)))
  const row = writeDecision(tx, deps, decision, wanted, author)
  if (decision.outcome !== 'repeated') mergeAfterSave(tx, row.id)
  countToday(tx, 'redactions', at, prepared.redacted.count)
  const candidates = bestEffort(deps, () => noteRelations(tx, deps, row, likest))
  return toSaveResult(
    { row, outcome: decision.outcome, prepared, context, session: session.row, candidates, nowMs },
    session.warnings,
  )
}

const wantedState = (
  deps: EngineDeps,
  prepared: PreparedSave,
  project: string | null,
  sessionId: string,
): SaveState => ({
  session_id: sessionId,
  type: prepared.type,
  title: prepared.title,
  content: prepared.content,
  tool_name: prepared.tool_name,
  project,
  scope: prepared.scope,
  topic_key: prepared.topic_key,
  review_after: reviewAfter(prepared.type, deps.clock.nowMs(), deps.settings.reviewMonths),
  expires_at: prepared.expires_at,
})

function storedFor(tx: WriteTx, wanted: SaveState, deps: EngineDeps) {
  const window = deps.settings.dedupeWindowMs
  const createdFrom = window === 0 ? '' : formatTime(deps.clock.nowMs() - window)
  const same = { ...wanted, normalized_hash: normalisedHash(wanted.content) }
  return {
    byTopic:
      wanted.topic_key === null ? undefined : observationByTopic(tx, wanted.topic_key, wanted.project, wanted.scope),
    byRepeat: observationByRepeat(tx, same, createdFrom),
  }
}

function writeDecision(
  tx: WriteTx,
  deps: EngineDeps,
  decision: SaveDecision,
  wanted: SaveState,
  author: string | null,
): ObservationRow {
  switch (decision.outcome) {
    case 'created':
      return createRow(tx, wanted, author, deps.ids.record('obs'), deps.clock.nowMs())
    case 'repeated':
      return repeatRow(tx, decision.row, deps.clock.nowMs())
    case 'revised':
      return reviseRow(tx, deps, decision.row, wanted, author)
  }
}

function createRow(
  tx: WriteTx,
  wanted: SaveState,
  author: string | null,
  syncId: string,
  nowMs: number,
): ObservationRow {
  const stamp = stampChange(tx, nowMs)
  return insertObservation(tx, {
    ...wanted,
    sync_id: syncId,
    normalized_hash: normalisedHash(wanted.content),
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    created_at: stamp.at,
    updated_at: stamp.at,
    deleted_at: null,
    pinned: 0,
    author,
    confidence: null,
    provenance: null,
    version: versionOf([], fingerprintOf({ ...wanted, deleted: false })),
    ancestors: '[]',
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
}

/** Counted on the row it repeats; no version, no new fingerprint (MEM-304). */
function repeatRow(tx: WriteTx, row: ObservationRow, nowMs: number): ObservationRow {
  const stamp = stampChange(tx, nowMs, row.hlc)
  const repeated: ObservationRow = {
    ...row,
    ...mergeCounters(row, { ...row, last_seen_at: stamp.at, updated_at: stamp.at }),
    duplicate_count: row.duplicate_count + 1,
    change_seq: stamp.changeSeq,
  }
  updateObservationCounters(tx, repeated)
  return repeated
}

/** The state before becomes a version; id and sync id stay (MEM-303). */
function reviseRow(
  tx: WriteTx,
  deps: EngineDeps,
  row: ObservationRow,
  wanted: SaveState,
  author: string | null,
): ObservationRow {
  const now = formatTime(deps.clock.nowMs())
  return editObservation(tx, deps, row, {
    ...wanted,
    topic_key: wanted.topic_key ?? row.topic_key,
    expires_at: expiryAfterSave(row, wanted, now),
    author: author ?? row.author,
    revision_count: row.revision_count + 1,
    last_seen_at: now,
  })
}

/** Relations are a help, no part of a save: what goes wrong there never fails it (MEM-902), but a failing disk does. */
function bestEffort<T>(deps: EngineDeps, work: () => readonly T[]): readonly T[] {
  try {
    return work()
  } catch (error) {
    if (!['', 'SQLITE_ERROR'].includes(sqliteCodeOf(error))) throw error
    deps.log.warn('relations could not be surfaced', { error: error instanceof Error ? error.message : String(error) })
    return []
  }
}

type Saved = {
  readonly row: ObservationRow
  readonly outcome: SaveResult['outcome']
  readonly prepared: PreparedSave
  readonly context: SaveContext
  readonly session: SessionRow
  readonly candidates: readonly RelationCandidate[]
  readonly nowMs: number
}

function toSaveResult(saved: Saved, sessionWarnings: readonly Warning[]): SaveResult {
  const { row, prepared, context } = saved
  const [first] = saved.candidates
  return {
    id: row.id,
    sync_id: row.sync_id,
    outcome: saved.outcome,
    type: row.type,
    title: row.title,
    project: row.project ?? '',
    project_source: context.place.source,
    session_id: saved.session.id,
    state: stateAt(row, saved.nowMs),
    revision_count: row.revision_count,
    duplicate_count: row.duplicate_count,
    ...(row.review_after === null ? {} : { review_after: row.review_after }),
    ...(row.expires_at === null ? {} : { expires_at: row.expires_at }),
    ...(prepared.truncation === undefined ? {} : { truncation: prepared.truncation }),
    redacted: prepared.redacted,
    warnings: [...prepared.warnings, ...context.place.warnings, ...sessionWarnings],
    ...(context.place.available.length === 0 ? {} : { available_projects: context.place.available }),
    ...(prepared.topic_key === null ? { suggested_topic_key: suggestTopicKey(row, sha256Hex) } : {}),
    candidates: saved.candidates,
    judgment_required: first !== undefined,
    ...(first === undefined ? {} : { judgment_status: 'pending' as const, judgment_id: first.judgment_id }),
  }
}
