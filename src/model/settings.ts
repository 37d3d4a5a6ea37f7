import { limits } from './limits.ts'

/** What a user may set in `config.yaml` for the engine (MEM-305, MEM-304, ING-RED-6). */
export type Settings = {
  /** Months until a type is due for review; 0 for none. */
  readonly reviewMonths: Readonly<Record<string, number>>
  /** How far back an exact repeat is recognised, counted from creation; 0 = at any age (MEM-304). */
  readonly dedupeWindowMs: number
  readonly historyKept: number
  readonly durability: 'full' | 'normal'
  /** Most writes of one commit (COL-204). */
  readonly walBatchSize: number
  /** How long after a `normal` answer its fsync follows, in a process that stays (COL-205). */
  readonly walSyncMs: number
  /** Over this size the write-ahead log is moved into the file by force. */
  readonly walBytesForced: number
  /** Idle open sessions end by themselves after this (MEM-707). */
  readonly sessionIdleMs: number
  readonly sessionLeaseMs: number
  /** `bundled`: search by meaning too, where the model is installed; `none`: by words alone (RET-607). */
  readonly embedder: 'bundled' | 'none'
  /** What a lock is granted for when nobody says (COL-1204). */
  readonly lockTtlMs: number
  /** New locks one agent may hold at once (COL-1210). */
  readonly locksPerAgentMax: number
  /** How often the ends of leases are looked for (COL-1207). */
  readonly lockSweepMs: number
  /** How units are searched where a call does not say (COL-1704). */
  readonly unitSearchMode: 'auto' | 'keyword' | 'hybrid'
  /** How soon a unit is searchable, and how many are indexed at once (COL-1703). */
  readonly unitIndexMs: number
  readonly unitIndexBatch: number
  /** Of so many events of the log, the newest, units get vectors (COL-1704). */
  readonly unitVectorsMax: number
  /** What hooks put before an agent: at the start of a session, with each prompt too, or never (MEM-1602). */
  readonly hooksInject: 'none' | 'start' | 'prompt'
  /** Whether the start of a session reads chunks that came with the repository. */
  readonly hooksImport: boolean
}

export const defaultSettings: Settings = {
  reviewMonths: { decision: 6, policy: 12, preference: 3 },
  dedupeWindowMs: 0,
  historyKept: 50,
  durability: 'full',
  walBatchSize: 64,
  walSyncMs: 2,
  walBytesForced: limits.walBytesForced,
  sessionIdleMs: 24 * 3_600_000,
  sessionLeaseMs: 30 * 60_000,
  embedder: 'bundled',
  lockTtlMs: 60_000,
  locksPerAgentMax: 100,
  lockSweepMs: 1_000,
  unitSearchMode: 'auto',
  unitIndexMs: 200,
  unitIndexBatch: 100,
  // A model makes some ten a second on one core: half an hour, where a million would keep it busy for more than a day.
  unitVectorsMax: 20_000,
  hooksInject: 'start',
  hooksImport: true,
}
