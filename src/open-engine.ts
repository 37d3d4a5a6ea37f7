import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Caller } from './api/caller.ts'
import { Engine, type BoundHandlers } from './engine/engine.ts'
import type { EngineDeps } from './engine/handler.ts'
import { meaningDeps } from './engine/search-index.ts'
import { onDemand } from './engine/on-demand.ts'
import { offerSharedSaves } from './engine/offer-shared-saves.ts'
import { createRedactor, type RedactOptions } from './engine/rules/redact.ts'
import { drainHeard, waitingNames } from './engine/hook-spool.ts'
import { secretsIn } from './engine/secret-names.ts'
import { endIdleSessions } from './engine/session-of-write.ts'
import { drainSpool, queueable, spoolNames } from './engine/spool.ts'
import type { Embedder } from './search/embedder.ts'
import type { MeaningUse } from './search/meaning.ts'
import type { ConversationArchive, SearchedConversations } from './model/ports.ts'
import { defaultSettings, type Settings } from './model/settings.ts'
import { SqliteLog } from './live/sqlite-log.ts'
import type { Live } from './open-live.ts'
import type { MachineClock } from './platform/machine-clock.ts'
import { systemClock, type Clock } from './platform/clock.ts'
import { systemFiles, writeAtomic, type Files } from './platform/files.ts'
import { systemGit } from './platform/git.ts'
import { createIds } from './platform/ids.ts'
import { silentLog, type Log } from './platform/log.ts'
import { systemRandom, type Random } from './platform/random.ts'
import { isAlone } from './store/alone.ts'
import { changeSeqNow, originOf, setMeta } from './store/change-clock.ts'
import { migrations } from './store/migrations/index.ts'
import { keptShare } from './store/checkpoint.ts'
import { databasePath } from './store/open-database.ts'
import { Store } from './store/store.ts'
import type { SyncDoors } from './sync/syncer.ts'
import { transcriptHandlers } from './transcript-handlers.ts'
import type { JsonlStore, JsonlStoreOptions } from './transcript/jsonl-store.ts'
import { programVersion } from './version.ts'

export type OpenEngineOptions = {
  /** Absolute path; made (0700) when it is missing. */
  readonly dataDir: string
  readonly settings?: Partial<Settings>
  readonly redact?: RedactOptions
  readonly allowNetworkFs?: boolean
  readonly readOnly?: boolean
  /**
   * Opens also where the database cannot be: saves are queued, copies are listed and put back, and the doctor says what
   * is wrong. Everything else fails as opening did, until it succeeds (MEM-111, MEM-1104).
   */
  readonly mayBeShut?: boolean
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly homeDir?: string
  readonly clock?: Clock
  readonly random?: Random
  readonly files?: Files
  readonly log?: Log
  /** What turns texts into vectors: the bundled model where it is left out, null for none. */
  readonly embedder?: Embedder | null
  /** `when-asked` in processes that answer one call and end; `at-need` by default (RET-608). */
  readonly meaningUse?: MeaningUse
  /** What leases are measured by; tests turn it by hand. */
  readonly machine?: MachineClock
  /** A process that stays and serves: when nobody else has the file open, live leases get a moment (COL-1208). */
  readonly isServer?: boolean
}

export type OpenedEngine = {
  readonly caller: Caller
  readonly deps: EngineDeps
  /** Streams, and lists as they are stored. */
  readonly live: Live
  /** For a `Syncer` (CHK-903). */
  readonly sync: () => Promise<SyncDoors>
  /** Whether anything changed in the file since it was opened here. */
  hasWritten(): boolean
  /** Housekeeping nobody waits for: queued saves are written, idle sessions end. Safe at any time. */
  tend(): Promise<void>
  close(): Promise<void>
}

