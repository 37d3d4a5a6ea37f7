import { newRelation, putJudgment } from '../../src/engine/judge-relation.ts'
import { hardDeleteRow } from '../../src/engine/delete-observation.ts'
import { editObservation } from '../../src/engine/edit-observation.ts'
import { closeConflictsOfRemoved, knownHeads } from '../../src/engine/heads.ts'
import { prepareSave, saveObservation } from '../../src/engine/save.ts'
import { settleConflict } from '../../src/engine/settle-conflict.ts'
import { createSyncStore } from '../../src/engine/sync-store.ts'
import { openMachine, type Machine } from '../../src/engine/testing/machine.ts'
import type { SyncStore } from '../../src/model/ports.ts'
import { relationVerbs } from '../../src/model/records.ts'
import type { Manifest, SyncSelection } from '../../src/model/sync.ts'
import { formatTime } from '../../src/model/times.ts'
import { decodeManifest, encodeManifest, mergeManifests } from '../../src/protocol/manifest.ts'
import { isChunkId } from '../../src/sync/chunk.ts'
import type { ChunkRemote } from '../../src/sync/remote.ts'
import { listConflicts } from '../../src/store/conflicts.ts'
import { orphanRelationsOf, reviveRelationsOf } from '../../src/store/relations.ts'
import type { ObservationRow } from '../../src/store/rows.ts'
import type { ReadTx, WriteTx } from '../../src/store/transaction.ts'
import { parseNames } from '../../src/store/versions.ts'

/** Machines that work by themselves, and branches of a repository that carry their chunks, all in memory. */

export const everything: SyncSelection = { project: null, includePersonal: false, withAuto: 'strong' }

/** A branch: a manifest as text and files by id. `cutAfter` lets so many writes through and refuses the rest. */
export class Branch implements ChunkRemote {
  readonly name: string
  readonly files = new Map<string, Uint8Array>()
  text = ''
  cutAfter = Number.POSITIVE_INFINITY

  constructor(name: string) {
    this.name = name
  }

  #write(): void {
    if (this.cutAfter-- <= 0) throw Object.assign(new Error('killed'), { code: 'ECRASHED' })
  }

  readManifest = () => Promise.resolve(decodeManifest(this.text))
  writeManifest = async (manifest: Manifest) => {
    this.#write()
    this.text = encodeManifest(manifest)
  }
  listChunks = () => Promise.resolve([...this.files.keys()].sort())
  hasChunk = (id: string) => Promise.resolve(this.files.has(id))
  markOf = (id: string) => Promise.resolve(this.files.has(id) ? 'here' : null)
  readChunk = (id: string) => {
    const packed = this.files.get(id)
    if (!isChunkId(id)) return Promise.resolve({ kind: 'refused' as const, reason: 'bad_chunk_id' as const, mark: '' })
    if (packed === undefined) return Promise.resolve({ kind: 'missing' as const })
    return Promise.resolve({ kind: 'file' as const, packed, mark: 'here' })
  }
  writeChunk = async (id: string, packed: Uint8Array) => {
    this.#write()
    if (this.files.has(id)) throw new Error(`CHK-103: ${id} was written again`)
    this.files.set(id, packed)
  }

  /** What git does with two branches, and the merge driver with their manifests. */
  mergeFrom(other: Branch): void {
    for (const [id, packed] of other.files) if (!this.files.has(id)) this.files.set(id, packed)
    const ours = decodeManifest(this.text).manifest
    this.text = encodeManifest(mergeManifests(ours, decodeManifest(other.text).manifest))
  }

  reorder(mix: <T>(items: readonly T[]) => readonly T[]): void {
    const { version, chunks } = decodeManifest(this.text).manifest
    this.text = encodeManifest({ version, chunks: mix(chunks) })
  }
}

export type Person = { readonly machine: Machine; readonly store: SyncStore; readonly branch: Branch }

const opened: Machine[] = []

export const closeMachines = (): Promise<unknown> => Promise.all(opened.splice(0).map((machine) => machine.close()))

const tables = [
  'observations',
  'prompts',
  'sessions',
  'projects',
  'relations',
  'tombstones',
  'deferred',
  'observation_versions',
  'observation_conflicts',
  'observation_context',
  'remotes',
  'remote_cursors',
  'remote_heard',
  'chunk_index',
]

/** Stores are opened once; a run starts from empty tables and clocks that differ by up to a day. */
export async function freshPeople(count: number): Promise<readonly Person[]> {
  while (opened.length < count) opened.push(await openMachine(opened.length))
  return Promise.all(opened.slice(0, count).map((machine, index) => freshPerson(machine, index)))
}

