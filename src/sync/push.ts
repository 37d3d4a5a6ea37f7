import { EngramError } from '../model/errors.ts'
import type { SyncStore } from '../model/ports.ts'
import type {
  ChangedRecord,
  ChunkEntry,
  KnownChunk,
  Manifest,
  SyncResult,
  SyncSelection,
  Withheld,
} from '../model/sync.ts'
import { parseTime } from '../model/times.ts'
import type { Clock } from '../platform/clock.ts'
import { mergeManifests, unionById, type ManifestReading } from '../protocol/manifest.ts'
import { decodeChunk, encodeChunk, idsOf, type PackedChunk } from './chunk.ts'
import { byId, isIn, type KnownChunks } from './chunk-state.ts'
import { holdsNothing, readHeld, type Held } from './held.ts'
import { newSlab, PartBuilder, type Part } from './parts.ts'
import { rebuiltManifest } from './rebuild.ts'
import type { ChunkRemote } from './remote.ts'

export type PushOptions = {
  readonly createdBy: string
  readonly selection: SyncSelection
  readonly signal?: AbortSignal | undefined
  readonly dryRun?: boolean | undefined
  /** Forces a version for peers that want it (CHK-402). */
  readonly manifestVersion?: number | undefined
  /** Bytes of one document; 4 MiB unless given. */
  readonly partBytes?: number | undefined
}

type Push = {
  readonly store: SyncStore
  readonly remote: ChunkRemote
  readonly clock: Clock
  readonly options: PushOptions
  readonly known: KnownChunks
  readonly tally: { sessions: number; observations: number; prompts: number; mutations: number; redacted: number }
  readonly withheld: { -readonly [K in keyof Withheld]: number }
  readonly ids: string[]
  readonly rows: NonNullable<SyncResult['rows']>[number][]
}

/**
 * Writes what changed since the remote was last told (CHK-501 to CHK-510), in parts of bounded size. The cursor moves
 * after each part is durable: a cut between them repeats at most one part, which has the same name then (CHK-506).
 */
export async function pushChanges(
  store: SyncStore,
  remote: ChunkRemote,
  clock: Clock,
  options: PushOptions,
): Promise<SyncResult> {
  const push: Push = {
    store,
    remote,
    clock,
    options,
    known: byId(store.knownChunks(remote.name)),
    tally: { sessions: 0, observations: 0, prompts: 0, mutations: 0, redacted: 0 },
    withheld: { personal: 0, global: 0, weak: 0, invalid: 0 },
    ids: [],
    rows: [],
  }
  const manifest = await soundManifest(remote, await remote.readManifest())
  const { cursor, lastChunks } = store.cursor(remote.name, options.selection)
  const isThere = await areThere(remote, manifest, lastChunks)
  // Before anything is written: an export that is cut then begins where this one does.
  if (!isThere && options.dryRun !== true) await store.forget(remote.name)
  await pushParts(push, {
    after: isThere ? (cursor ?? 0) : 0,
    heard: isThere ? remote.name : null,
    read: isThere && cursor !== null ? null : () => readHeld(remote, manifest),
    isMoved: cursor === null || !isThere,
  })
  return resultOf(push)
}

/**
 * From where on changes are looked at, and against what (CHK-504).
 *   - The last chunks are there: what came from the remote is known, and so is what it was told through this selection.
 *   - Another selection before: what chunks hold by now is not written again.
 *   - One of them is gone (a fresh clone, another branch, a reset): the chunks alone tell what they hold.
 */
type Start = {
  readonly after: number
  readonly heard: string | null
  readonly read: (() => Promise<Held>) | null
  /** The cursor must be written also when nothing leaves. */
  readonly isMoved: boolean
}

/** One that cannot be read at all is made anew from the chunks themselves (CHK-406d). */
const soundManifest = async (remote: ChunkRemote, reading: ManifestReading): Promise<Manifest> =>
  reading.isLost ? rebuiltManifest(remote, reading.manifest) : reading.manifest

async function areThere(remote: ChunkRemote, manifest: Manifest, ids: readonly string[]): Promise<boolean> {
  for (const id of ids) {
    const isListed = manifest.chunks.some((entry) => entry.id === id)
    if (!isListed && !(await remote.hasChunk(id))) return false
  }
  return true
}

