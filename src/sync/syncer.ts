import { join } from 'node:path'
import { EngramError } from '../model/errors.ts'
import type { SyncStore } from '../model/ports.ts'
import type {
  ChunkImportResult,
  Manifest,
  SyncProgress,
  SyncResult,
  SyncSelection,
  SyncStatus,
  WithAuto,
} from '../model/sync.ts'
import { sha256Hex } from '../platform/bytes.ts'
import type { Clock } from '../platform/clock.ts'
import type { FileLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import type { Random } from '../platform/random.ts'
import { manifestSummary } from '../protocol/manifest.ts'
import { byId } from './chunk-state.ts'
import { gitChunks } from './git-chunks.ts'
import { planImport } from './plan.ts'
import type { PreparerDoor } from './preparer.ts'
import { pullChunks } from './pull.ts'
import { pushChanges } from './push.ts'
import { rebuiltManifest } from './rebuild.ts'
import type { ChunkRemote } from './remote.ts'
import { verifyChunks, type Verified } from './verify.ts'

/** What carries chunks: the store, and doors to the machine. */
export type SyncDoors = {
  readonly store: SyncStore
  readonly files: Files
  readonly locks: FileLocks
  readonly clock: Clock
  readonly random: Random
  readonly dataDir: string
  /** The one name of a place, links followed. */
  readonly realPath: (path: string) => Promise<string>
  /** For imports of many records; without it they are taken in by this thread alone. */
  readonly preparer?: PreparerDoor | undefined
}

export type SyncOptions = {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: SyncProgress) => void) | undefined
  readonly includePersonal?: boolean | undefined
  readonly withAuto?: WithAuto | undefined
  /** Says what would happen and changes nothing. */
  readonly dryRun?: boolean | undefined
  readonly retryQuarantined?: boolean | undefined
  readonly manifestVersion?: number | undefined
}

const lockWaitMs = 10_000

/**
 * Memory in and out of one sync dir (CHK-901 to CHK-903).
 * - Two calls on one sync dir wait for each other; after 10 s it is `lock_timeout`.
 * - Throws EngramError. What an import has taken in stays when it is cut, and the next one goes on there.
 */
export class Syncer {
  readonly #open: () => Promise<Opened>
  #opened: Promise<Opened> | null = null

  /** @param source an opened engine, or anything with the same doors */
  constructor(source: { readonly sync: () => Promise<SyncDoors> }, syncDir: string) {
    this.#open = async () => openRemote(await source.sync(), syncDir)
  }

  /** Writes what changed since the last time. @param project '' is all projects */
  export(createdBy: string, project: string, options: SyncOptions = {}): Promise<SyncResult> {
    const { signal, dryRun, manifestVersion } = options
    const push = { createdBy, selection: selectionOf(project, options), signal, dryRun, manifestVersion }
    return this.#locked(({ doors, remote }) => pushChanges(doors.store, remote, doors.clock, push))
  }

  /** Takes in every chunk that is not known yet. */
  import(options: SyncOptions = {}): Promise<ChunkImportResult> {
    return this.#locked(({ doors, remote }) =>
      pullChunks(doors.store, remote, { ...options, preparer: doors.preparer }),
    )
  }

  async status(project = '', options: Pick<SyncOptions, 'includePersonal' | 'withAuto'> = {}): Promise<SyncStatus> {
    const { doors, remote } = await this.#doors()
    const { store } = doors
    const { manifest } = await remote.readManifest()
    const chunks = store.knownChunks(remote.name)
    // Listed ones only: they are what the manifest promises (CHK-801).
    const plan = planImport(manifest, [], byId(chunks))
    const waiting = plan.pending.flatMap(({ known }) => (known === null ? [] : [known]))
    return {
      localChunks: plan.known,
      remoteChunks: manifest.chunks.length,
      pendingImport: plan.pending.length,
      quarantined: chunks.filter((one) => one.state === 'quarantined').map(({ id, reason }) => ({ id, reason })),
      missing: waiting.filter((one) => one.state === 'missing').map(({ id }) => id),
      unexported: store.countUntold(remote.name, selectionOf(project, options)),
      summary: manifestSummary(manifest),
    }
  }

  /** Writes the manifest anew from the chunks there are (CHK-406). */
  rebuildManifest(): Promise<Manifest> {
    return this.#locked(async ({ remote }) => {
      const reading = await remote.readManifest()
      const manifest = await rebuiltManifest(remote, reading.manifest)
      await remote.writeManifest(manifest)
      return manifest
    })
  }

  /**
   * Checks every chunk, and that an empty store which takes them all in holds what this one does (CHK-704). Changes
   * nothing but the empty store.
   */
  async verify(
    empty: SyncStore,
    project = '',
    options: Pick<SyncOptions, 'includePersonal' | 'withAuto' | 'signal'> = {},
  ): Promise<Verified> {
    const { doors, remote } = await this.#doors()
    return verifyChunks(doors.store, empty, remote, selectionOf(project, options), {
      signal: options.signal,
      preparer: doors.preparer,
    })
  }

  #doors(): Promise<Opened> {
    return (this.#opened ??= this.#open())
  }

  async #locked<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = await this.#doors()
    const { doors, remote } = opened
    const lock = join(doors.dataDir, `sync-${sha256Hex(remote.name).slice(0, 16)}`)
    const held = await doors.locks.acquire(lock, lockWaitMs)
    if (held === null) throw new EngramError('lock_timeout', `Another sync of ${remote.name} is running.`)
    try {
      return await work(opened)
    } finally {
      await held.release()
    }
  }
}

type Opened = { readonly doors: SyncDoors; readonly remote: ChunkRemote }

async function openRemote(doors: SyncDoors, syncDir: string): Promise<Opened> {
  const { files, random, dataDir, realPath } = doors
  const directory = await realPath(syncDir)
  return { doors, remote: gitChunks({ files, random, directory, dataDir: await realPath(dataDir) }) }
}

const selectionOf = (project: string, options: Pick<SyncOptions, 'includePersonal' | 'withAuto'>): SyncSelection => ({
  project: project === '' ? null : project,
  includePersonal: options.includePersonal ?? false,
  withAuto: options.withAuto ?? 'strong',
})
