/** The messages of `engram.proto` as they are decoded: what is left out is empty, or absent where the contract says so. */

export type Timestamp = { readonly seconds?: number; readonly nanos?: number }
export type Texts = Readonly<Record<string, string>>

export type RelationshipMessage = { readonly target_id: string; readonly type: number; readonly meta: Texts }

export type CreateWorkUnitRequest = {
  readonly context_id: string
  readonly agent_id: string
  readonly type: number
  readonly meta: Texts
  readonly payload: Uint8Array
  readonly relationships: readonly RelationshipMessage[]
  readonly idempotency_key: string
  readonly expected_last_seq?: number
  readonly fence: { readonly resource_path: string; readonly token: number; readonly require_live: boolean } | null
  readonly content_type: string
  readonly thread_id: string
  readonly unit_id: string
  readonly durability: string
  readonly create_context?: boolean
}

export type GetWorkUnitRequest = { readonly id: string }

export type ListWorkUnitsRequest = {
  readonly context_id: string
  readonly limit: number
  readonly cursor: string
  readonly reverse: boolean
  readonly types: readonly number[]
  readonly agent_ids: readonly string[]
  readonly since: Timestamp | null
  readonly until: Timestamp | null
  readonly meta_filters: Texts
}

export type UpdateContextRequest = {
  readonly id: string
  readonly display_name: string
  readonly add_agents: readonly string[]
  readonly remove_agents: readonly string[]
  readonly pin_units: readonly string[]
  readonly unpin_units: readonly string[]
  readonly meta: Texts
  readonly expected_version?: number
  readonly clear_display_name: boolean
  readonly delete_meta: readonly string[]
  readonly idempotency_key: string
}

export type AcquireLockRequest = {
  readonly resource_path: string
  readonly agent_id: string
  readonly ttl_seconds: number
  readonly ttl_ms: number
  readonly wait_timeout_ms: number
  readonly context_id: string
  readonly mode: number
  readonly idempotency_key: string
  readonly resource_paths: readonly string[]
  readonly meta: Texts
}

export type ReleaseLockRequest = {
  readonly resource_path: string
  readonly agent_id: string
  readonly lock_id: string
  readonly fencing_token: number
}

export type SearchRequest = {
  readonly query: string
  readonly context_id: string
  readonly agent_ids: readonly string[]
  readonly types: readonly number[]
  readonly meta_filters: Texts
  readonly limit: number
  readonly offset: number
  readonly context_ids: readonly string[]
  readonly since: Timestamp | null
  readonly until: Timestamp | null
  readonly related_to: string
  readonly relationship_types: readonly number[]
  readonly mode: number
  readonly min_similarity: number
  readonly include_units: boolean
  readonly after_cursor: string
  readonly cursor: string
}
