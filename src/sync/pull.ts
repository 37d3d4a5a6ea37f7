import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { SyncStore } from '../model/ports.ts'
import type {
  AcceptedChunk,
  ChunkEntry,
  ChunkImportResult,
  KnownChunk,
  Manifest,
  PreparedChunk,
  QuarantinedChunk,
  QuarantinedRow,
  SyncProgress,
} from '../model/sync.ts'
import { recordsOf } from '../protocol/chunk-records.ts'
import { Ahead } from './ahead.ts'
import { decodeNamedChunk, isChunkId, unpackAhead } from './chunk.ts'
import { byId, stateAfter, type ChunkEvent } from './chunk-state.ts'
import { planImport, type PendingChunk } from './plan.ts'
import type { PreparerDoor } from './preparer.ts'
import { preparedAhead, preparingOf, type Preparing } from './preparing.ts'
import type { ChunkFile, ChunkRemote } from './remote.ts'

export type PullOptions = {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: SyncProgress) => void) | undefined
  /** Reads also what was set aside and has not changed since (CHK-701). */
  readonly retryQuarantined?: boolean | undefined
  readonly dryRun?: boolean | undefined
  /** A thread that makes large chunks ready, where there are many (CHK-613). */
  readonly preparer?: PreparerDoor | undefined
}

type Tally = {
  -readonly [K in keyof ChunkImportResult as NonNullable<ChunkImportResult[K]> extends number ? K : never]: number
}

type Pull = {
  readonly store: SyncStore
  readonly remote: ChunkRemote
  readonly options: PullOptions
  readonly tally: Tally
  readonly quarantined: QuarantinedChunk[]
  readonly rows: QuarantinedRow[]
  readonly missing: string[]
  readonly skippedRelations: string[]
}

/**
 * Takes in what a remote has and this store does not know (CHK-601 to CHK-612): one chunk, one transaction, so that an
 * import that was cut goes on where it was. What is damaged is set aside alone and named.
 */
export async function pullChunks(
  store: SyncStore,
  remote: ChunkRemote,
  options: PullOptions,
): Promise<ChunkImportResult> {
  const reading = await remote.readManifest()
  const plan = planImport(reading.manifest, await remote.listChunks(), byId(store.knownChunks(remote.name)))
  const pull: Pull = {
    store,
    remote,
    options,
    tally: { ...noCounts, chunks_skipped: plan.known },
    quarantined: [],
    rows: [],
    missing: [],
    skippedRelations: [],
  }
  const progress = progressOf(pull, reading.manifest, plan.known, plan.pending.length)
  await takeAll(pull, plan.pending, progress)
  if (options.dryRun !== true) for (const entry of plan.unread) await learnHash(pull, entry)
  await replay(pull)
  progress(plan.pending.length, true)
  return resultOf(pull, warningsOf(reading.isSound, reading.isLost, plan.pending))
}

/** What fails about a chunk that is read ahead fails in its turn. */
async function takeAll(pull: Pull, pending: readonly PendingChunk[], progress: (done: number) => void): Promise<void> {
  const preparing = pull.options.dryRun === true ? null : preparingOf(pull.options.preparer, pending)
  const ahead = new Ahead(pending, preparing === null ? 1 : preparedAhead, (one) => comingOf(pull, one, preparing))
  try {
    for (const [index, one] of pending.entries()) {
      if (pull.options.signal?.aborted === true)
        throw new EngramError('aborted', 'The import was given up; what was taken in stays.')
      await takeChunk(pull, one, await ahead.take(index))
      progress(index + 1)
    }
  } finally {
    await preparing?.stop()
  }
}

/** A key is told, never a text in its place. */
const keyCharsMax = 128

const noCounts: Tally = {
  chunks_imported: 0,
  chunks_skipped: 0,
  sessions_imported: 0,
  observations_imported: 0,
  prompts_imported: 0,
  relations_replayed: 0,
  relations_deferred: 0,
  relations_dead: 0,
  chunks_missing: 0,
  chunks_quarantined: 0,
  rows_quarantined: 0,
  conflicts_listed: 0,
}

