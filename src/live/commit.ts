import { EngramError } from '../model/errors.ts'
import { relationshipTypes, type Context } from '../model/live.ts'
import type { Commit, CommitStep, Committed, NewUnit, StoredEvent } from '../model/log-store.ts'
import type { Durability } from '../model/operation.ts'
import { type ContextRow, contextRow, findContext, toContext, updateContext } from '../store/contexts.ts'
import { keepAnswer, keptAnswer } from '../store/idempotency.ts'
import { lockRow } from '../store/locks.ts'
import { eventByGseq, eventByUnit, insertUnitRelation } from '../store/log.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { type ContextLog, createContext, openContextLog, rowOf } from './context-log.ts'
import { leaseNow, type LogGround } from './log-ground.ts'
import { applyPatch, emptyContext, type Patchable } from './rules/context-patch.ts'
import { decideFence } from './rules/lease.ts'
import { isSameUnit, type PreparedUnit, prepareUnit } from './unit-body.ts'

/** A commit whose units are written out already: inside the transaction only their places are added. */
export type PreparedCommit = Commit & { readonly units: readonly PreparedUnit[]; readonly bytes: number }

export function prepareCommit(commit: Commit): PreparedCommit {
  const units = commit.steps.flatMap((step) =>
    step.kind === 'unit' ? [prepareUnit(commit.contextId, commit.agentId, step.unit)] : [],
  )
  return { ...commit, units, bytes: units.reduce((sum, unit) => sum + unit.head.length + unit.tail.length, 0) }
}

/** All of a commit, in the transaction that stores it: replay, duplicates, conditions, then its events. */
export function runCommit(tx: WriteTx, ground: LogGround, commit: PreparedCommit, durability: Durability): Committed {
  const nowMs = ground.clock.nowMs()
  const kept = commit.idempotency === undefined ? null : keptAnswer(tx, commit.idempotency, nowMs)
  if (kept !== null) return revive(tx, kept, durability)
  const log = openContextLog(tx, ground, commit.contextId)
  const committed = duplicateOf(tx, commit, durability) ?? apply(tx, ground, commit, log, durability)
  if (commit.idempotency !== undefined) keepAnswer(tx, commit.idempotency, keptText(committed), nowMs)
  return committed
}

function apply(
  tx: WriteTx,
  ground: LogGround,
  commit: PreparedCommit,
  found: ContextLog | undefined,
  durability: Durability,
): Committed {
  admit(commit, found)
  checkConditions(tx, ground, commit, found)
  const events: StoredEvent[] = []
  let context: Context | null = null
  const created = found === undefined ? create(tx, ground, commit) : null
  if (created !== null) {
    events.push(created.event)
    context = created.context
  }
  const log = created?.log ?? found
  if (log === undefined) throw notFound(commit.contextId)
  let unit = 0
  for (const step of commit.steps) {
    if (step.kind === 'unit') {
      const prepared = commit.units[unit++]
      if (prepared !== undefined) events.push(addUnit(tx, log, commit.agentId, step.unit, prepared))
    } else if (created === null) {
      const changed = change(tx, ground, log, commit.agentId, step)
      if (changed.event !== null) events.push(changed.event)
      context = changed.context
    }
  }
  return { events, context, isNewContext: created !== null, isDuplicate: false, isReplayed: false, durability }
}

const notFound = (id: string): EngramError =>
  new EngramError('context_not_found', `There is no context ${JSON.stringify(id)}.`, { details: { context_id: id } })

function admit(commit: Commit, found: ContextLog | undefined): void {
  const details = { context_id: commit.contextId }
  if (found === undefined) {
    if (commit.context === 'existing') throw notFound(commit.contextId)
    return
  }
  if (commit.context === 'new') {
    throw new EngramError('id_conflict', `The context ${JSON.stringify(commit.contextId)} exists already.`, { details })
  }
  const isStatus = commit.steps.every(({ kind }) => kind === 'archive' || kind === 'restore')
  if (found.status === 'archived' && !isStatus) {
    throw new EngramError('context_archived', `The context ${JSON.stringify(commit.contextId)} is archived.`, {
      details,
    })
  }
}

function checkConditions(tx: ReadTx, ground: LogGround, commit: Commit, found: ContextLog | undefined): void {
  const lastSeq = found?.lastSeq ?? 0
  if (commit.expectedLastSeq !== undefined && commit.expectedLastSeq !== lastSeq) {
    throw new EngramError(
      'sequence_mismatch',
      `The last seq is ${lastSeq}, not ${commit.expectedLastSeq}: somebody wrote in between.`,
      { details: { last_seq: lastSeq } },
    )
  }
  if (commit.expectedVersion !== undefined) checkVersion(tx, commit.contextId, commit.expectedVersion)
  if (commit.fence !== undefined) checkFence(tx, ground, commit.fence)
}

function checkVersion(tx: ReadTx, id: string, expected: number): void {
  const version = contextRow(tx, id)?.version ?? 0
  if (version === expected) return
  throw new EngramError('version_mismatch', `The context has version ${version}, not ${expected}.`, {
    details: { version },
  })
}

/** In the transaction of the write it guards: this is what makes a lease safe against a holder that stood still. */
function checkFence(tx: ReadTx, ground: LogGround, fence: NonNullable<Commit['fence']>): void {
  const last = lockRow(tx, fence.resource_path)
  const decision = decideFence(last, fence, leaseNow(tx, ground))
  const details = { resource_path: fence.resource_path, last_token: last?.token ?? 0 }
  if (decision === 'fenced') {
    throw new EngramError('fenced', `Token ${fence.token} of ${fence.resource_path} no longer guards it.`, { details })
  }
  if (decision === 'accepted') return
  throw new EngramError('invalid_request', `Token ${fence.token} of ${fence.resource_path} was never granted.`, {
    details: { ...details, field: 'fence.token' },
  })
}

