import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from './testing/machine.ts'
import { relationVerbs } from '../model/records.ts'
import { formatTime } from '../model/times.ts'
import { observationRow, readRow, relationRow, sessionRow, tombstoneRow } from '../protocol/record-rows.ts'
import { changeSeqNow } from '../store/change-clock.ts'
import { listConflicts } from '../store/conflicts.ts'
import type { ObservationRow, RelationRow, SessionRow, TombstoneRow } from '../store/rows.ts'
import { orphanRelationsOf, reviveRelationsOf } from '../store/relations.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { parseNames } from '../store/versions.ts'
import { acceptRecord, type Arrival } from './accept.ts'
import { replayRelations } from './accept-relation.ts'
import { hardDeleteRow } from './delete-observation.ts'
import { editObservation } from './edit-observation.ts'
import { closeConflictsOfRemoved, knownHeads } from './heads.ts'
import { newRelation, putJudgment } from './judge-relation.ts'
import { toRelation, toSession } from './present.ts'
import { prepareSave, saveObservation } from './save.ts'
import { settleConflict } from './settle-conflict.ts'

/**
 * MEM-508. Machines work by themselves, hear of each other's changes late, twice, in any order and grouping, and in the
 * end each has heard of every change once more in an order of its own: all stores must hold the same.
 */

type Step =
  | { readonly do: 'save'; readonly text: number; readonly topic: number | null }
  | { readonly do: 'edit' | 'delete' | 'restore' | 'destroy' | 'settle'; readonly pick: number; readonly text: number }
  | { readonly do: 'judge'; readonly pick: number; readonly other: number; readonly verb: number }
  | { readonly do: 'hear'; readonly share: number; readonly seed: number }

type Turn = { readonly machine: number; readonly passMs: number; readonly step: Step }

const small = fc.nat({ max: 7 })
const turns = fc.array(
  fc.record({
    machine: fc.nat({ max: 5 }),
    passMs: fc.nat({ max: 5_000 }),
    step: fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('save' as const), text: small, topic: fc.option(fc.nat({ max: 1 })) }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constantFrom('edit' as const, 'edit' as const, 'edit' as const, 'delete' as const, 'restore' as const),
          pick: small,
          text: small,
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constantFrom('settle' as const, 'settle' as const, 'destroy' as const),
          pick: small,
          text: small,
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('judge' as const), pick: small, other: small, verb: small }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('hear' as const), share: fc.nat({ max: 100 }), seed: fc.nat() }),
      },
    ),
  }),
  { minLength: 10, maxLength: 40, size: 'max' },
)

/** So that there is something to disagree about: two records that some machines know from the start. */
const opening: readonly Turn[] = [
  { machine: 0, passMs: 5, step: { do: 'save', text: 0, topic: null } },
  { machine: 1, passMs: 5, step: { do: 'save', text: 1, topic: 0 } },
  { machine: 0, passMs: 5, step: { do: 'hear', share: 100, seed: 1 } },
  { machine: 1, passMs: 5, step: { do: 'hear', share: 100, seed: 2 } },
  { machine: 2, passMs: 5, step: { do: 'hear', share: 100, seed: 3 } },
]

const machines: Machine[] = []
afterAll(() => Promise.all(machines.map((machine) => machine.close())))

describe('MEM-508', () => {
  it('MEM-508 any changes on two to six machines, heard of in any order: all stores end equal and no text is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 6 }), turns, fc.nat(), async (count, plan, seed) => {
        const here = await freshMachines(count)
        const world: World = { here, told: [], written: new Map() }
        for (const turn of [...opening, ...plan]) await take(world, turn)
        for (const [index, machine] of here.entries()) await hear(machine, shuffled(world.told, seed + index))
        const [first, ...others] = here.map((machine) => machine.store.read(stateOf))
        for (const other of others) expect(other).toEqual(first)
        expect(lostTexts(world)).toEqual([])
      }),
      {
        numRuns: 60,
        endOnFailure: true,
        ...(process.env['ENGRAM_SEED'] === undefined ? {} : { seed: Number(process.env['ENGRAM_SEED']) }),
      },
    )
  }, 60_000)
})

type World = {
  readonly here: readonly Machine[]
  /** Every change, as it was told by the machine that made it. */
  readonly told: Arrival[]
  /** Every text ever written, by the record it stood in. */
  readonly written: Map<string, Set<string>>
}

