import type { Context, ContextStatus, Fence, Lock, LoggedKind, Meta, Relationship, WorkUnitType } from './live.ts'
import type { From } from './live-feed.ts'
import type { Durability, WriteTerms } from './operation.ts'

/**
 * The log of all contexts, and the locks whose events stand in it (COL-201).
 *
 * - L1 a commit is visible whole or not at all · L2 `seq` has no holes within a context; `gseq` grows over all of them.
 * - L3 the answer names the durability reached · L4 after the answer every read of this store sees it.
 * - L5 the same idempotency key or unit id gives the first result again, with no second effect.
 * - L6 conditions (`expectedLastSeq`, `expectedVersion`, fence, archived) are decided in the same atomic step.
 * - L7 the fencing tokens of a resource only grow, for ever.
 * - L8 readers are right with every hint lost · L9 pages beside writers neither skip nor repeat.
 * - L10 the epoch changes exactly when history was lost or put back.
 *
 * Rejects with EngramError: context_not_found, context_archived, id_conflict, sequence_mismatch, version_mismatch,
 * fenced, idempotency_mismatch, lock_*, cursor_gone, invalid_cursor, and what the store says of the disk.
 */
export interface LogStore {
  readonly epoch: number
  append(commit: Commit): Promise<Committed>
  read(range: LogRange): Promise<LogPage>
  /** Where reading begins for a cursor, a word or a number of events. */
  place(contexts: readonly string[] | 'all', from: From): Promise<LogPlace>
  /** The cursor after an event of one context. */
  cursorOf(contextId: string, seq: number): string
  /** First and last `seq` kept of a context (0, 0 when there is none); of all contexts as `gseq`. */
  bounds(contextId?: string): Promise<LogBounds>
  /** Undefined when there is none. */
  context(id: string): Promise<Context | undefined>
  contexts(filter: ContextFilter): Promise<ContextPage>
  unit(id: string): Promise<StoredEvent | undefined>
  lock(step: LockStep): Promise<LockOutcome>
  /** The live lease of a resource. */
  heldLock(resourcePath: string): Promise<Lock | undefined>
  locks(filter: LockFilter): Promise<LockPage>
  /** Calls `hint` when there may be something new to read; it may be lost, doubled or for nothing. */
  watch(hint: LogHint, signal: AbortSignal): void
  close(): Promise<void>
}

/** Told of what one commit has written, where it is at hand: whoever stands directly before that need not read it. */
export type LogHint = (written?: readonly StoredEvent[]) => void

/** One write to one context: all its steps or none. */
export type Commit = WriteTerms & {
  readonly contextId: string
  /** `existing`: it must be there · `upsert`: made when missing · `new`: it must not be there. */
  readonly context: 'existing' | 'upsert' | 'new'
  readonly agentId: string
  /** 1 to 1,000. */
  readonly steps: readonly CommitStep[]
  /** The context's last `seq`; 0: it must not exist yet. */
  readonly expectedLastSeq?: number
  readonly expectedVersion?: number
  readonly fence?: Fence
  readonly idempotency?: IdempotencyKey
}

export type CommitStep =
  | { readonly kind: 'unit'; readonly unit: NewUnit }
  | { readonly kind: 'patch'; readonly patch: ContextPatch }
  | { readonly kind: 'archive' }
  | { readonly kind: 'restore' }

/** A unit before it has its place. */
export type NewUnit = {
  /** UUID. */
  readonly id: string
  /** Whether the caller chose the id: then the same unit again is a duplicate, not an error (COL-1303). */
  readonly isOwnId: boolean
  readonly type: WorkUnitType
  readonly meta: Meta
  readonly payload?: string
  readonly payload_base64?: string
  readonly content_type?: string
  readonly relationships: readonly Relationship[]
  readonly thread_id?: string
}

/** Applied in this order: name, add agents, remove agents, pin, unpin, merge meta (COL-1401). */
export type ContextPatch = {
  /** Empty leaves it, null clears it. */
  readonly displayName?: string | null
  readonly addAgents?: readonly string[]
  readonly removeAgents?: readonly string[]
  readonly pinUnits?: readonly string[]
  readonly unpinUnits?: readonly string[]
  /** Null deletes the key. */
  readonly meta?: Readonly<Record<string, string | null>>
}