/**
 * A context that comes with its first unit has the unit's agent as its first member (COL-504). One that comes with a patch
 * has what the patch adds: there is nothing that it could take away (COL-1401).
 */
function create(tx: WriteTx, ground: LogGround, commit: Commit): ReturnType<typeof createContext> {
  const patches = commit.steps.flatMap((step) => (step.kind === 'patch' ? [step.patch] : []))
  let first: Patchable = emptyContext
  for (const patch of patches) {
    first = applyPatch(first, { ...patch, removeAgents: [], unpinUnits: [] })?.after ?? first
  }
  if (patches.length === 0 && commit.agentId !== '') first = { ...first, agentIds: [commit.agentId] }
  return createContext(tx, ground, commit.contextId, commit.agentId, first)
}

function addUnit(tx: WriteTx, log: ContextLog, agentId: string, unit: NewUnit, prepared: PreparedUnit): StoredEvent {
  const event = log.add({
    kind: 'unit.created',
    agentId,
    unitId: unit.id,
    unitType: unit.type,
    body: (place) =>
      `${prepared.head},"ts":"${new Date(place.tsMs).toISOString()}"${prepared.tail},"seq":${place.seq}` +
      `,"gseq":${place.gseq},"cursor":"${place.cursor}"}`,
  })
  for (const [ordinal, { target_id: target, type }] of unit.relationships.entries()) {
    insertUnitRelation(tx, event.gseq, ordinal, target, relationshipTypes.indexOf(type))
  }
  return event
}

type Changed = { readonly context: Context; readonly event: StoredEvent | null }

/** One event and one version, or nothing when nothing changes (COL-1401). */
function change(
  tx: WriteTx,
  ground: LogGround,
  log: ContextLog,
  agentId: string,
  step: Exclude<CommitStep, { kind: 'unit' }>,
): Changed {
  const row = contextRow(tx, log.id)
  const unchanged = findContext(tx, log.id)
  if (row === undefined || unchanged === undefined) throw notFound(log.id)
  const next = nextRow(row, unchanged, step, ground.clock.nowMs())
  if (next === null) return { context: unchanged, event: null }
  updateContext(tx, next.row)
  const context = toContext(next.row, { last: log.lastSeq + 1, earliest: unchanged.earliest_seq })
  const body = JSON.stringify({ context, ...(next.changes === null ? {} : { changes: next.changes }) })
  return { context, event: log.add({ kind: next.kind, agentId, body: () => body }) }
}

function nextRow(row: ContextRow, context: Context, step: Exclude<CommitStep, { kind: 'unit' }>, nowMs: number) {
  const head = { ...row, version: row.version + 1, updated_ms: Math.max(nowMs, row.updated_ms) }
  if (step.kind === 'patch') {
    const patched = applyPatch(patchableOf(context), step.patch)
    if (patched === null) return null
    const changed = { ...rowOf(patched.after, head, row.status), number: row.number }
    return { kind: 'context.updated', row: changed, changes: patched.changes } as const
  }
  const status = step.kind === 'archive' ? 'archived' : 'active'
  if (row.status === status) return null
  const kind = step.kind === 'archive' ? 'context.archived' : 'context.restored'
  return { kind, row: { ...head, status }, changes: null } as const
}

const patchableOf = (context: Context): Patchable => ({
  displayName: context.display_name,
  agentIds: context.agent_ids,
  pinnedUnits: context.pinned_units,
  meta: context.meta,
})

/** Units their caller named, already there as they are now: the first result again (COL-1303). */
function duplicateOf(tx: ReadTx, commit: PreparedCommit, durability: Durability): Committed | null {
  const found = commit.steps.flatMap((step) => {
    const stored = step.kind === 'unit' && step.unit.isOwnId ? eventByUnit(tx, step.unit.id) : undefined
    return stored === undefined || step.kind !== 'unit' ? [] : [{ stored, unit: step.unit }]
  })
  if (found.length === 0) return null
  const isSame = found.every(({ stored, unit }) => isSameUnit(stored.body, commit, unit))
  if (!isSame || found.length < commit.steps.length) {
    const id = found[0]?.unit.id ?? ''
    throw new EngramError('id_conflict', `There is another unit ${id}.`, { details: { unit_id: id } })
  }
  const events = found.map(({ stored }) => stored)
  return { events, context: null, isNewContext: false, isDuplicate: true, isReplayed: false, durability }
}

type KeptCommit = Pick<Committed, 'context' | 'isNewContext' | 'isDuplicate'> & { readonly gseqs: readonly number[] }

const keptText = ({ events, context, isNewContext, isDuplicate }: Committed): string =>
  JSON.stringify({ gseqs: events.map(({ gseq }) => gseq), context, isNewContext, isDuplicate } satisfies KeptCommit)

/** The answer given before: what stands in the log never changes, so its places are enough. */
function revive(tx: ReadTx, text: string, durability: Durability): Committed {
  const { gseqs, ...kept } = JSON.parse(text) as KeptCommit
  const events = gseqs.flatMap((gseq) => eventByGseq(tx, gseq) ?? [])
  return { ...kept, events, isReplayed: true, durability }
}
