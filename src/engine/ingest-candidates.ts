import type { CandidateOutcome, IngestCommitted } from '../api/ingest.ts'
import type { Parsed } from '../api/operations.ts'
import { limits } from '../model/limits.ts'
import { isBlank } from '../model/text.ts'
import { formatTime, normaliseTime, parseTime } from '../model/times.ts'
import { stampChange } from '../store/change-clock.ts'
import { insertObservation, observationByHash, observationBySyncId } from '../store/observations.ts'
import type { ObservationRow } from '../store/rows.ts'
import { findTombstone } from '../store/tombstones.ts'
import type { WriteTx } from '../store/transaction.ts'
import { suppressionOf } from './delete-observation.ts'
import type { EngineDeps } from './handler.ts'
import type { Filed } from './ingest-prompts.ts'
import type { IngestCleaner } from './ingest-text.ts'
import { parseProvenance } from './rules/provenance.ts'
import { cutText, cutTitle } from './rules/cut.ts'
import { normalisedHash } from './rules/dedupe.ts'
import { reviewAfter } from './rules/review.ts'
import { fingerprintOf, versionOf } from './rules/version.ts'
import { editObservation } from './edit-observation.ts'

type CandidateInput = Parsed<'ingest.commit'>['candidates'][number]

/** A candidate as it may be written. */
type Prepared = {
  readonly given: CandidateInput
  readonly title: string
  readonly content: string
  readonly hash: string
  readonly provenance: Readonly<Record<string, unknown>>
  /** Counts what was masked. */
  readonly keep: () => void
}

/** What the rules found, each under its own identity (ING-EXT-7, ING-EXT-9, ING-EXT-10). */
export function ingestCandidates(
  tx: WriteTx,
  deps: EngineDeps,
  candidates: readonly CandidateInput[],
  filed: Filed,
  cleaner: IngestCleaner,
): IngestCommitted['candidates'] {
  return candidates.map((given) => {
    const prepared = prepare(given, deps, cleaner)
    const outcome = ingestCandidate(tx, deps, prepared, filed)
    if (outcome === 'saved') prepared.keep()
    return { sync_id: given.sync_id, outcome, title: prepared.title }
  })
}

/** What extraction may do to one identity: make it, bring its own work up to date, or leave it alone. */
function ingestCandidate(tx: WriteTx, deps: EngineDeps, candidate: Prepared, filed: Filed): CandidateOutcome {
  const { given, title, content, hash } = candidate
  if (isBlank(content) || isBlank(title)) return 'suppressed'
  if (isSuppressed(tx, hash) || findTombstone(tx, 'observation', given.sync_id) !== undefined) return 'suppressed'
  const known = observationBySyncId(tx, given.sync_id)
  if (known !== undefined) return bringUpToDate(tx, deps, known, candidate)
  const taken = takenOver(tx, given.instead_of ?? [])
  if (taken !== null) return taken
  if (observationByHash(tx, hash, filed.project) !== undefined) return 'repeated'
  insertCandidate(tx, deps, candidate, filed)
  return 'saved'
}

/** What an earlier extraction told in other words, or by another rule, and somebody edited, promoted or deleted since. */
function takenOver(tx: WriteTx, syncIds: readonly string[]): CandidateOutcome | null {
  for (const syncId of syncIds) {
    if (findTombstone(tx, 'observation', syncId) !== undefined) return 'suppressed'
    const row = observationBySyncId(tx, syncId)
    if (row !== undefined && !isOwnWork(row)) return row.deleted_at === null ? 'repeated' : 'suppressed'
  }
  return null
}

const isSuppressed = (tx: WriteTx, hash: string): boolean =>
  tx.get('SELECT 1 FROM ingest_suppressed WHERE fingerprint = ?', suppressionOf(hash)) !== undefined