/** CHK-610: the share of what waited at the start. */
function progressOf(
  pull: Pull,
  manifest: Manifest,
  known: number,
  total: number,
): (done: number, isEnd?: boolean) => void {
  return (done, isEnd = false) => {
    const percentage = isEnd || total === 0 ? 100 : Math.floor((done / total) * 100)
    if (!isEnd && percentage === 100) return
    const local = known + pull.tally.chunks_imported
    pull.options.onProgress?.({ local, remote: manifest.chunks.length, pending: total - done, percentage })
  }
}

/** The file of a chunk that is to be taken in, as far as it is looked at before its turn. */
type Coming =
  | Exclude<ChunkFile, { readonly kind: 'file' }>
  | (Extract<ChunkFile, { readonly kind: 'file' }> & OpenedAhead)
  /** There is no need to open it: it was set aside and is the same file, or its document is here. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'known' }

type OpenedAhead = {
  /** Null where no other thread unpacks it. */
  readonly unpacked: ReturnType<typeof unpackAhead>
  readonly prepared: Promise<PreparedChunk | null> | null
}

async function comingOf(pull: Pull, pending: PendingChunk, preparing: Preparing | null): Promise<Coming> {
  const { entry, known } = pending
  if (known?.state === 'quarantined' && pull.options.retryQuarantined !== true) {
    // The same file gives the same answer; a bad name has no file.
    if (known.mark === ((await pull.remote.markOf(entry.id)) ?? '')) return { kind: 'unchanged' }
  }
  if (isHashKnown(pull, entry)) return { kind: 'known' }
  const file = await pull.remote.readChunk(entry.id)
  if (file.kind !== 'file') return file
  const prepared = preparing?.prepare(pending, file.packed) ?? null
  return { ...file, prepared, unpacked: prepared === null ? unpackAhead(file.packed) : null }
}

async function takeChunk(pull: Pull, pending: PendingChunk, coming: Coming): Promise<void> {
  const { entry, known } = pending
  if (coming.kind === 'unchanged') return quarantine(pull, pending, null, known?.reason ?? '')
  // Asked again: the chunk before may have been the same one.
  if (coming.kind === 'known' || isHashKnown(pull, entry)) return skipKnown(pull, pending, entry.ext?.hash ?? '')
  if (coming.kind === 'missing') return notePresence(pull, pending)
  if (coming.kind === 'refused') return quarantine(pull, pending, coming.mark, coming.reason)
  const prepared = await coming.prepared
  if (prepared !== null && (await takePrepared(pull, pending, prepared))) return
  const reading = await decodeNamedChunk(coming.packed, entry.id, entry.ext?.hash, coming.unpacked)
  if (!reading.ok) return quarantine(pull, pending, coming.mark, reading.reason)
  if (pull.store.knownHashes([reading.hash]).size > 0) return skipKnown(pull, pending, reading.hash)
  if (pull.options.dryRun === true) {
    pull.tally.chunks_imported++
    return
  }
  const chunk = noted(pending, 'read', { hash: reading.hash })
  const { records, refused } = recordsOf(reading.document, entry.created_at)
  addToTally(pull, entry.id, await pull.store.accept(pull.remote.name, chunk, records, refused))
}

/** @returns false for a chunk that has to be taken in record by record */
async function takePrepared(pull: Pull, pending: PendingChunk, prepared: PreparedChunk): Promise<boolean> {
  const { hash } = prepared
  if (pull.store.knownHashes([hash]).size > 0) {
    await skipKnown(pull, pending, hash)
    return true
  }
  const chunk = noted(pending, 'read', { hash })
  const accepted = await pull.store.acceptPrepared(pull.remote.name, chunk, prepared)
  if (accepted !== null) addToTally(pull, pending.entry.id, accepted)
  return accepted !== null
}

function addToTally(pull: Pull, chunkId: string, accepted: AcceptedChunk): void {
  pull.tally.chunks_imported++
  pull.tally.sessions_imported += accepted.sessions
  pull.tally.observations_imported += accepted.observations
  pull.tally.prompts_imported += accepted.prompts
  pull.tally.conflicts_listed += accepted.conflicts
  pull.skippedRelations.push(...accepted.dropped)
  pull.tally.rows_quarantined += accepted.refused.length
  for (const { entity, key, reason } of accepted.refused.slice(0, limits.chunkBadRowsKept)) {
    pull.rows.push({ chunk: chunkId, entity, key: key.slice(0, keyCharsMax), reason })
  }
}

