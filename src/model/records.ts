/**
 * The records of memory as every face sees them (MEM-203). Key order here is the order on the wire. Optional keys are
 * left out when empty. What is ours alone stands in one last key, `ext` (MEM-204).
 */

export type Scope = 'project' | 'personal' | 'global'
export type OwnershipMode = 'shared' | 'project_owned'

/** MEM-205: anything else becomes `project`. */
export const scopes: readonly Scope[] = ['project', 'personal', 'global']

export const toScope = (text: string | null | undefined): Scope =>
  scopes.find((scope) => scope === text?.trim().toLowerCase()) ?? 'project'

export type Session = {
  readonly id: string
  readonly project: string
  readonly ownership_mode?: OwnershipMode
  readonly directory: string
  readonly started_at: string
  readonly ended_at?: string
  readonly summary?: string
  readonly ext?: SessionExt
}

export type SessionExt = {
  readonly hlc?: string
  readonly origin?: string
  readonly author?: string
  readonly ended_by?: string
}

export type SessionSummary = {
  readonly id: string
  readonly project: string
  readonly started_at: string
  readonly ended_at?: string
  readonly summary?: string
  readonly observation_count: number
}

export type Observation = {
  readonly id: number
  readonly sync_id: string
  readonly session_id: string
  readonly type: string
  readonly title: string
  readonly content: string
  readonly tool_name?: string
  readonly project?: string
  readonly scope: Scope
  readonly topic_key?: string
  readonly revision_count: number
  readonly duplicate_count: number
  readonly last_seen_at?: string
  readonly review_after?: string
  readonly created_at: string
  readonly updated_at: string
  readonly deleted_at?: string
  readonly ext?: ObservationExt
}

/** `needs_review`: its review date has come. `expired`: hidden from search and context (MEM-404, MEM-405). */
export type ObservationState = 'active' | 'needs_review' | 'expired'

export type ObservationExt = {
  readonly version?: string
  readonly ancestors?: readonly string[]
  readonly hlc?: string
  readonly origin?: string
  readonly author?: string
  readonly expires_at?: string
  readonly confidence?: number
  readonly provenance?: Provenance
  readonly pinned?: boolean
  readonly state?: ObservationState
  /** Ids of open conflicts about it. */
  readonly conflicts?: readonly string[]
}

/** Where an observation that nobody typed came from (ING-EXT-7). Free-form beyond the fields read here. */
export type Provenance = {
  readonly kind: 'extracted' | 'llm' | 'curated'
  readonly review?: 'unreviewed' | 'promoted'
  readonly rule?: string
  readonly agent?: string
  readonly session_id?: string
  readonly transcript_key?: string
  readonly files?: readonly string[]
  readonly commands?: readonly string[]
  readonly [extra: string]: unknown
}

export type Prompt = {
  readonly source_inbox_id?: string
  readonly id: number
  readonly sync_id: string
  readonly session_id: string
  readonly content: string
  readonly project?: string
  readonly created_at: string
  readonly ext?: { readonly hlc?: string; readonly origin?: string; readonly author?: string }
}

export const relationVerbs = [
  'related',
  'compatible',
  'scoped',
  'conflicts_with',
  'supersedes',
  'not_conflict',
] as const
export type RelationVerb = (typeof relationVerbs)[number]

export const judgmentStatuses = ['pending', 'judged', 'orphaned', 'ignored'] as const
export type JudgmentStatus = (typeof judgmentStatuses)[number]

/** A judged or pending edge between two observations, named by their sync ids (MEM-901). */
export type Relation = {
  readonly sync_id: string
  readonly source_id: string
  readonly target_id: string
  readonly relation: RelationVerb
  readonly reason?: string
  readonly evidence?: string
  readonly confidence?: number
  readonly judgment_status: JudgmentStatus
  readonly marked_by_actor?: string
  readonly marked_by_kind?: string
  readonly marked_by_model?: string
  readonly session_id?: string
  readonly superseded_at?: string
  readonly superseded_by_relation_sync_id?: string
  readonly created_at: string
  readonly updated_at: string
  readonly ext?: { readonly hlc?: string; readonly origin?: string; readonly author?: string }
}

/** One kept state of an observation (MEM-510); both field sets of the Go program's eras in one object. */
export type ObservationVersion = {
  readonly version_id: string
  readonly id: number
  readonly observation_id: number
  readonly session_id: string
  readonly type: string
  readonly title: string
  readonly content: string
  readonly tool_name?: string
  readonly project?: string
  readonly scope: Scope
  readonly topic_key?: string
  readonly revision_count: number
  readonly version: number
  readonly is_baseline: boolean
  readonly history_complete: boolean
  readonly captured_at: string
  readonly created_at: string
  readonly ext?: { readonly head: boolean; readonly author?: string; readonly hlc: string; readonly origin: string }
}

export type ConflictKind = 'edit' | 'edit_delete' | 'edited_after_delete' | 'same_topic'

/** Two versions of one memory made without knowing of each other (MEM-509). */
export type VersionConflict = {
  readonly id: string
  readonly kind: ConflictKind
  readonly sync_id: string
  readonly other_sync_id?: string
  readonly project?: string
  readonly title: string
  readonly heads: readonly ConflictHead[]
  readonly detected_at: string
  readonly settled_version?: string
  readonly settled_at?: string
  readonly settled_by?: string
}

export type ConflictHead = {
  readonly version: string
  readonly sync_id: string
  readonly title: string
  readonly content: string
  readonly deleted: boolean
  readonly author?: string
  readonly origin: string
  readonly hlc: string
  readonly current: boolean
}

/** The outcome of a save, always named (MEM-307). */
export type SaveOutcome = 'created' | 'repeated' | 'revised' | 'queued'

export type Truncation = {
  readonly original_bytes: number
  readonly limit_bytes: number
  readonly truncated: boolean
}

/** What redaction took out: how many places and which kinds, never the text. */
export type Redacted = { readonly count: number; readonly kinds: readonly string[] }

export const projectSources = [
  'config',
  'git_remote',
  'git_root',
  'git_child',
  'ambiguous',
  'dir_basename',
  'explicit_override',
  'process_override',
  'session_project',
  'stored_project',
  'all_projects',
  'request_body',
  'user_selected_after_ambiguous_project',
] as const
export type ProjectSource = (typeof projectSources)[number]

/** A named, harmless irregularity that the caller should see. */
export type Warning = {
  readonly code: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}
