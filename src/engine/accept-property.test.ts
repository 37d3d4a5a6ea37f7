import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { act, emptyMachine, mixer, textsOf, type Deed } from './testing/deeds.ts'
import { openMachine, type Machine } from './testing/machine.ts'
import { sharedMemory } from './testing/shared-memory.ts'
import { observationRow, readRow, relationRow, sessionRow, tombstoneRow } from '../protocol/record-rows.ts'
import { changeSeqNow } from '../store/change-clock.ts'
import type { ObservationRow, RelationRow, SessionRow, TombstoneRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { parseNames } from '../store/versions.ts'
import { acceptEach, acceptRecord, type Arrival } from './accept.ts'
import { exportBackup } from './export-backup.ts'
import { replayRelations } from './accept-relation.ts'
import { toRelation, toSession } from './present.ts'

/**
 * MEM-508. Machines work by themselves, hear of each other's changes late, twice, in any order and grouping, and in the
 * end each has heard of every change once more in an order of its own: all stores must hold the same.
 */

type Step = Deed | { readonly do: 'hear'; readonly share: number; readonly seed: number }

type Turn = { readonly machine: number; readonly passMs: number; readonly step: Step }

const small = fc.nat({ max: 7 })
const deed = (...kinds: readonly Deed['do'][]) => fc.record({ do: fc.constantFrom(...kinds), pick: small, text: small })
const turns = fc.array(
  fc.record({
    machine: fc.nat({ max: 5 }),
    passMs: fc.nat({ max: 5_000 }),
    step: fc.oneof(
      { weight: 3, arbitrary: deed('save') },
      { weight: 6, arbitrary: deed('edit', 'edit', 'edit', 'delete', 'restore') },
      { weight: 2, arbitrary: deed('settle', 'settle', 'destroy') },
      { weight: 1, arbitrary: deed('judge') },
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
  { machine: 0, passMs: 5, step: { do: 'save', pick: 1, text: 0 } },
  { machine: 1, passMs: 5, step: { do: 'save', pick: 0, text: 1 } },
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
        const told = new Set(world.told.flatMap(({ entity, row }) => (entity === 'relation' ? [row.sync_id] : [])))
        const [first, ...others] = here.map(({ store, deps }) =>
          sharedMemory(
            store.read((tx) => exportBackup(tx, deps, null)),
            told,
          ),
        )
        for (const other of others) expect(other).toBe(first)
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
    await emptyMachine(machine)
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
    // Together and one by one: both are the same way in.
    if (arrivals.length % 2 === 0) acceptEach(tx, machine.deps, arrivals, options)
    else for (const arrival of arrivals) acceptRecord(tx, machine.deps, arrival, options)
    replayRelations(tx, machine.deps, options)
  })

/** The same list in another order, some entries twice. */
function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const mix = mixer(seed)
  const isTwice = new Set(mix(items.map((_, index) => index)).slice(0, Math.floor(items.length / 4)))
  return mix(items.flatMap((item, index) => (isTwice.has(index) ? [item, item] : [item])))
}

/** Texts of records that still live, which no store holds any more. */
function lostTexts(world: World): readonly string[] {
  const held = new Set(world.here.flatMap((machine) => machine.store.read(textsOf)))
  const destroyed = new Set(
    world.told.flatMap((arrival) => (arrival.entity === 'tombstone' ? [arrival.row.entity_key] : [])),
  )
  return [...world.written]
    .filter(([syncId]) => !destroyed.has(syncId))
    .flatMap(([syncId, texts]) => [...texts].map((text) => `${syncId}\n${text}`))
    .filter((text) => !held.has(text))
}