async function pushParts(push: Push, start: Start): Promise<void> {
  const writer = partWriter(push)
  try {
    await makeParts(push, start, writer)
    await writer.written()
  } finally {
    // Also when it is given up: nothing may be written any more once the lock is let go.
    await writer.written().catch(() => undefined)
  }
}

type PartWriter = { write(part: Part): Promise<void>; written(): Promise<void> }

/** So many parts are packed and written while the next is put together: enough that this is seldom waited for. */
const partsAtOnce = 3

/** Parts are packed beside each other, and written in their order. */
function partWriter(push: Push): PartWriter {
  const { signal, dryRun } = push.options
  const under: Promise<void>[] = []
  let last: Promise<void> = Promise.resolve()
  return {
    write: async (part) => {
      if (under.length >= partsAtOnce) await under.shift()
      refuseAborted(signal)
      const packing = dryRun === true ? null : encodeChunk(part.document)
      packing?.catch(() => undefined)
      last = after(last, async () => writePart(push, part, packing === null ? null : await packing))
      last.catch(() => undefined)
      under.push(last)
    },
    written: () => last,
  }
}

async function makeParts(push: Push, start: Start, writer: PartWriter): Promise<void> {
  const { store, remote, options } = push
  const until = store.changeSeqNow()
  const facts = { writer: store.writer, origin: store.origin, selection: options.selection }
  const slab = newSlab()
  const newBuilder = (): PartBuilder => new PartBuilder(facts, options.partBytes, slab)
  let builder = newBuilder()
  let last = start.after
  let held: Held | null = null
  for (let isLast = last >= until; !isLast;) {
    const window = store.changes(start.heard, options.selection, last, until)
    count(push, window.withheld, window.redacted)
    for (const record of window.records) {
      held ??= start.read === null ? holdsNothing : await start.read()
      if (held.has(record)) continue
      if (options.dryRun === true) push.rows.push(shownRow(record))
      if (builder.add(record)) continue
      await writer.write(builder.build(record.seq - 1))
      builder = newBuilder()
      builder.add(record)
    }
    last = window.upTo
    isLast = window.isLast
    // What is packed and written beside this goes on by some steps: to write one part takes some dozen, one after another.
    for (let turn = 0; turn < turnsEach; turn++) await nextTurn()
  }
  if (!builder.isEmpty) return writer.write(builder.build(until))
  if (options.dryRun !== true && (start.isMoved || until > start.after)) {
    await store.noteExport(remote.name, options.selection, until, null)
  }
}

const turnsEach = 8

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function shownRow(record: ChangedRecord): NonNullable<SyncResult['rows']>[number] {
  switch (record.entity) {
    case 'session':
      return { entity: 'session', key: record.row.id, title: record.row.summary ?? '' }
    case 'observation':
      return { entity: 'observation', key: record.row.sync_id, title: record.row.title }
    case 'prompt':
      return { entity: 'prompt', key: record.row.sync_id, title: record.row.content }
    case 'relation':
      return { entity: 'relation', key: record.row.sync_id, title: record.row.relation }
    case 'tombstone':
      return { entity: `deleted ${record.row.entity}`, key: record.row.entity_key, title: '' }
  }
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new EngramError('aborted', 'The export was given up; the parts written so far stay.')
}

function count(push: Push, withheld: Withheld, redacted: number): void {
  for (const key of ['personal', 'global', 'weak', 'invalid'] as const) push.withheld[key] += withheld[key]
  push.tally.redacted += redacted
}

async function after(before: Promise<void>, work: () => Promise<void>): Promise<void> {
  await before
  await work()
}

/** @param chunk the part as it is written; null when nothing is */
async function writePart(push: Push, part: Part, chunk: PackedChunk | null): Promise<void> {
  const { store, remote, options, tally } = push
  tally.sessions += part.counts.sessions
  tally.observations += part.counts.observations
  tally.prompts += part.counts.prompts
  tally.mutations += part.counts.mutations
  if (chunk === null) return
  const { hash, packed } = chunk
  const { id, isThere, isListed, isKnown } = await placeFor(push, hash)
  if (!isThere) await remote.writeChunk(id, packed)
  if (!isListed) await listChunk(push, id, hash, part)
  const known: KnownChunk = { id, hash, state: 'exported', reason: '', mark: '' }
  await store.noteExport(remote.name, options.selection, part.upTo, known)
  if (!isKnown) push.ids.push(id)
}