/** The engine over one data dir. Throws EngramError when the directory cannot be used, having changed nothing. */
export async function openEngine(options: OpenEngineOptions): Promise<OpenedEngine> {
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const files = options.files ?? systemFiles
  const settings: Settings = { ...defaultSettings, ...options.settings }
  const redactor = createRedactor(options.redact)
  const wasAlone = options.isServer === true && isAlone(databasePath(options.dataDir, 'engram.db'))
  const store = openStore(options, { clock, random, settings })
  const contextLog = openLog(options, store, clock, settings)
  const transcripts = lazyTranscripts(join(options.dataDir, 'transcripts'), () => ({
    ...(options.files === undefined ? {} : { files }),
    clock,
    random,
    redact: (text: string) => {
      const cleaned = redactor.clean(text)
      return { text: cleaned.text, places: cleaned.kinds.length + cleaned.privateBlocks }
    },
  }))
  const deps: EngineDeps = {
    store,
    contextLog,
    clock,
    ids: createIds(clock, random),
    files,
    git: systemGit(options.environment ?? {}),
    log: options.log ?? silentLog,
    redactor,
    settings,
    archive: transcripts.archive,
    conversations: transcripts.searched,
    ...meaningDeps(await embedderOf(options, settings), store, clock, {
      use: options.meaningUse,
      unitVectorsMax: settings.unitVectorsMax,
    }),
    dataDir: options.dataDir,
    homeDir: options.homeDir ?? homedir(),
    version: programVersion(),
  }
  offerSharedSaves(deps)
  if (store.hasOpened) {
    await nameDataDir(deps)
    await writeWhatWaits(deps)
    if (wasAlone && store.mode === 'read-write') await contextLog.restart()
  }
  const live = lazyLive(deps, contextLog)
  const openedAt = store.hasOpened ? store.read(changeSeqNow) : null
  const engine: Engine = new Engine(
    deps,
    boundHandlers(options, transcripts, () => engine),
  )
  return {
    caller: engine,
    deps,
    live,
    sync: async () => (await import('./sync-doors.ts')).syncDoors(deps),
    hasWritten: () => store.mode === 'read-write' && store.isOpen && store.read(changeSeqNow) !== openedAt,
    tend: () => tend(deps),
    close: async () => {
      await live.close()
      await transcripts.close()
      await deps.meaning?.close()
      await store.close()
    },
  }
}

/** Operations whose work lies in folders the engine does not know; they reach memory through the port like anybody. */
function boundHandlers(options: OpenEngineOptions, transcripts: Transcripts, caller: () => Caller): BoundHandlers {
  return {
    ...transcriptHandlers(transcripts),
    'ingest.run': async (deps, input, context) => {
      const { runIngest } = await import('./ingest/run.ts')
      const { systemLocks } = await import('./platform/file-lock.ts')
      const { files, clock, homeDir, dataDir, log } = deps
      const environment = options.environment ?? {}
      const doors = {
        caller: caller(),
        transcripts,
        files,
        locks: systemLocks,
        clock,
        environment,
        homeDir,
        dataDir,
        log,
        isSecret: (name: string) => secretsIn(deps.redactor, name).length > 0,
      }
      return runIngest(doors, input, context)
    },
    ...onDemand(
      [
        'sync.export',
        'sync.import',
        'sync.status',
        'sync.verify',
        'sync.rebuild-manifest',
        'sync.squash',
        'sync.merge-driver',
        'sync.merge-manifest',
      ],
      async () => (await import('./bind-sync.ts')).bindSync(options.environment ?? {}),
    ),
  }
}

/** The bundled model, unless it was switched off, is not installed or would take the only core (RET-607). */
async function embedderOf(options: OpenEngineOptions, settings: Settings): Promise<Embedder | null> {
  if (options.embedder !== undefined) return options.embedder
  if (settings.embedder === 'none') return null
  const { minilmEmbedder } = await import('./search/embedders/minilm.ts')
  return minilmEmbedder()
}

type Ground = { readonly clock: Clock; readonly random: Random; readonly settings: Settings }

/** Some thousand units, and never more than stays when the log begins anew. */
const readyFor = ({ walBytesForced }: Settings): number =>
  Math.min(32 * 1024 * 1024, Math.floor(walBytesForced * keptShare))

const openStore = (options: OpenEngineOptions, { clock, random, settings }: Ground): Store =>
  Store.open({
    dataDir: options.dataDir,
    migrations,
    clock,
    random,
    durability: settings.durability,
    batchJobsMax: settings.walBatchSize,
    walBytesForced: settings.walBytesForced,
    // What ends in a moment folds its log into the file then.
    ...(options.isServer === true ? { walSyncMs: settings.walSyncMs, walBytesReady: readyFor(settings) } : {}),
    program: `engram ${programVersion()}`,
    allowNetworkFs: options.allowNetworkFs ?? false,
    readOnly: options.readOnly ?? false,
    openLaterAfter: options.mayBeShut === true ? [...queueable, 'storage_full'] : [],
  })

const openLog = (options: OpenEngineOptions, store: Store, clock: Clock, settings: Settings): SqliteLog =>
  new SqliteLog({
    store,
    clock,
    durability: settings.durability,
    ...(options.machine === undefined ? {} : { machine: options.machine }),
  })

/** `instance_id` names this data dir; a database copied from elsewhere takes the name of its new place (MEM-102). */
async function nameDataDir(deps: EngineDeps): Promise<void> {
  const path = join(deps.dataDir, 'instance_id')
  const origin = deps.store.read(originOf)
  const bytes = await deps.files.readBytes(path)
  const named = bytes === null ? '' : new TextDecoder().decode(bytes).trim()
  if (named === origin || deps.store.mode === 'read-only') return
  if (/^[0-9a-f]{16}$/.test(named)) {
    await deps.store.write((tx) => setMeta(tx, 'origin', named))
    return
  }
  const line = new TextEncoder().encode(`${origin}\n`)
  await writeAtomic(deps.files, path, line, { permissions: 0o600, unique: deps.ids.ulid() })
}