async function freshPerson(machine: Machine, index: number): Promise<Person> {
  machine.deps.clock.set(Date.UTC(2026, 5, 1) + (index - 1) * 86_400_000)
  await machine.store.write((tx) => {
    for (const table of tables) tx.run(`DELETE FROM ${table}`)
    for (const table of ['observation_fts', 'observation_grams', 'prompt_fts'])
      tx.run(`INSERT INTO ${table} (${table}) VALUES ('delete-all')`)
    tx.run(`UPDATE meta SET value = '0' WHERE key = 'change_seq'`)
    tx.run(`UPDATE meta SET value = '0000000000000000' WHERE key = 'hlc'`)
  })
  return { machine, store: createSyncStore(machine.deps), branch: new Branch(`branch-${index}`) }
}

export type Deed = {
  readonly do: 'save' | 'edit' | 'delete' | 'restore' | 'destroy' | 'settle' | 'judge'
  readonly pick: number
  readonly text: number
}

/** One change by hand on one machine. */
export function act(tx: WriteTx, { deps }: Machine, who: number, deed: Deed): void {
  if (deed.do === 'save') return save(tx, deps, who, deed)
  if (deed.do === 'settle') return settle(tx, deps, deed)
  const rows = tx.all<ObservationRow>('SELECT * FROM observations ORDER BY sync_id')
  const row = rows[deed.pick % Math.max(1, rows.length)]
  if (row === undefined) return
  switch (deed.do) {
    case 'edit':
      editObservation(tx, deps, row, { content: `Edit ${deed.text} of ${who}`, revision_count: row.revision_count + 1 })
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
      return judge(tx, deps, row, rows[deed.text % rows.length], deed.text)
  }
}

type Deps = Machine['deps']

function save(tx: WriteTx, deps: Deps, who: number, { pick, text }: Deed): void {
  const topic = pick % 3 === 0 ? { topic_key: 'topic' } : {}
  saveObservation(
    tx,
    deps,
    prepareSave(deps, { title: `Title ${text}`, content: `Text ${text} of ${who}`, ...topic }),
    {
      place: { project: 'acme', source: 'explicit_override', path: '', available: [], known: true, warnings: [] },
      sessionId: `session-${who}`,
      directory: `/home/${who}`,
      agentPid: undefined,
      strict: false,
    },
  )
}

function judge(tx: WriteTx, deps: Deps, a: ObservationRow, b: ObservationRow | undefined, verb: number): void {
  if (b === undefined || a.id === b.id || a.deleted_at !== null || b.deleted_at !== null) return
  putJudgment(tx, deps, newRelation(deps, a, b), {
    relation: relationVerbs[verb % relationVerbs.length] ?? 'related',
    reason: null,
    evidence: null,
    confidence: 1,
    actor: 'agent',
    kind: 'agent',
    model: null,
    sessionId: null,
  })
}

function settle(tx: WriteTx, deps: Deps, { pick, text }: Deed): void {
  const open = listConflicts(tx, null, false, 100).filter((conflict) => conflict.kind !== 'edited_after_delete')
  const conflict = open[pick % Math.max(1, open.length)]
  if (conflict === undefined) return
  const sides =
    conflict.kind === 'same_topic' ? [conflict.sync_id, conflict.other_sync_id ?? ''] : parseNames(conflict.heads)
  const choice = text % 3 === 0 ? { content: `Settled ${text}` } : { take: sides[text % sides.length] ?? '' }
  settleConflict(tx, deps, conflict, { id: conflict.id, ...choice })
}

/** Everything that must be equal on every machine. What is local is left out; orphaned is what an absent end makes. */
export function stateOf(tx: ReadTx): unknown {
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
    waiting: tx.all('SELECT sync_id FROM deferred ORDER BY sync_id'),
  }
}

/** Every text of a record that lives, with its name, current or kept. */
export const textsOf = (tx: ReadTx): readonly string[] => [
  ...tx.all<{ t: string }>('SELECT sync_id || char(10) || content AS t FROM observations').map(({ t }) => t),
  ...tx
    .all<{ t: string }>(
      `SELECT sync_id || char(10) || json_extract(snapshot, '$.content') AS t FROM observation_versions WHERE snapshot <> ''`,
    )
    .map(({ t }) => t),
]

/** The same list in an order of its own. */
export function mixer(seed: number): <T>(items: readonly T[]) => readonly T[] {
  let state = (seed >>> 0) + 1
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * bound)
  }
  return (items) => {
    const left = [...items]
    return Array.from(items, () => left.splice(below(left.length), 1)).flat()
  }
}
