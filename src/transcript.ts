/** The transcript store alone: no SQLite is loaded. Used bare it does not redact; pass `redact` (DESIGN §3.6). */
export { JsonlStore } from './transcript/jsonl-store.ts'
export { MemoryTranscriptStore } from './transcript/memory-store.ts'
export type {
  Appended,
  AppendOptions,
  HistoryOptions,
  SessionPage,
  ToolCall,
  TranscriptMessage,
  TranscriptStore,
} from './transcript/store.ts'