/** What a command gives to the saves that wait, before it does its own work; the rest is for the next ones. */
const drainMsAtOpen = 100
const drainMsTended = 1_000

/**
 * The next process that can write takes the saves that waited (MEM-111); when it cannot either, they wait on. Nothing is
 * waited for: who only came to read must not stand in a line of writers.
 */
async function writeWhatWaits(deps: EngineDeps): Promise<void> {
  const [saves, heard] = [await spoolNames(deps), await waitingNames(deps)]
  if (saves.length + heard.length === 0 || !deps.store.canWriteNow()) return
  try {
    if (saves.length > 0) await drainSpool(deps, drainMsAtOpen)
    if (heard.length > 0) await drainHeard(deps, { filesMax: heard.length, msMax: drainMsAtOpen })
  } catch (error) {
    deps.log.warn('what was queued waits on', { error: error instanceof Error ? error.message : String(error) })
  }
}

async function tend(deps: EngineDeps): Promise<void> {
  if (deps.store.mode === 'read-only') return
  if ((await spoolNames(deps)).length > 0) await drainSpool(deps)
  await drainHeard(deps, { filesMax: 100, msMax: drainMsTended })
  await deps.store.write((tx) => endIdleSessions(tx, deps.clock.nowMs(), deps.settings))
}

/** Most processes never stream: the live side is read by the first that does. */
function lazyLive(deps: EngineDeps, log: SqliteLog): Live {
  let opened: Promise<Live> | null = null
  const open = (): Promise<Live> => (opened ??= import('./open-live.ts').then(({ openLive }) => openLive(deps, log)))
  return {
    feed: async () => (await open()).feed(),
    unitTexts: async (input) => (await open()).unitTexts(input),
    eventTexts: async (input, signal) => (await open()).eventTexts(input, signal),
    unitText: async (id) => (await open()).unitText(id),
    begin: async () => (await open()).begin(),
    close: async () => (opened === null ? log.close() : (await opened).close()),
  }
}

type Transcripts = {
  readonly archive: ConversationArchive
  readonly searched: SearchedConversations
  open(): Promise<JsonlStore>
  /** Another directory with the same redactor and doors; the caller closes it. */
  openAt(directory: string, place: Pick<JsonlStoreOptions, 'layout' | 'readOnly'>): Promise<JsonlStore>
  close(): Promise<void>
}

/** Most commands never touch a transcript: the store is opened by the first that does. */
function lazyTranscripts(directory: string, options: () => JsonlStoreOptions): Transcripts {
  let opened: Promise<JsonlStore> | null = null
  const open = (): Promise<JsonlStore> => (opened ??= openTranscripts(directory, options()))
  const openAt: Transcripts['openAt'] = (other, place) => openTranscripts(other, { ...options(), ...place })
  const archive: ConversationArchive = {
    messages: async (key) => (await open()).getHistory(key),
    remove: async (key) => {
      const store = await open()
      if (!(await store.exists(key))) return false
      await store.deleteSession(key, { purge: true })
      return true
    },
  }
  const searched = searchedConversations(directory, options, open)
  return { archive, searched, open, openAt, close: async () => opened?.then((store) => store.close()) }
}

/** Searching makes no directory, and shows what others wrote into one only as we would have kept it. */
function searchedConversations(
  directory: string,
  options: () => JsonlStoreOptions,
  open: () => Promise<JsonlStore>,
): SearchedConversations {
  const cleaned = (text: string): string => options().redact?.(text).text ?? text
  return {
    list: async () => {
      if ((await (options().files ?? systemFiles).facts(directory)) === null) return []
      const sessions = await (await open()).markedSessions()
      return sessions.map(({ key, createdAt, mark }) => ({ key, stamp: mark, begunAt: createdAt }))
    },
    about: async (key) => {
      const { project = '', session_id: sessionId = '' } = await (await open()).notes(key)
      return { project, sessionId }
    },
    page: async (key, after, limit) => {
      const store = await open()
      const page = await store.readHistory(key, { after, limit })
      if (store.layout === 'native') return page
      const messages = page.messages.map(({ position, message }) => ({
        position,
        message: { ...message, content: cleaned(message.content) },
      }))
      return { ...page, messages }
    },
  }
}

async function openTranscripts(directory: string, options: JsonlStoreOptions): Promise<JsonlStore> {
  const { JsonlStore } = await import('./transcript/jsonl-store.ts')
  return JsonlStore.open(directory, options)
}