/** Kept 24 hours for a success; scope is agent and operation (COL-1301). */
export type IdempotencyKey = {
  readonly agentId: string
  readonly operation: string
  readonly key: string
  /** SHA-256 of operation, path and body. */
  readonly fingerprint: string
}

export type Committed = {
  /** In order; the units of a duplicate are the stored ones. */
  readonly events: readonly StoredEvent[]
  /** The context after the commit; on a replay, as it was answered. Null for commits of units alone. */
  readonly context: Context | null
  /** Whether the context was made by this commit. */
  readonly isNewContext: boolean
  /** Every unit was there already, under an id its caller chose. */
  readonly isDuplicate: boolean
  /** The answer of an earlier call with the same idempotency key. */
  readonly isReplayed: boolean
  readonly durability: Durability
}

/** One row of the log. `body` is its `/v1` JSON as stored: the unit of `unit.created`, else the event's `data`. */
export type StoredEvent = {
  readonly kind: LoggedKind
  readonly contextId: string
  readonly seq: number
  readonly gseq: number
  readonly tsMs: number
  readonly agentId: string
  /** Of units. */
  readonly unitType: WorkUnitType | null
  readonly body: string
}

/** Rows after (or with `reverse` before) a place. `after` counts `seq` with one context, `gseq` with several or all. */
export type LogRange = {
  readonly contexts: readonly string[] | 'all'
  /** Exclusive; forward from the beginning and backward from the end when left out. */
  readonly from?: number
  readonly limit: number
  /** A page ends before it holds more, one event excepted; 16 MiB when left out. */
  readonly bytesMax?: number
  readonly reverse?: boolean
  readonly kinds?: readonly LoggedKind[]
  readonly types?: readonly WorkUnitType[]
  readonly agents?: readonly string[]
  readonly meta?: Meta
  readonly sinceMs?: number
  readonly untilMs?: number
}

export type LogPage = {
  readonly events: readonly StoredEvent[]
  /** The place to go on from: past what the filter left out, too. */
  readonly next: number
  /** Nothing more stood in that direction. */
  readonly isAtEnd: boolean
}

/** After this event: in the order of all, and within the one context where there is just one (else 0). */
export type LogPlace = { readonly gseq: number; readonly seq: number }

export type LogBounds = { readonly earliest: number; readonly latest: number }

export type ContextSort = 'updated' | 'created' | 'id'

export type ContextFilter = {
  readonly prefix?: string
  readonly agentId?: string
  readonly status?: ContextStatus
  readonly sort: ContextSort
  readonly limit: number
  readonly cursor?: string
}
export type ContextPage = { readonly contexts: readonly Context[]; readonly nextCursor: string }

/** Whoever waits for a lock and gives up leaves the line and is never granted. */
export type LockStep =
  | (WriteTerms & {
      readonly kind: 'acquire'
      readonly resourcePath: string
      readonly agentId: string
      readonly ttlMs: number
      readonly lockId: string
      readonly contextId?: string
      readonly meta: Meta
      readonly locksPerAgentMax: number
      /** How long to stand in line; 0: not at all. */
      readonly waitTimeoutMs: number
      readonly idempotency?: IdempotencyKey
    })
  | (WriteTerms & {
      readonly kind: 'renew'
      readonly resourcePath: string
      readonly agentId: string
      readonly lockId: string
      /** The lease's own when left out. */
      readonly ttlMs?: number
      readonly idempotency?: IdempotencyKey
    })
  | (WriteTerms & {
      readonly kind: 'release'
      readonly resourcePath: string
      readonly agentId: string
      readonly lockId: string
      readonly idempotency?: IdempotencyKey
    })
  /** Logs what ran out; `resourcePath` alone or all. */
  | { readonly kind: 'expire'; readonly resourcePath?: string }

export type LockOutcome = {
  readonly lock: Lock | null
  readonly isReplayed: boolean
  /** For `expire`: leases whose end was logged. */
  readonly expired: number
  /** For `acquire`: whether the live holder asked again and was extended. */
  readonly isExtended: boolean
}

export type LockFilter = {
  readonly prefix?: string
  readonly agentId?: string
  readonly contextId?: string
  readonly limit: number
  readonly cursor?: string
}
export type LockPage = { readonly locks: readonly Lock[]; readonly nextCursor: string }
