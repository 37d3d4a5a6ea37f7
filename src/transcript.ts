/** The transcript store alone: no SQLite is loaded. Used bare it does not redact; pass `redact` (DESIGN §3.6). */
export { JsonlStore } from './transcript/jsonl-store.ts'
export { MemoryTranscriptStore } from './transcript/memory-store.ts'
export { migrateFromJson } from './transcript/migrate-json.ts'
export { migrateLayout } from './transcript/migrate-layout.ts'
export type { ImportOutcome, ImportedSession, SessionImporter } from './transcript/import-session.ts'
export type { BadLine, Inspection } from './transcript/inspect.ts'
export type { JsonlStoreOptions } from './transcript/jsonl-store.ts'
export type { LayoutName } from './transcript/layout.ts'
export type { MemoryStoreOptions } from './transcript/memory-store.ts'
export type { MigratedFile, MigrateOptions } from './transcript/migrate-json.ts'
export type { MigrateLayoutOptions } from './transcript/migrate-layout.ts'
export type { ResolvedKey, SessionMeta } from './transcript/session-meta.ts'
export type { CopiedSession } from './transcript/raw-session.ts'
export type {
  AppendOptions,
  Appended,
  CallOptions,
  CompactOptions,
  HistoryOptions,
  ListOptions,
  SessionListing,
  SessionPage,
  ToolCall,
  TranscriptMessage,
  TranscriptStore,
} from './transcript/store.ts'
