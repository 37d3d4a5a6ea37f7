import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { RelationVerb } from '../model/records.ts'
import { cleanText, cutCodePoints } from '../model/text.ts'
import { stampChange } from '../store/change-clock.ts'
import { observationBySyncId } from '../store/observations.ts'
import { insertRelation, relationById, relationBySyncId, relationsBetween, updateRelation } from '../store/relations.ts'
import type { ObservationRow, RelationRow } from '../store/rows.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { refreshPair } from './heads.ts'
import { requireObservation } from './lookup-observation.ts'
import { cutText } from './rules/cut.ts'

type Deps = Pick<EngineDeps, 'clock' | 'ids' | 'redactor'>

/** The relation a reference names: its sync id, a local number, digits or `#41`. */
export function requireRelation(tx: ReadTx, reference: number | string): RelationRow {
  const digits = typeof reference === 'number' ? reference : Number(/^#?(\d{1,15})$/.exec(reference)?.[1])
  const bySyncId = typeof reference === 'string' ? relationBySyncId(tx, reference) : undefined
  const row = bySyncId ?? (Number.isNaN(digits) ? undefined : relationById(tx, digits))
  if (row !== undefined) return row
  throw new EngramError('not_found', `Unknown relation ${JSON.stringify(reference)}.`, { details: { id: reference } })
}

/** Says what a pair means; judging again overwrites (MEM-904). */
export function judgeRelation(tx: WriteTx, deps: Deps, input: Parsed<'relation.judge'>): RelationRow {
  const row = requireRelation(tx, input.id)
  const [source, target] = [row.source_id, row.target_id].map((end) => requireObservation(tx, end))
  if (source !== undefined && target !== undefined) refuseCrossProject(source, target)
  return putJudgment(tx, deps, row, {
    relation: input.relation,
    reason: cleaned(deps, input.reason),
    evidence: cleaned(deps, input.evidence),
    confidence: Math.min(1, Math.max(0, input.confidence ?? 1)),
    actor: cleaned(deps, input.actor) ?? 'agent',
    kind: cleaned(deps, input.actor_kind) ?? 'agent',
    model: cleaned(deps, input.model),
    sessionId: input.session_id ?? null,
  })
}

/** States the relation of two observations, on the pair's row in either direction, or on a new one (MEM-904). */
export function compareObservations(tx: WriteTx, deps: Deps, input: Parsed<'relation.compare'>): RelationRow {
  const a = requireObservation(tx, input.memory_id_a)
  const b = requireObservation(tx, input.memory_id_b)
  if (a.id === b.id) throw new EngramError('invalid_request', 'Expected two different observations.')
  refuseCrossProject(a, b)
  const [known] = relationsBetween(tx, a.sync_id, b.sync_id)
  // A verb that has a direction is stated from a to b, whichever way the pair was noted.
  const placed =
    known === undefined ? newRelation(deps, a, b) : { ...known, source_id: a.sync_id, target_id: b.sync_id }
  return putJudgment(tx, deps, placed, {
    relation: input.relation,
    reason: cleaned(deps, cutCodePoints(input.reasoning, limits.compareReasoningCharsMax, '')),
    evidence: placed.evidence,
    confidence: input.confidence,
    actor: 'engram',
    kind: 'system',
    model: cleaned(deps, input.model),
    sessionId: input.session_id ?? null,
  })
}

export type Judgment = {
  readonly relation: RelationVerb
  readonly reason: string | null
  readonly evidence: string | null
  readonly confidence: number
  readonly actor: string
  readonly kind: string
  readonly model: string | null
  readonly sessionId: string | null
}

/** Writes a judgment; `supersedes` settles what stood open between two observations of one topic (MEM-509). */
export function putJudgment(
  tx: WriteTx,
  deps: Pick<EngineDeps, 'clock'>,
  row: Omit<RelationRow, 'id'> & { readonly id?: number },
  judgment: Judgment,
): RelationRow {
  const stamp = stampChange(tx, deps.clock.nowMs(), row.hlc)
  const judged = {
    ...row,
    relation: judgment.relation,
    reason: judgment.reason,
    evidence: judgment.evidence,
    confidence: judgment.confidence,
    judgment_status: 'judged' as const,
    marked_by_actor: judgment.actor,
    marked_by_kind: judgment.kind,
    marked_by_model: judgment.model,
    session_id: judgment.sessionId,
    project: observationBySyncId(tx, row.source_id)?.project ?? row.project,
    created_at: row.created_at === '' ? stamp.at : row.created_at,
    updated_at: stamp.at,
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  }
  const written = write(tx, judged)
  refreshPair(tx, new Set([written.source_id, written.target_id]), { at: stamp.at, by: judgment.actor })
  return written
}

function write(tx: WriteTx, row: Omit<RelationRow, 'id'> & { readonly id?: number }): RelationRow {
  if (row.id === undefined) return insertRelation(tx, row)
  const known = { ...row, id: row.id }
  updateRelation(tx, known)
  return known
}

/** A pair nobody has noted yet; the judgment fills in the rest. */
export const newRelation = (
  deps: Pick<EngineDeps, 'ids'>,
  a: ObservationRow,
  b: ObservationRow,
): Omit<RelationRow, 'id'> => ({
  sync_id: deps.ids.record('rel'),
  source_id: a.sync_id,
  target_id: b.sync_id,
  relation: 'related',
  reason: null,
  evidence: null,
  confidence: null,
  judgment_status: 'pending',
  marked_by_actor: null,
  marked_by_kind: null,
  marked_by_model: null,
  session_id: null,
  author: null,
  superseded_at: null,
  superseded_by_relation_sync_id: null,
  project: a.project ?? '',
  created_at: '',
  updated_at: '',
  hlc: '',
  origin: '',
  change_seq: 0,
})

function refuseCrossProject(a: ObservationRow, b: ObservationRow): void {
  if (a.project === b.project) return
  throw new EngramError(
    'cross_project_relation',
    `Observation #${a.id} belongs to ${a.project ?? 'no project'}, #${b.id} to ${b.project ?? 'no project'}.`,
    { details: { projects: [a.project, b.project] } },
  )
}

/** Text through redaction and its limit (MEM-1701); blank is none. */
function cleaned(deps: Pick<EngineDeps, 'redactor'>, text: string | undefined): string | null {
  const clean = deps.redactor.clean(cleanText(text ?? '')).text.trim()
  return clean === '' ? null : cutText(clean, limits.relationTextBytesMax).text
}
