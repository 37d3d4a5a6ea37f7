import type { Context, ContextChanges, EventKind, Lock, LoggedKind, WorkUnit } from '../model/live.ts'
import type { Camel } from '../protocol/member-names.ts'

/** Records as a program in TypeScript reads them. */
export type ClientContext = Camel<Context>
export type ClientUnit = Camel<WorkUnit>
export type ClientLock = Camel<Lock>

/** What a subscription gives: something that happened, or something about the stream itself. */
export type ClientEvent = {
  readonly kind: EventKind | 'stream.live' | 'stream.reset' | 'stream.lagged'
  readonly contextId: string
  readonly seq: number
  /** Go on from here. */
  readonly cursor: string
  readonly ts: string
  readonly agentId: string
  readonly unit?: ClientUnit
  readonly context?: ClientContext
  readonly changes?: Camel<ContextChanges>
  readonly lock?: ClientLock
  /** Of `stream.reset`: epoch, retained or ahead. */
  readonly reason?: string
  /** Of `stream.lagged`: so many events were left out. */
  readonly count?: number
}

export type Kinds = readonly EventKind[] | 'all'
export type { LoggedKind }
