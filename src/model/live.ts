/**
 * The records of the live engine as `/v1` shows them (COL-101 … COL-106). Names are those of the wire, key order too;
 * optional keys are left out when empty.
 */

/** Place in the list = number on the wire (COL-103). */
export const workUnitTypes = [
  'UNKNOWN',
  'MESSAGE',
  'REASONING',
  'TOOL_CALL',
  'TOOL_RESULT',
  'FILE_CHANGE',
  'TASK_STATUS',
  'ERROR',
  'SYSTEM',
] as const
export type WorkUnitType = (typeof workUnitTypes)[number]

export const relationshipTypes = [
  'UNSPECIFIED',
  'SEQUENTIAL',
  'CAUSES',
  'DEPENDS_ON',
  'REFERENCES',
  'RESPONDS_TO',
  'MODIFIES',
  'REPLACES',
] as const
export type RelationshipType = (typeof relationshipTypes)[number]

/** A type as its number, the digits of it, or its name in any case; null for anything else (COL-403). */
export const toWorkUnitType = (given: string | number): WorkUnitType | null =>
  typeNamed(workUnitTypes, typeof given === 'string' && /^func_call$/i.test(given) ? 'TOOL_CALL' : given)

export const toRelationshipType = (given: string | number): RelationshipType | null =>
  typeNamed(relationshipTypes, given)

function typeNamed<Name extends string>(names: readonly Name[], given: string | number): Name | null {
  if (typeof given === 'number') return names[given] ?? null
  if (/^\d{1,2}$/.test(given)) return names[Number(given)] ?? null
  return names.find((name) => name === given.toUpperCase()) ?? null
}

export type Meta = Readonly<Record<string, string>>

export type Relationship = {
  readonly target_id: string
  readonly type: RelationshipType
  readonly meta: Meta
}

/** One immutable record in a context's log. Exactly one of `payload` (valid UTF-8) and `payload_base64` is there. */
export type WorkUnit = {
  readonly id: string
  readonly context_id: string
  readonly agent_id: string
  readonly type: WorkUnitType
  /** RFC 3339, UTC, milliseconds. */
  readonly ts: string
  readonly meta: Meta
  readonly payload?: string
  readonly payload_base64?: string
  readonly content_type?: string
  readonly relationships: readonly Relationship[]
  readonly thread_id?: string
  readonly seq: number
  readonly gseq: number
  readonly cursor: string
}

export type ContextStatus = 'active' | 'archived'

/** A shared room. Its id is compared byte by byte; ids that begin with `$` are ours. */
export type Context = {
  readonly id: string
  readonly display_name: string
  readonly agent_ids: readonly string[]
  readonly pinned_units: readonly string[]
  readonly meta: Meta
  readonly created_at: string
  readonly updated_at: string
  /** Grows by one per change. */
  readonly version: number
  readonly status: ContextStatus
  /** 0 when nothing is kept. */
  readonly last_seq: number
  readonly earliest_seq: number
  readonly created_by: string
}

/** What one change of a context changed (COL-105); only what changed is named. */
export type ContextChanges = {
  readonly display_name?: string
  readonly agents_added?: readonly string[]
  readonly agents_removed?: readonly string[]
  readonly pinned?: readonly string[]
  readonly unpinned?: readonly string[]
  readonly meta_set?: Meta
  readonly meta_deleted?: readonly string[]
}

/** Where locks without a context of their own write their events (COL-1207). */
export const locksContextId = '$locks'

/** A lease as its holder and everybody else see it (COL-1202). */
export type Lock = {
  readonly resource_path: string
  readonly holder_agent: string
  readonly lock_id: string
  readonly expires_at: string
  /** Grows with every new grant of the resource, for ever. */
  readonly fencing_token: number
  readonly ttl_ms: number
  /** Left when this was answered: a client needs no clock of its own. */
  readonly remaining_ms: number
  readonly server_time: string
  readonly acquired_at: string
  readonly context_id?: string
  readonly meta: Meta
}

/** Kept in the log, with a number each (COL-105). */
export const loggedKinds = [
  'unit.created',
  'context.created',
  'context.updated',
  'context.archived',
  'context.restored',
  'lock.acquired',
  'lock.released',
  'lock.expired',
] as const
export type LoggedKind = (typeof loggedKinds)[number]

/** Sent to whoever listens now and asked for the kind; never in the log. */
export const liveKinds = ['lock.renewed', 'lock.waiting'] as const
export type LiveKind = (typeof liveKinds)[number]

export type EventKind = LoggedKind | LiveKind

/** What an event carries: `{unit}`, `{context, changes?}` or `{lock}`. */
export type EventData = {
  readonly unit?: WorkUnit
  readonly context?: Context
  readonly changes?: ContextChanges
  readonly lock?: Lock
}

/** Anything in a context's log as `/v1` shows it (COL-106). Live-only events have neither `seq` nor `gseq` nor `cursor`. */
export type LiveEvent = {
  readonly kind: EventKind
  readonly context_id: string
  readonly seq?: number
  readonly gseq?: number
  readonly cursor?: string
  readonly ts: string
  readonly agent_id: string
  readonly data: EventData
}

/** A guarded write: `token` must be the last one granted for the resource (COL-1206). */
export type Fence = {
  readonly resource_path: string
  readonly token: number
  /** Also refuses when the lease is over. */
  readonly require_live?: boolean
}