/**
 * Opens a chunk whose rows came with an adopted database, once, to know it by its hash from here on (CHK-803). One that
 * cannot be read is no loss: what it held is here.
 */
async function learnHash(pull: Pull, { id, ext }: ChunkEntry): Promise<void> {
  const file = await pull.remote.readChunk(id)
  if (file.kind !== 'file') return
  const reading = await decodeNamedChunk(file.packed, id, ext?.hash)
  if (!reading.ok) return
  const chunk: KnownChunk = { id, hash: reading.hash, state: 'imported', reason: '', mark: '' }
  await pull.store.noteChunks(pull.remote.name, [chunk])
}

/** The manifest names a document that came through another folder: there is no need to open the file (CHK-601). */
const isHashKnown = (pull: Pull, { id, ext }: PendingChunk['entry']): boolean =>
  ext?.hash !== undefined && isChunkId(id) && ext.hash.startsWith(id) && pull.store.knownHashes([ext.hash]).size > 0

async function skipKnown(pull: Pull, pending: PendingChunk, hash: string): Promise<void> {
  pull.tally.chunks_skipped++
  if (pull.options.dryRun === true) return
  await pull.store.noteChunks(pull.remote.name, [noted(pending, 'read', { hash })])
}

const noted = (
  { entry, known }: PendingChunk,
  event: ChunkEvent,
  facts: { readonly hash?: string; readonly reason?: string; readonly mark?: string },
): KnownChunk => ({
  id: entry.id,
  hash: '',
  reason: '',
  mark: '',
  ...facts,
  state: stateAfter(known?.state ?? 'unknown', event),
})

/** A listed file that is not there may still come: it waits, and is no failure (CHK-602). */
async function notePresence(pull: Pull, pending: PendingChunk): Promise<void> {
  pull.tally.chunks_missing++
  pull.tally.chunks_skipped++
  pull.missing.push(pending.entry.id)
  if (pending.known?.state === 'missing' || pull.options.dryRun === true) return
  await pull.store.noteChunks(pull.remote.name, [noted(pending, 'absent', {})])
}

async function quarantine(pull: Pull, pending: PendingChunk, mark: string | null, reason: string): Promise<void> {
  pull.tally.chunks_quarantined++
  pull.quarantined.push({ id: pending.entry.id, reason })
  if (mark === null || pull.options.dryRun === true) return
  await pull.store.noteChunks(pull.remote.name, [noted(pending, 'damaged', { reason, mark })])
}

/** Also when nothing came: what they wait for may have been written here (CHK-609). */
async function replay(pull: Pull): Promise<void> {
  const { store, remote, tally, options } = pull
  if (options.dryRun !== true && store.countDeferred() > 0) {
    const { replayed, dead, dropped } = await store.replay(remote.name)
    tally.relations_replayed = replayed
    tally.relations_dead = dead
    pull.skippedRelations.push(...dropped)
  }
  tally.relations_deferred = store.countDeferred()
}

function warningsOf(isSound: boolean, isLost: boolean, pending: readonly PendingChunk[]): readonly string[] {
  const unlisted = pending.filter((one) => !one.isListed).length
  return [
    ...(isLost ? ['The manifest cannot be read; the chunks were found by their files.'] : []),
    ...(!isSound && !isLost ? ['The manifest is damaged; every entry that can be read was taken.'] : []),
    ...(unlisted === 0 ? [] : [`${unlisted} chunk file(s) stand in no manifest; they were read nevertheless.`]),
  ]
}

function resultOf(pull: Pull, warnings: readonly string[]): ChunkImportResult {
  const { tally, quarantined, rows, missing, skippedRelations } = pull
  return {
    ...tally,
    ...(skippedRelations.length === 0 ? {} : { skipped_relations: skippedRelations }),
    ...(quarantined.length === 0 ? {} : { quarantined }),
    ...(rows.length === 0 ? {} : { quarantined_rows: rows }),
    ...(missing.length === 0 ? {} : { missing }),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}
