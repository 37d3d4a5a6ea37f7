import type { Observation, Prompt, Relation, Scope, Session } from './records.ts'

/** Words of the sync of chunks (CHK-901): what stands in a manifest, what an export and an import answer. */

export type ChunkEntry = {
  readonly id: string
  readonly created_by: string
  /** RFC 3339; other programs read it as a cut-off (CHK-405). */
  readonly created_at: string
  readonly sessions: number
  readonly memories: number
  readonly prompts: number
  readonly ext?: ChunkEntryExt | undefined
}

export type ChunkEntryExt = {
  /** SHA-256 of the document, 64 hex. */
  readonly hash?: string
  /** Of the document, uncompressed. */
  readonly bytes?: number
  readonly origin?: string
  readonly written_at?: string
  readonly [later: string]: unknown
}

export type Manifest = { readonly version: number; readonly chunks: readonly ChunkEntry[] }

export type Withheld = {
  readonly personal: number
  readonly global: number
  /** Extracted, unsure, and looked at by nobody (EXC-SET-2). */
  readonly weak: number
  /** Would harm a program that reads it (CHK-509). */
  readonly invalid: number
}

export type SyncResult = {
  /** The last one written; left out when none was. */
  readonly chunk_id?: string
  readonly chunks_exported?: number
  readonly sessions_exported: number
  readonly observations_exported: number
  readonly prompts_exported: number
  readonly mutations_exported: number
  readonly is_empty: boolean
  readonly chunk_ids?: readonly string[]
  readonly withheld?: Withheld
  /** Secrets masked on the way out (CHK-510). */
  readonly redacted?: number
  /** Of a dry run: what would leave. */
  readonly rows?: readonly { readonly entity: string; readonly key: string; readonly title: string }[]
}

export type QuarantinedChunk = { readonly id: string; readonly reason: string }

/** A row that was set aside alone (CHK-608); never its text. */
export type QuarantinedRow = {
  readonly chunk: string
  readonly entity: string
  readonly key: string
  readonly reason: string
}

export type ChunkImportResult = {
  readonly chunks_imported: number
  /** Known already, or missing. */
  readonly chunks_skipped: number
  /** Only rows that changed something. */
  readonly sessions_imported: number
  readonly observations_imported: number
  readonly prompts_imported: number
  readonly relations_replayed: number
  readonly relations_deferred: number
  readonly relations_dead: number
  readonly skipped_relations?: readonly string[]
  readonly chunks_missing: number
  readonly chunks_quarantined: number
  readonly rows_quarantined: number
  readonly conflicts_listed: number
  readonly quarantined?: readonly QuarantinedChunk[]
  readonly quarantined_rows?: readonly QuarantinedRow[]
  readonly missing?: readonly string[]
  /** Remarks about the manifest. */
  readonly warnings?: readonly string[]
}

export type SyncStatus = {
  readonly localChunks: number
  readonly remoteChunks: number
  readonly pendingImport: number
  readonly quarantined: readonly QuarantinedChunk[]
  readonly missing: readonly string[]
  /** Records that wait for an export. */
  readonly unexported: number
  readonly summary: string
}

/** CHK-610. */
export type SyncProgress = {
  readonly local: number
  readonly remote: number
  readonly pending: number
  readonly percentage: number
}

// ── what passes between a remote and the store ──

/** `strong`: extracted memories from 0.70 on · `all` · `none`: only what a person or an agent saved, or promoted. */
export type WithAuto = 'strong' | 'all' | 'none'

/** Which records leave (CHK-502, CHK-503). */
export type SyncSelection = {
  /** Null: all projects. */
  readonly project: string | null
  readonly includePersonal: boolean
  readonly withAuto: WithAuto
}

export type Tombstone = {
  readonly entity: 'session' | 'observation' | 'prompt'
  readonly entity_key: string
  readonly project: string
  readonly session_id?: string
  readonly source_inbox_id?: string
  readonly deleted_at: string
  readonly hlc: string
  readonly origin: string
}

/** Another head of an open conflict (CHK-301), as `protocol/record-rows.ts` reads it. */
export type OtherHead = {
  readonly sync_id: string
  readonly version: string
  readonly ancestors: readonly string[]
  readonly hlc: string
  readonly origin: string
  readonly snapshot: Readonly<Record<string, unknown>>
}

/** One record that leaves, in its present state, with the session it needs beside it (CHK-509). */
export type ChangedRecord =
  | { readonly entity: 'session'; readonly seq: number; readonly row: Session }
  | {
      readonly entity: 'observation'
      readonly seq: number
      readonly row: Observation
      readonly session: Session
      readonly heads: readonly OtherHead[]
    }
  | { readonly entity: 'prompt'; readonly seq: number; readonly row: Prompt; readonly session: Session }
  | { readonly entity: 'relation'; readonly seq: number; readonly row: Relation; readonly project: string }
  | { readonly entity: 'tombstone'; readonly seq: number; readonly row: Tombstone }

/** Changes in the order of the change clock. */
export type ChangeWindow = {
  readonly records: readonly ChangedRecord[]
  readonly withheld: Withheld
  readonly redacted: number
  /** Everything up to here was looked at. */
  readonly upTo: number
  readonly isLast: boolean
}

export type IncomingEntity = 'session' | 'observation' | 'version' | 'prompt' | 'relation' | 'tombstone'

/** One record as it came, not read yet. */
export type IncomingRecord = {
  readonly entity: IncomingEntity
  /** What it is called when it is set aside. */
  readonly key: string
  readonly value: unknown
}

/** A row nobody could make a record of. */
export type RefusedRow = IncomingRecord & { readonly reason: string }

export type ChunkState = 'imported' | 'exported' | 'quarantined' | 'missing'

/** What is known of one chunk of one remote (CHK-601, CHK-611). */
export type KnownChunk = {
  readonly id: string
  /** Empty while nobody could read it. */
  readonly hash: string
  readonly state: ChunkState
  readonly reason: string
  /** Size and time of the file when it was set aside: another file is tried again (CHK-701). */
  readonly mark: string
}

export type AcceptedChunk = {
  readonly sessions: number
  readonly observations: number
  readonly prompts: number
  readonly conflicts: number
  readonly redacted: number
  readonly replayed: number
  readonly deferred: number
  readonly dropped: readonly string[]
  readonly refused: readonly RefusedRow[]
}

/** Observations of one session and project. */
export type PreparedPlace = { readonly session_id: string; readonly project: string | null }

/** A chunk made ready for the store, in plain data, so that it passes between threads (CHK-613). */
export type PreparedChunk = {
  /** Of its document. */
  readonly hash: string
  /** Records before its observations and behind them. */
  readonly before: readonly IncomingRecord[]
  readonly behind: readonly IncomingRecord[]
  readonly observations: {
    /** These three as `store/prepared-rows.ts` writes them. */
    readonly rows: Uint8Array<ArrayBuffer>
    readonly count: number
    readonly fixed: readonly (readonly [name: string, value: string | number | null])[]
    readonly places: readonly PreparedPlace[]
    /** By the places that the rows name. */
    readonly facets: readonly {
      readonly project: string | null
      readonly scope: Scope
      readonly created_at: string
    }[]
    readonly authors: readonly (PreparedPlace & { readonly author: string | null })[]
    /** Sync ids of those that have a topic. */
    readonly withTopic: readonly string[]
    /** The latest that came with them, '' for none. */
    readonly hlc: string
    readonly redacted: number
  }
}