/** The stores are opened once; a run starts from empty tables and clocks that differ by up to a day. */
async function freshMachines(count: number): Promise<readonly Machine[]> {
  while (machines.length < count) machines.push(await openMachine(machines.length))
  const here = machines.slice(0, count)
  for (const [index, machine] of here.entries()) {
    machine.deps.clock.set(Date.UTC(2026, 5, 1) + index * 4 * 3_600_000)
    await machine.store.write((tx) => {
      for (const table of ['observations', 'prompts', 'sessions', 'projects', 'relations', 'tombstones', 'deferred'])
        tx.run(`DELETE FROM ${table}`)
      for (const table of ['observation_versions', 'observation_conflicts', 'observation_fts', 'observation_grams'])
        tx.run(`DELETE FROM ${table}`)
      tx.run(`DELETE FROM observation_context`)
      tx.run(`UPDATE meta SET value = '0' WHERE key = 'change_seq'`)
      tx.run(`UPDATE meta SET value = '0000000000000000' WHERE key = 'hlc'`)
    })
  }
  return here
}

async function take(world: World, turn: Turn): Promise<void> {
  const index = turn.machine % world.here.length
  const machine = world.here[index]
  if (machine === undefined) return
  machine.deps.clock.advance(turn.passMs)
  const { step } = turn
  if (step.do === 'hear')
    return hear(machine, shuffled(world.told, step.seed).slice(0, Math.ceil((world.told.length * step.share) / 100)))
  const changed = await machine.store.write((tx) => {
    const before = changeSeqNow(tx)
    act(tx, machine, index, step)
    return changesSince(tx, before)
  })
  for (const arrival of changed) {
    world.told.push(arrival)
    if (arrival.entity !== 'observation') continue
    const texts = world.written.get(arrival.row.sync_id ?? '') ?? new Set()
    world.written.set(arrival.row.sync_id ?? '', texts.add(arrival.row.content))
  }
}

function act(tx: WriteTx, machine: Machine, index: number, step: Exclude<Step, { do: 'hear' }>): void {
  const { deps } = machine
  if (step.do === 'save') {
    const topic = step.topic === null ? {} : { topic_key: `topic-${step.topic}` }
    const input = { title: `Title number${step.text}`, content: `Text ${step.text} of machine ${index}`, ...topic }
    saveObservation(tx, deps, prepareSave(deps, input), {
      place: { project: 'acme', source: 'explicit_override', path: '', available: [], known: true, warnings: [] },
      sessionId: `session-${index}`,
      directory: `/work/${index}`,
      agentPid: undefined,
      strict: false,
    })
    return
  }
  if (step.do === 'settle') return settle(tx, machine, step.pick, step.text)
  const rows = tx.all<ObservationRow>('SELECT * FROM observations ORDER BY sync_id')
  const row = rows[step.pick % Math.max(1, rows.length)]
  if (row === undefined) return
  switch (step.do) {
    case 'edit':
      editObservation(tx, deps, row, { content: `Edit ${step.text}`, revision_count: row.revision_count + 1 })
      return
    case 'delete':
      if (row.deleted_at !== null) return
      editObservation(tx, deps, row, { deleted_at: formatTime(deps.clock.nowMs()) })
      orphanRelationsOf(tx, row.sync_id)
      return
    case 'restore':
      if (row.deleted_at === null) return
      editObservation(tx, deps, row, { deleted_at: null })
      reviveRelationsOf(tx, row.sync_id)
      return
    case 'destroy':
      hardDeleteRow(tx, deps, row)
      closeConflictsOfRemoved(tx, row.sync_id, { at: formatTime(deps.clock.nowMs()) })
      return
    case 'judge':
      judge(tx, machine, row, rows[step.other % rows.length], step.verb)
  }
}

function judge(tx: WriteTx, { deps }: Machine, a: ObservationRow, b: ObservationRow | undefined, verb: number): void {
  if (b === undefined || a.id === b.id || a.deleted_at !== null || b.deleted_at !== null) return
  const relation = relationVerbs[verb % relationVerbs.length] ?? 'related'
  const said = {
    reason: null,
    evidence: null,
    confidence: 1,
    actor: 'agent',
    kind: 'agent',
    model: null,
    sessionId: null,
  }
  putJudgment(tx, deps, newRelation(deps, a, b), { relation, ...said })
}

function settle(tx: WriteTx, { deps }: Machine, pick: number, text: number): void {
  const open = listConflicts(tx, null, false, 100).filter((conflict) => conflict.kind !== 'edited_after_delete')
  const conflict = open[pick % Math.max(1, open.length)]
  if (conflict === undefined) return
  const sides =
    conflict.kind === 'same_topic' ? [conflict.sync_id, conflict.other_sync_id ?? ''] : parseNames(conflict.heads)
  const side = sides[text % sides.length] ?? ''
  const choice = text % 3 === 0 ? { content: `Settled ${text}` } : { take: side }
  settleConflict(tx, deps, conflict, { id: conflict.id, ...choice })
}

