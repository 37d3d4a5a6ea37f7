import type { Context, LoggedKind, WorkUnitType } from '../model/live.ts'
import type { StoredEvent } from '../model/log-store.ts'
import { type ContextRow, contextState, insertContext, toContext } from '../store/contexts.ts'
import { insertLogRow, lastGseq } from '../store/log.ts'
import type { WriteTx } from '../store/transaction.ts'
import { forgetEnds, type LogEnd, type LogGround } from './log-ground.ts'
import type { Patchable } from './rules/context-patch.ts'

/** The end of one context's log inside one transaction: `add` gives each event its place (COL-104, COL-107). */
export type ContextLog = {
  readonly id: string
  readonly number: number
  readonly status: string
  /** Of its last event; 0 before the first. */
  readonly lastSeq: number
  add(event: NewEvent): StoredEvent
}

/** Where and when an event stands: its body may say so itself. */
export type Place = { readonly seq: number; readonly gseq: number; readonly tsMs: number; readonly cursor: string }

export type NewEvent = {
  readonly kind: LoggedKind
  readonly agentId: string
  readonly unitId?: string
  readonly unitType?: WorkUnitType
  readonly body: (place: Place) => string
}

/** The log of a context that exists. */
export function openContextLog(tx: WriteTx, ground: LogGround, id: string): ContextLog | undefined {
  const { ends } = ground
  const last = lastGseq(tx)
  if (last !== ends.gseq || ends.byContext.size > endsMax) {
    forgetEnds(ends)
    ends.gseq = last
  }
  const known = ends.byContext.get(id)
  if (known !== undefined) return contextLog(tx, ground, id, known)
  const state = contextState(tx, id)
  if (state === undefined) return undefined
  const { number, status, last_seq: lastSeq, last_ms: lastMs } = state
  return contextLog(tx, ground, id, { number, status, lastSeq, lastMs })
}

const endsMax = 10_000

function contextLog(tx: WriteTx, ground: LogGround, id: string, first: LogEnd): ContextLog {
  let end = first
  return {
    id,
    number: end.number,
    status: end.status,
    get lastSeq() {
      return end.lastSeq
    },
    add: (event) => {
      const seq = end.lastSeq + 1
      const tsMs = Math.max(ground.clock.nowMs(), end.lastMs)
      const gseq = ground.ends.gseq + 1
      const body = event.body({ seq, gseq, tsMs, cursor: ground.cursorOf(id, seq) })
      const { kind, agentId, unitId = null, unitType = null } = event
      insertLogRow(tx, { gseq, context: end.number, seq, kind, tsMs, agentId, unitId, unitType, body })
      end = { ...end, lastSeq: seq, lastMs: tsMs, status: statusAfter(kind) ?? end.status }
      ground.ends.gseq = gseq
      ground.ends.byContext.set(id, end)
      return { kind, contextId: id, seq, gseq, tsMs, agentId, unitType, body }
    },
  }
}

const statusAfter = (kind: LoggedKind): string | null =>
  kind === 'context.archived' ? 'archived' : kind === 'context.restored' ? 'active' : null

export type CreatedContext = { readonly log: ContextLog; readonly context: Context; readonly event: StoredEvent }

/** A new context: its first event has seq 1 (COL-106). */
export function createContext(
  tx: WriteTx,
  ground: LogGround,
  id: string,
  agentId: string,
  first: Patchable,
): CreatedContext {
  const nowMs = ground.clock.nowMs()
  const row = rowOf(first, { id, created_ms: nowMs, updated_ms: nowMs, created_by: agentId, version: 1 })
  const number = insertContext(tx, row)
  const log = contextLog(tx, ground, id, { number, status: 'active', lastSeq: 0, lastMs: 0 })
  const context = toContext(row, { last: 1, earliest: 1 })
  const event = log.add({ kind: 'context.created', agentId, body: () => JSON.stringify({ context }) })
  return { log, context, event }
}

type RowHead = Pick<ContextRow, 'id' | 'created_ms' | 'updated_ms' | 'created_by' | 'version'>

export const rowOf = (content: Patchable, head: RowHead, status = 'active'): Omit<ContextRow, 'number'> => ({
  ...head,
  status,
  display_name: content.displayName,
  agent_ids: JSON.stringify(content.agentIds),
  pinned_units: JSON.stringify(content.pinnedUnits),
  meta: JSON.stringify(content.meta),
})
