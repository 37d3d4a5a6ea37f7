import type { Observation, ObservationExt, Prompt, Relation, Session, SessionSummary } from '../model/records.ts'
import type { ObservationRow, PromptRow, RelationRow, SessionRow } from '../store/rows.ts'
import { parseProvenance } from './rules/provenance.ts'
import { stateAt } from './rules/review.ts'

export { parseProvenance } from './rules/provenance.ts'

/** Rows as records: key order of MEM-203, empty optional keys left out, our extras in `ext`. */

const given = <K extends string, V>(key: K, value: V | null | undefined): { [P in K]?: V } =>
  value === null || value === undefined || value === '' ? {} : ({ [key]: value } as { [P in K]?: V })

export function toObservation(row: ObservationRow, nowMs: number): Observation {
  return {
    id: row.id,
    sync_id: row.sync_id,
    session_id: row.session_id,
    type: row.type,
    title: row.title,
    content: row.content,
    ...given('tool_name', row.tool_name),
    ...given('project', row.project),
    scope: row.scope,
    ...given('topic_key', row.topic_key),
    revision_count: row.revision_count,
    duplicate_count: row.duplicate_count,
    ...given('last_seen_at', row.last_seen_at),
    ...given('review_after', row.review_after),
    created_at: row.created_at,
    updated_at: row.updated_at,
    ...given('deleted_at', row.deleted_at),
    ext: toObservationExt(row, nowMs),
  }
}

export function toObservationExt(row: ObservationRow, nowMs: number): ObservationExt {
  return {
    version: row.version,
    hlc: row.hlc,
    origin: row.origin,
    ...given('author', row.author),
    ...given('expires_at', row.expires_at),
    ...(row.confidence === null ? {} : { confidence: row.confidence }),
    ...given('provenance', parseProvenance(row.provenance)),
    pinned: row.pinned === 1,
    state: stateAt(row, nowMs),
  }
}

export function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    project: row.project,
    ownership_mode: row.ownership_mode,
    directory: row.directory,
    started_at: row.started_at,
    ...given('ended_at', row.ended_at),
    ...given('summary', row.summary),
    ext: {
      hlc: row.hlc,
      origin: row.origin,
      ...given('author', row.agent),
      ...given('ended_by', row.ended_by),
    },
  }
}

export function toSessionSummary(row: SessionRow & { readonly observation_count: number }): SessionSummary {
  return {
    id: row.id,
    project: row.project,
    started_at: row.started_at,
    ...given('ended_at', row.ended_at),
    ...given('summary', row.summary),
    observation_count: row.observation_count,
  }
}

export function toPrompt(row: PromptRow): Prompt {
  return {
    ...given('source_inbox_id', row.source_inbox_id),
    id: row.id,
    sync_id: row.sync_id,
    session_id: row.session_id,
    content: row.content,
    ...given('project', row.project),
    created_at: row.created_at,
    ext: { hlc: row.hlc, origin: row.origin, ...given('author', row.author) },
  }
}

export function toRelation(row: RelationRow): Relation {
  return {
    sync_id: row.sync_id,
    source_id: row.source_id,
    target_id: row.target_id,
    relation: row.relation,
    ...given('reason', row.reason),
    ...given('evidence', row.evidence),
    ...(row.confidence === null ? {} : { confidence: row.confidence }),
    judgment_status: row.judgment_status,
    ...given('marked_by_actor', row.marked_by_actor),
    ...given('marked_by_kind', row.marked_by_kind),
    ...given('marked_by_model', row.marked_by_model),
    ...given('session_id', row.session_id),
    ...given('superseded_at', row.superseded_at),
    ...given('superseded_by_relation_sync_id', row.superseded_by_relation_sync_id),
    created_at: row.created_at,
    updated_at: row.updated_at,
    ext: { hlc: row.hlc, origin: row.origin, ...given('author', row.author) },
  }
}
