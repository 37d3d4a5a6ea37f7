import type { JudgmentStatus, OwnershipMode, RelationVerb, Scope } from '../model/records.ts'

/** Rows as SQLite holds them: one field per column of the schema, null where a column may be empty. */

export type SessionRow = {
  readonly number: number
  readonly id: string
  readonly project: string
  readonly ownership_mode: OwnershipMode
  readonly directory: string
  readonly started_at: string
  readonly ended_at: string | null
  readonly summary: string | null
  /** `ingest` while the summary is one we made ourselves (ING-SES-3). */
  readonly summary_by: string | null
  readonly agent: string | null
  readonly ended_by: string | null
  readonly isolated: 0 | 1
  readonly lease_until_ms: number
  readonly agent_pid: number | null
  readonly last_activity_ms: number
  readonly hlc: string
  readonly origin: string
  readonly change_seq: number
}

export type ObservationRow = {
  readonly id: number
  readonly sync_id: string
  readonly session_id: string
  readonly type: string
  readonly title: string
  readonly content: string
  readonly tool_name: string | null
  readonly project: string | null
  readonly scope: Scope
  readonly topic_key: string | null
  readonly normalized_hash: string
  readonly revision_count: number
  readonly duplicate_count: number
  readonly last_seen_at: string | null
  readonly review_after: string | null
  readonly expires_at: string | null
  readonly created_at: string
  readonly updated_at: string
  readonly deleted_at: string | null
  readonly pinned: 0 | 1
  readonly author: string | null
  readonly confidence: number | null
  /** JSON object. */
  readonly provenance: string | null
  readonly version: string
  /** JSON array of versions, newest first. */
  readonly ancestors: string
  readonly hlc: string
  readonly origin: string
  readonly change_seq: number
}

export type PromptRow = {
  readonly id: number
  readonly sync_id: string
  readonly session_id: string
  readonly content: string
  readonly project: string | null
  readonly source_inbox_id: string | null
  readonly author: string | null
  readonly created_at: string
  readonly hlc: string
  readonly origin: string
  readonly change_seq: number
}

export type RelationRow = {
  readonly id: number
  readonly sync_id: string
  readonly source_id: string
  readonly target_id: string
  readonly relation: RelationVerb
  readonly reason: string | null
  readonly evidence: string | null
  readonly confidence: number | null
  readonly judgment_status: JudgmentStatus
  readonly marked_by_actor: string | null
  readonly marked_by_kind: string | null
  readonly marked_by_model: string | null
  readonly session_id: string | null
  readonly author: string | null
  readonly superseded_at: string | null
  readonly superseded_by_relation_sync_id: string | null
  readonly project: string
  readonly created_at: string
  readonly updated_at: string
  readonly hlc: string
  readonly origin: string
  readonly change_seq: number
}

export type VersionRow = {
  readonly number: number
  readonly sync_id: string
  readonly version: string
  /** JSON array. */
  readonly parents: string
  /** JSON array, newest first. */
  readonly ancestors: string
  readonly fingerprint: string
  /** JSON of the state's fields; '' once pruned. */
  readonly snapshot: string
  readonly hlc: string
  readonly origin: string
  readonly head: 0 | 1
  readonly captured_at: string
}

export type TombstoneRow = {
  readonly entity: 'session' | 'observation' | 'prompt'
  readonly entity_key: string
  readonly project: string | null
  readonly session_id: string | null
  readonly source_inbox_id: string | null
  readonly deleted_at: string
  readonly hard: 0 | 1
  readonly hlc: string
  readonly origin: string
  readonly change_seq: number
}