/** What a machine tells of its own changes: each record's state, as a document would carry it. */
function changesSince(tx: ReadTx, before: number): readonly Arrival[] {
  const sessions = tx.all<SessionRow>('SELECT * FROM sessions WHERE change_seq > ?', before)
  const observations = tx.all<ObservationRow>('SELECT * FROM observations WHERE change_seq > ?', before)
  const relations = tx.all<RelationRow>(
    `SELECT * FROM relations WHERE change_seq > ? AND judgment_status <> 'orphaned'`,
    before,
  )
  const tombstones = tx.all<TombstoneRow>('SELECT * FROM tombstones WHERE change_seq > ?', before)
  return [
    ...sessions.map((row): Arrival => ({ entity: 'session', row: must(readRow(sessionRow, toSession(row))) })),
    ...observations.map((row): Arrival => ({ entity: 'observation', row: must(readRow(observationRow, told(row))) })),
    ...relations.map((row): Arrival => ({ entity: 'relation', row: must(readRow(relationRow, toRelation(row))) })),
    ...tombstones.map((row): Arrival => ({ entity: 'tombstone', row: must(readRow(tombstoneRow, row)) })),
  ]
}

const told = (row: ObservationRow): unknown => ({
  ...row,
  pinned: false,
  ext: {
    version: row.version,
    ancestors: parseNames(row.ancestors),
    hlc: row.hlc,
    origin: row.origin,
    expires_at: row.expires_at,
  },
})

function must<T>(reading: { readonly ok: true; readonly row: T } | { readonly ok: false; readonly reason: string }): T {
  if (reading.ok) return reading.row
  throw new Error(reading.reason)
}

const hear = (machine: Machine, arrivals: readonly Arrival[]): Promise<void> =>
  machine.store.write((tx) => {
    const options = { remote: 'test' }
    for (const arrival of arrivals) acceptRecord(tx, machine.deps, arrival, options)
    replayRelations(tx, machine.deps, options)
  })

/** The same list in another order, some entries twice. */
function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  let state = (seed >>> 0) + 1
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
  const mixed = [...items]
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = next(last + 1)
    const held = mixed[last] as T
    mixed[last] = mixed[other] as T
    mixed[other] = held
  }
  return mixed.flatMap((item) => (next(4) === 0 ? [item, item] : [item]))
}

/** Everything that must be equal: records, heads, open conflicts, tombstones. What is local is left out. */
function stateOf(tx: ReadTx): unknown {
  const observations = tx.all<ObservationRow>('SELECT * FROM observations ORDER BY sync_id')
  return {
    observations: observations.map(
      ({ id: _id, pinned: _pinned, change_seq: _seq, ancestors: _ancestors, ...row }) => row,
    ),
    heads: observations.map((row) => [
      row.sync_id,
      ...knownHeads(tx, row)
        .map((head) => head.version)
        .sort(),
    ]),
    conflicts: tx.all(
      `SELECT id, kind, sync_id, other_sync_id, heads FROM observation_conflicts
       WHERE settled_at IS NULL AND kind <> 'edited_after_delete' ORDER BY id`,
    ),
    tombstones: tx.all(
      'SELECT entity, entity_key, deleted_at, hlc, origin FROM tombstones ORDER BY entity, entity_key',
    ),
    sessions: tx.all(
      'SELECT id, project, directory, started_at, ended_at, summary, hlc, origin FROM sessions ORDER BY id',
    ),
    relations: tx.all(
      `SELECT sync_id, source_id, target_id, relation, judgment_status, marked_by_actor, hlc, origin FROM relations
       WHERE judgment_status <> 'orphaned' ORDER BY sync_id`,
    ),
  }
}

/** Texts of records that still live, which no store holds any more. */
function lostTexts(world: World): readonly string[] {
  const held = new Set(
    world.here.flatMap((machine) =>
      machine.store.read((tx) => [
        ...tx.all<{ t: string }>(`SELECT sync_id || char(10) || content AS t FROM observations`).map((row) => row.t),
        ...tx
          .all<{ t: string }>(
            `SELECT sync_id || char(10) || json_extract(snapshot, '$.content') AS t FROM observation_versions`,
          )
          .map((row) => row.t),
      ]),
    ),
  )
  const destroyed = new Set(
    world.told.flatMap((arrival) => (arrival.entity === 'tombstone' ? [arrival.row.entity_key] : [])),
  )
  return [...world.written]
    .filter(([syncId]) => !destroyed.has(syncId))
    .flatMap(([syncId, texts]) => [...texts].map((text) => `${syncId}\n${text}`))
    .filter((text) => !held.has(text))
}
