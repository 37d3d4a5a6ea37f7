import { exportBackup } from '../../src/engine/export-backup.ts'
import { createSyncStore } from '../../src/engine/sync-store.ts'
import { emptyMachine } from '../../src/engine/testing/deeds.ts'
import { openMachine, type Machine } from '../../src/engine/testing/machine.ts'
import { sharedMemory } from '../../src/engine/testing/shared-memory.ts'
import type { SyncStore } from '../../src/model/ports.ts'
import type { Manifest, SyncSelection } from '../../src/model/sync.ts'
import { prepareFile, unpackFile } from '../../src/prepare-file.ts'
import { recordsOf } from '../../src/protocol/chunk-records.ts'
import { decodeManifest, encodeManifest, mergeManifests } from '../../src/protocol/manifest.ts'
import { decodeChunk, isChunkId } from '../../src/sync/chunk.ts'
import type { PreparerDoor } from '../../src/sync/preparer.ts'
import type { ChunkRemote } from '../../src/sync/remote.ts'

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

/** `preparer`: every second one has its chunks made ready (CHK-613), which must make no difference. */
export type Person = {
  readonly machine: Machine
  readonly store: SyncStore
  readonly branch: Branch
  readonly preparer: PreparerDoor | undefined
}

const opened: Machine[] = []

export const closeMachines = (): Promise<unknown> => Promise.all(opened.splice(0).map((machine) => machine.close()))

/** Stores are opened once; a run starts from empty tables and clocks that differ by up to a day. */
export async function freshPeople(count: number): Promise<readonly Person[]> {
  while (opened.length < count) opened.push(await openMachine(opened.length))
  return Promise.all(opened.slice(0, count).map((machine, index) => freshPerson(machine, index)))
}

async function freshPerson(machine: Machine, index: number): Promise<Person> {
  machine.deps.clock.set(Date.UTC(2026, 5, 1) + (index - 1) * 86_400_000)
  await emptyMachine(machine)
  const preparer = index % 2 === 1 ? preparingHere(machine.deps) : undefined
  return { machine, store: createSyncStore(machine.deps), branch: new Branch(`branch-${index}`), preparer }
}

/** What the thread of imports does, done here and of every chunk. */
export function preparingHere({ redactor }: Machine['deps']): PreparerDoor {
  const prepareHere: PreparerDoor['prepareHere'] = async (file) => prepareFile(redactor, file, await unpackFile(file))
  return {
    recordsMin: 0,
    recordsTogetherMin: 0,
    beginsBehind: 0,
    prepareHere,
    start: () => ({ prepare: prepareHere, stop: () => Promise.resolve() }),
  }
}

/** Everything that must be equal on every machine that has read every chunk there is (CHK-1206). */
export async function memoryOf({ machine, branch }: Person): Promise<string> {
  const told = await toldRelations(branch.files.values())
  return sharedMemory(
    machine.store.read((tx) => exportBackup(tx, machine.deps, null)),
    told,
  )
}

/** Names of the relations that stand in any of these chunk files. */
export async function toldRelations(files: Iterable<Uint8Array>): Promise<ReadonlySet<string>> {
  const told = new Set<string>()
  for (const packed of files) {
    const reading = await decodeChunk(packed)
    if (!reading.ok) throw new Error(reading.reason)
    const { records } = recordsOf(reading.document, '')
    for (const { entity, key } of records) if (entity === 'relation') told.add(key)
  }
  return told
}