type Place = {
  readonly id: string
  readonly isThere: boolean
  readonly isListed: boolean
  /** It was written here before, or taken in (CHK-506). */
  readonly isKnown: boolean
}

/** The shortest id that no other document has (CHK-102). */
async function placeFor(push: Push, hash: string): Promise<Place> {
  const { manifest } = await push.remote.readManifest()
  for (const id of idsOf(hash)) {
    const known = push.known.get(id) ?? []
    if (known.some((chunk) => isIn(chunk) && chunk.hash !== '' && chunk.hash !== hash)) continue
    const entry = manifest.chunks.find((one) => one.id === id)
    if (entry?.ext?.hash !== undefined && entry.ext.hash !== hash) continue
    const file = await push.remote.readChunk(id)
    if (file.kind === 'refused') continue
    const isThere = file.kind === 'file'
    if (isThere && !(await isDocument(file.packed, hash))) continue
    // Another document may still come under a listed id whose file is missing.
    if (!isThere && entry !== undefined && entry.ext?.hash !== hash) continue
    const isKnown = isThere && entry !== undefined && known.some((chunk) => isIn(chunk) && chunk.hash === hash)
    return { id, isThere, isListed: entry !== undefined, isKnown }
  }
  throw new EngramError('internal', `Every name of the chunk ${hash} is taken by something else.`)
}

async function isDocument(packed: Uint8Array, hash: string): Promise<boolean> {
  const reading = await decodeChunk(packed)
  return reading.ok && reading.hash === hash
}

/** Read again right before it is written, so that what came meanwhile stays (CHK-408). */
async function listChunk(push: Push, id: string, hash: string, part: Part): Promise<void> {
  const { remote, options, clock, store } = push
  const manifest = await soundManifest(remote, await remote.readManifest())
  const { chunks } = manifest
  const nowMs = clock.nowMs()
  const entry: ChunkEntry = {
    id,
    created_by: options.createdBy,
    created_at: createdAt(chunks, nowMs),
    sessions: part.counts.sessions,
    memories: part.counts.observations,
    prompts: part.counts.prompts,
    ext: { hash, bytes: part.document.length, origin: store.origin, written_at: new Date(nowMs).toISOString() },
  }
  const version = Math.max(part.isOwned ? 2 : 1, options.manifestVersion ?? 1)
  const grown: Manifest = { version, chunks: unionById([...chunks.filter((one) => one.id !== id), entry]) }
  await remote.writeManifest({ ...mergeManifests(manifest, grown), chunks: grown.chunks })
}

/**
 * Where a program without our extras writes too, the newest time there is: it takes that for the moment up to which
 * everything was exported, and must not skip its own older records because of us (CHK-405).
 */
export function createdAt(entries: readonly ChunkEntry[], nowMs: number): string {
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`
  if (entries.every((entry) => entry.ext !== undefined)) return now
  const newest = entries.reduce<ChunkEntry | null>(
    (latest, entry) => (msOf(entry) > (latest === null ? Number.NEGATIVE_INFINITY : msOf(latest)) ? entry : latest),
    null,
  )
  return newest === null || msOf(newest) > nowMs ? now : newest.created_at
}

const msOf = (entry: ChunkEntry): number => parseTime(entry.created_at) ?? Number.NEGATIVE_INFINITY

function resultOf({ tally, withheld, ids, rows: shown, options }: Push): SyncResult {
  const last = ids.at(-1)
  const rows = tally.sessions + tally.observations + tally.prompts + tally.mutations
  return {
    ...(last === undefined ? {} : { chunk_id: last, chunks_exported: ids.length }),
    sessions_exported: tally.sessions,
    observations_exported: tally.observations,
    prompts_exported: tally.prompts,
    mutations_exported: tally.mutations,
    is_empty: options.dryRun === true ? rows === 0 : last === undefined,
    ...(last === undefined ? {} : { chunk_ids: ids }),
    withheld,
    redacted: tally.redacted,
    ...(options.dryRun === true ? { rows: shown } : {}),
  }
}