function prepare(given: CandidateInput, deps: EngineDeps, cleaner: IngestCleaner): Prepared {
  const title = cleaner.clean(given.title)
  const content = cleaner.clean(given.content)
  const { files, commands, ...names } = given.provenance
  const cleanAll = (texts: readonly string[]): readonly string[] => texts.map((text) => cleaner.clean(text).text)
  return {
    given,
    title: cutTitle(title.text).text,
    content: cutText(content.text, limits.contentBytesMax).text,
    hash: normalisedHash(content.text),
    provenance: {
      kind: 'extracted',
      review: 'unreviewed',
      rule: given.rule,
      rule_version: given.rule_version,
      ...names,
      files: cleanAll(files),
      commands: cleanAll(commands),
      extracted_at: formatTime(deps.clock.nowMs()),
    },
    keep: () => {
      cleaner.keep(title)
      cleaner.keep(content)
    },
  }
}

/** Only what extraction wrote and nobody touched is changed. */
function bringUpToDate(tx: WriteTx, deps: EngineDeps, row: ObservationRow, candidate: Prepared): CandidateOutcome {
  const isGone = row.deleted_at !== null
  if (!isOwnWork(row)) return 'untouched'
  const { type } = candidate.given
  const isSame = row.title === candidate.title && row.content === candidate.content && row.type === type
  if (isSame && !isGone && row.confidence === candidate.given.confidence) return 'untouched'
  editOwn(tx, deps, row, {
    type,
    title: candidate.title,
    content: candidate.content,
    confidence: candidate.given.confidence,
    deleted_at: null,
    provenance: candidate.provenance,
  })
  return 'saved'
}

/**
 * The row stands as extraction wrote it: its provenance names the version extraction gave it, and every edit, promotion,
 * deletion or merge makes another. What somebody pinned or saved again is theirs too.
 */
function isOwnWork(row: ObservationRow): boolean {
  const provenance = parseProvenance(row.provenance)
  return (
    provenance?.kind === 'extracted' &&
    provenance['version'] === row.version &&
    row.pinned === 0 &&
    row.duplicate_count === 1
  )
}

type OwnEdit = Partial<Pick<ObservationRow, 'type' | 'title' | 'content' | 'confidence' | 'deleted_at'>> & {
  readonly provenance: Readonly<Record<string, unknown>>
}

/** An edit by extraction itself: the new version's name goes into the provenance, which the name does not cover. */
function editOwn(tx: WriteTx, deps: EngineDeps, row: ObservationRow, change: OwnEdit): void {
  const next = { ...row, ...change }
  const version = versionOf([row.version], fingerprintOf({ ...next, deleted: next.deleted_at !== null }))
  editObservation(tx, deps, row, { ...change, provenance: JSON.stringify({ ...change.provenance, version }) })
}

/** Soft-deletes what extraction no longer gives and nobody touched (ING-EXT-9); answers how many. */
export function withdraw(tx: WriteTx, deps: EngineDeps, syncIds: readonly string[]): number {
  let withdrawn = 0
  for (const syncId of syncIds) {
    const row = observationBySyncId(tx, syncId)
    if (row === undefined || row.deleted_at !== null || !isOwnWork(row)) continue
    const provenance = { ...parseProvenance(row.provenance), withdrawn: true }
    editOwn(tx, deps, row, { deleted_at: formatTime(deps.clock.nowMs()), provenance })
    withdrawn++
  }
  return withdrawn
}

function insertCandidate(tx: WriteTx, deps: EngineDeps, candidate: Prepared, { session, project }: Filed): void {
  const { given } = candidate
  const nowMs = deps.clock.nowMs()
  const stamp = stampChange(tx, nowMs)
  const state = {
    session_id: session.id,
    type: given.type,
    title: candidate.title,
    content: candidate.content,
    tool_name: `ingest/${given.rule}`,
    project,
    scope: 'project' as const,
    topic_key: null,
    review_after: reviewAfter(given.type, nowMs, deps.settings.reviewMonths),
    expires_at: given.expires_at === undefined ? null : normaliseTime(given.expires_at),
  }
  const version = versionOf([], fingerprintOf({ ...state, deleted: false }))
  const createdAt = parseTime(given.created_at) === null ? stamp.at : normaliseTime(given.created_at)
  insertObservation(tx, {
    ...state,
    sync_id: given.sync_id,
    normalized_hash: candidate.hash,
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    created_at: createdAt,
    updated_at: createdAt,
    deleted_at: null,
    pinned: 0,
    author: given.author,
    confidence: given.confidence,
    provenance: JSON.stringify({ ...candidate.provenance, version }),
    version,
    ancestors: '[]',
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
}
