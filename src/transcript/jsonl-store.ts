import { EngramError } from '../model/errors.ts'
import { systemClock } from '../platform/clock.ts'
import type { Clock } from '../platform/clock.ts'
import { systemLocks } from '../platform/file-lock.ts'
import type { FileLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import { systemMachineClock } from '../platform/machine-clock.ts'
import type { MachineClock } from '../platform/machine-clock.ts'
import { quickFiles } from '../platform/quick-files.ts'
import { systemRandom } from '../platform/random.ts'
import type { Random } from '../platform/random.ts'
import {
  checkAliases,
  checkKeepLast,
  checkList,
  checkNotes,
  checkPosition,
  checkRange,
  checkSummary,
  linesOfBatch,
  linesOfHistory,
} from './arguments.ts'
import { bounds } from './bounds.ts'
import { createDirectory, createPrepare, sweep } from './directory.ts'
import { Gate } from './gate.ts'
import { countOf, endOf, messagesOf, pageOf, rawTexts, readSession } from './history.ts'
import type { View } from './history.ts'
import { comparableLines, comparableMessages, decideImport, importSession, isMarkedWith } from './import-session.ts'
import type { ImportOutcome, ImportedSession, SessionImporter } from './import-session.ts'
import { inspectSession } from './inspect.ts'
import type { Inspection } from './inspect.ts'
import { checkKey } from './keys.ts'
import { chooseLayout, detectLayout, layouts } from './layout.ts'
import type { LayoutName } from './layout.ts'
import { DirectoryList, sessionNames } from './list-directory.ts'
import type { MarkedSession } from './list-directory.ts'
import { pageOfSessions, sortOf } from './listing.ts'
import { lineOf } from './message.ts'
import type { Line, LineOptions } from './message.ts'
import { notesOf } from './meta.ts'
import {
  compact,
  deleteSession,
  rewindHistory,
  setHistory,
  setNotes,
  setScope,
  setSummary,
  truncateHistory,
} from './operations.ts'
import { isMainAlias, promote } from './promotion.ts'
import { isSameRaw, openRaw, putRaw } from './raw-session.ts'
import type { CopiedSession, RawSession } from './raw-session.ts'
import { cleanAliases, resolveKey, sessionMetaOf } from './session-meta.ts'
import type { ResolvedKey, SessionMeta } from './session-meta.ts'
import type { Redact } from './redaction.ts'
import { Session, checkAborted } from './session.ts'
import type { Held } from './session.ts'
import { storageError } from './storage-error.ts'
import { timeText } from './store-context.ts'
import type { StoreContext, TranscriptLog } from './store-context.ts'
import type {
  AppendOptions,
  Appended,
  BatchAppended,
  BatchItem,
  BatchOptions,
  CallOptions,
  CompactOptions,
  HistoryOptions,
  HistoryPage,
  HistoryRange,
  ListOptions,
  SessionPage,
  TranscriptArchive,
  TranscriptMessage,
  TranscriptNotes,
} from './store.ts'

export type JsonlStoreOptions = {
  /** `auto`: as the directory is laid out already; a new one is native (TRN-304). */
  readonly layout?: LayoutName | 'auto'
  readonly files?: Files
  readonly clock?: Clock
  readonly random?: Random
  /** Locks between processes; others only where `files` are simulated too. */
  readonly locks?: FileLocks
  /** Tells one start of the machine from the next. */
  readonly machine?: Pick<MachineClock, 'bootId'>
  /** Without it, what is handed in is kept as it came (TRN-1401). */
  readonly redact?: Redact
  /** Creates nothing and refuses writes with `read_only`. */
  readonly readOnly?: boolean
  /** Stores and returns thoughts alone too (TRN-205). */
  readonly keepThoughts?: boolean
  readonly log?: TranscriptLog
}

/** Transcripts as append-only JSONL files, two per session, in one directory (TRN-301). Any number of stores and processes may share it. */
export class JsonlStore implements TranscriptArchive, SessionImporter {
  readonly #store: StoreContext
  readonly #redact: Redact | null
  readonly #list: DirectoryList
  /** By file name, the least recently used first. */
  readonly #sessions = new Map<string, Session>()
  /** Sessions that remember all their ids, the last used last. */
  #withIds: Session[] = []
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | null = null

  private constructor(store: StoreContext, redact: Redact | null) {
    this.#store = store
    this.#redact = redact
    this.#list = new DirectoryList(store)
  }

  /**
   * Opens a directory, making it and its parents when missing (TRN-106). `storage_failed` when that fails,
   * `transcript_layout_mismatch` when it holds transcripts of another layout (TRN-304).
   */
  static async open(directory: string, options: JsonlStoreOptions = {}): Promise<JsonlStore> {
    const files = options.files ?? quickFiles
    const path = directory.length > 1 ? directory.replace(/\/+$/, '') : directory
    const log = options.log ?? (() => undefined)
    const asked = options.layout ?? 'auto'
    const { directoryPermissions } = layouts[asked === 'compat' ? 'compat' : 'native']
    if (options.readOnly !== true) await createDirectory(files, path, directoryPermissions)
    const found = await detectLayout(files, path).catch((error: unknown) => {
      throw storageError(error, `open directory ${path}`)
    })
    const layout = chooseLayout(asked, found, path)
    if (layout.name === 'compat' && options.keepThoughts === true)
      throw new EngramError('invalid_request', 'keepThoughts: the compat layout has no place for thoughts alone')
    if (found.isNewer) log('newer_format', { directory: path, version: found.version })
    const store: StoreContext = {
      directory: path,
      layout,
      files,
      locks: options.locks ?? systemLocks,
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      log,
      readOnly: options.readOnly === true || found.isNewer,
      keepsThoughts: options.keepThoughts === true,
      syncs: new Gate(bounds.syncsAtOnceMax),
      bootId: (options.machine ?? systemMachineClock).bootId,
      prepare: createPrepare(files, path, layout, options.random ?? systemRandom),
    }
    if (!store.readOnly) await sweep(store)
    return new JsonlStore(store, options.redact ?? null)
  }

  addMessage(sessionKey: string, role: string, content: string, options: AppendOptions = {}): Promise<Appended> {
    return this.addFullMessage(sessionKey, { role, content }, options)
  }

  addFullMessage(sessionKey: string, message: TranscriptMessage, options: AppendOptions = {}): Promise<Appended> {
    return this.#write(sessionKey, options, async (session) => {
      const { durability = 'full', messageId, signal } = options
      const line = lineOf(message, { ...this.#lineOptions(), messageId })
      if (line === null) return { stored: false, duplicate: false, position: 0, redacted: 0, durability }
      const ids = messageId === undefined ? 'none' : 'recent'
      const answer = await session.append({ lines: [line], ids, durability, signal })
      const { position = 0, duplicate = false } = answer.placed[0] ?? {}
      const redacted = duplicate ? 0 : line.redacted
      return { stored: !duplicate, duplicate, position, redacted, durability: answer.durability }
    })
  }

  appendBatch(sessionKey: string, messages: readonly BatchItem[], options: BatchOptions = {}): Promise<BatchAppended> {
    return this.#write(sessionKey, options, async (session) => {
      const { durability = 'full', idsAfter = 0, signal } = options
      checkRange({ after: idsAfter })
      const lines = linesOfBatch(messages, this.#lineOptions())
      this.#keepIds(session)
      const answer = await session.append({ lines, ids: { after: idsAfter }, durability, signal })
      const fresh = lines.filter((_, index) => answer.placed[index]?.duplicate === false)
      return {
        appended: fresh.length,
        duplicates: lines.length - fresh.length,
        position: answer.end,
        redacted: fresh.reduce((sum, line) => sum + line.redacted, 0),
      }
    })
  }

  getHistory(sessionKey: string, options: HistoryOptions = {}): Promise<readonly TranscriptMessage[]> {
    return this.#read(sessionKey, options, (view) => messagesOf(view, options))
  }

  readHistory(sessionKey: string, options: HistoryRange = {}): Promise<HistoryPage> {
    return this.#read(sessionKey, options, (view) => pageOf(view, options))
  }

  getSummary(sessionKey: string, options: CallOptions = {}): Promise<string> {
    return this.#read(sessionKey, options, (view) => Promise.resolve(view.meta?.summary ?? ''))
  }

  setSummary(sessionKey: string, summary: string, options: CallOptions = {}): Promise<void> {
    return this.#write(sessionKey, options, async (session) => {
      checkSummary(summary)
      const clean = this.#redact?.(summary).text ?? summary
      await this.#hold(session, options, true, (held) => setSummary(held, clean))
    })
  }

  truncateHistory(sessionKey: string, keepLast: number, options: CallOptions = {}): Promise<void> {
    return this.#write(sessionKey, options, async (session) => {
      checkKeepLast(keepLast)
      await this.#hold(session, options, false, (held) => truncateHistory(held, keepLast))
    })
  }

  setHistory(sessionKey: string, history: readonly TranscriptMessage[], options: CallOptions = {}): Promise<void> {
    return this.#write(sessionKey, options, async (session) => {
      const lines = linesOfHistory(history, this.#lineOptions())
      await this.#hold(session, options, true, (held) => setHistory(held, lines))
    })
  }

  compact(sessionKey: string, options: CompactOptions = {}): Promise<void> {
    return this.#write(sessionKey, options, async (session) => {
      await this.#hold(session, options, false, (held) => compact(held, options.force === true))
    })
  }

  notes(sessionKey: string, options: CallOptions = {}): Promise<TranscriptNotes> {
    return this.#read(sessionKey, options, (view) => Promise.resolve(view.meta === null ? {} : notesOf(view.meta)))
  }

  setNotes(sessionKey: string, notes: TranscriptNotes, options: CallOptions = {}): Promise<void> {
    return this.#write(sessionKey, options, async (session) => {
      checkNotes(notes)
      this.#checkNotesFit(notes)
      const title = notes.title === undefined ? undefined : (this.#redact?.(notes.title).text ?? notes.title)
      const clean = title === undefined ? notes : { ...notes, title }
      await this.#hold(session, options, true, (held) => setNotes(held, clean))
    })
  }

  /** A layout of others has a place for the scope alone (TRN-1206). */
  #checkNotesFit(notes: TranscriptNotes): void {
    const { scope: _, ...others } = notes
    const name = Object.entries(others).find(([, value]) => value !== undefined)?.[0]
    if (this.#store.layout.hasOwnFields || name === undefined) return
    throw new EngramError('invalid_request', `${name}: the compat layout has no place for it`)
  }

  /** Position to come back to with {@link rewindHistory}. */
  savepoint(sessionKey: string, options: CallOptions = {}): Promise<number> {
    return this.end(sessionKey, options)
  }

  rewindHistory(sessionKey: string, position: number, options: CallOptions = {}): Promise<number> {
    return this.#write(sessionKey, options, async (session) => {
      checkPosition(position)
      return (await this.#hold(session, options, false, (held) => rewindHistory(held, position))) ?? 0
    })
  }

  /** What stands beside a transcript; of an unknown one empty, with the key (TRN-1202). */
  getSessionMeta(sessionKey: string, options: CallOptions = {}): Promise<SessionMeta> {
    return this.#read(sessionKey, options, (view) => Promise.resolve(sessionMetaOf(view.meta, sessionKey)))
  }

  /** Replaces scope and aliases; everything else stays (TRN-1202). */
  upsertSessionMeta(
    sessionKey: string,
    scope: Readonly<Record<string, unknown>> | undefined,
    aliases: readonly string[],
    options: CallOptions = {},
  ): Promise<void> {
    return this.#write(sessionKey, options, async (session) => {
      checkNotes(scope === undefined ? {} : { scope })
      checkAliases(aliases)
      const clean = cleanAliases(aliases, sessionKey)
      await this.#hold(session, options, true, (held) => setScope(held, scope, clean))
    })
  }

  /** Which session a name means, aliases included (TRN-1203). */
  resolveSessionKey(candidate: string): Promise<ResolvedKey> {
    return this.#call(async () => {
      checkKey(candidate)
      const key = candidate.trim()
      if (key === '') return { key, found: false }
      return resolveKey(this.#list, key, await this.#session(key).isThere())
    })
  }

  deleteSession(sessionKey: string, options: CallOptions & { readonly purge?: boolean } = {}): Promise<boolean> {
    return this.#write(sessionKey, options, async (session) => {
      const done = await this.#hold(session, options, false, async (held) => {
        const isThere = held.isThere
        if (isThere) await deleteSession(held, options.purge === true)
        return isThere
      })
      return done ?? false
    })
  }

  exists(sessionKey: string, options: CallOptions = {}): Promise<boolean> {
    return this.#read(sessionKey, options, (view) => Promise.resolve(view.meta !== null || view.file !== null))
  }

  count(sessionKey: string, options: CallOptions = {}): Promise<number> {
    return this.#read(sessionKey, options, countOf)
  }

  /** Position of the last line; 0 when there is none. */
  end(sessionKey: string, options: CallOptions = {}): Promise<number> {
    return this.#read(sessionKey, options, endOf)
  }

  /** Bytes of the transcript file. */
  size(sessionKey: string, options: CallOptions = {}): Promise<number> {
    return this.#read(sessionKey, options, (view) => Promise.resolve(view.size))
  }

  /** The last visible lines as they are stored, bad ones included; 0 means all. */
  rawLines(sessionKey: string, last: number, options: CallOptions = {}): Promise<readonly string[]> {
    return this.#read(sessionKey, { ...options, last }, (view) => rawTexts(view, last))
  }

  /** Reads every line and repairs nothing; null when there is no such session (TRN-1004). */
  inspect(sessionKey: string): Promise<Inspection | null> {
    return this.#call(() => {
      checkKey(sessionKey)
      return inspectSession(this.#store, this.#store.layout.nameOf(sessionKey))
    })
  }

  /** File names of all sessions without extension, sorted; {@link inspectName} takes them. */
  sessionNames(): Promise<readonly string[]> {
    return this.#call(() => sessionNames(this.#store))
  }

  inspectName(name: string): Promise<Inspection | null> {
    return this.#call(() => inspectSession(this.#store, name))
  }

  /** Takes a whole session in one step, unless it would lose what is there (TRN-1103–1105). */
  importSession(
    sessionKey: string,
    session: ImportedSession,
    options: CallOptions & { readonly dryRun?: boolean } = {},
  ): Promise<ImportOutcome> {
    const linesOf = (): Line[] => {
      const shared = this.#lineOptions()
      return linesOfHistory(session.messages, { ...shared, now: session.created ?? shared.now })
    }
    if (options.dryRun === true) {
      return this.#read(sessionKey, options, async (view) => {
        const there = await comparableMessages(this.#store, view)
        const coming = comparableLines(this.#store, linesOf())
        return decideImport(there, coming, isMarkedWith(view.meta, session.from.sha256))
      })
    }
    return this.#write(sessionKey, options, async (held) => {
      const lines = linesOf()
      checkSummary(session.summary)
      const clean = { ...session, summary: this.#redact?.(session.summary).text ?? session.summary }
      const outcome = await this.#hold(held, options, true, (one) => importSession(one, clean, lines))
      return outcome ?? 'conflict'
    })
  }

  /**
   * Makes an alias's messages and summary those of a session that has none, the first alias that has any (TRN-1204). Two
   * sessions are locked in the order of their file names, so that opposite promotions cannot block each other (TRN-805).
   */
  promoteAliasHistory(
    sessionKey: string,
    scope: Readonly<Record<string, unknown>> | undefined,
    aliases: readonly string[],
    options: CallOptions = {},
  ): Promise<boolean> {
    return this.#write(sessionKey, options, async (session) => {
      checkAliases(aliases)
      const clean = cleanAliases(aliases, sessionKey)
      for (const alias of clean.filter((one) => !isMainAlias(one))) {
        checkKey(alias)
        const other = this.#session(alias)
        if (other === session || !(await other.isThere())) continue
        if (await this.#holdBoth(session, other, (into, from) => promote(into, from, { scope, aliases: clean })))
          return true
      }
      return false
    })
  }

  async #holdBoth(into: Session, from: Session, work: (into: Held, from: Held) => Promise<boolean>): Promise<boolean> {
    const isInOrder = Buffer.compare(Buffer.from(into.paths.name), Buffer.from(from.paths.name)) < 0
    const [first, second] = isInOrder ? [into, from] : [from, into]
    const done = await this.#hold(first, {}, true, (one) =>
      this.#hold(second, {}, true, (two) => (isInOrder ? work(one, two) : work(two, one))),
    )
    return done ?? false
  }

  /** Copies one session of another store as it stands (TRN-1106); null when it is none. */
  copyFrom(source: JsonlStore, name: string, dryRun: boolean): Promise<CopiedSession | null> {
    return this.#call(async () => {
      const raw = await openRaw(source.#store, name)
      if (raw === null) return null
      try {
        return await this.#copy(raw, dryRun)
      } finally {
        await raw.file?.close()
      }
    })
  }

  async #copy(raw: RawSession, dryRun: boolean): Promise<CopiedSession> {
    const { key } = raw.meta
    const there = await openRaw(this.#store, this.#store.layout.nameOf(key))
    const isThere = there !== null && (there.file !== null || there.meta.createdAt !== '')
    try {
      if (there !== null && isThere) {
        if (await isSameRaw(raw, there, this.#store.layout.hasSums)) return { key, outcome: 'present', lines: 0 }
        return { key, outcome: 'conflict', reason: `another session is there: ${there.meta.key}`, lines: 0 }
      }
    } finally {
      await there?.file?.close()
    }
    if (dryRun) return { key, outcome: 'copied', lines: raw.meta.count }
    const lines = await this.#hold(this.#session(key), {}, true, (held) => putRaw(held, raw))
    return { key, outcome: 'copied', lines: lines ?? 0 }
  }

  get layout(): LayoutName {
    return this.#store.layout.name
  }

  listSessions(options: ListOptions = {}): Promise<SessionPage> {
    return this.#call(async () => {
      checkList(options)
      const page = pageOfSessions(await this.#list.sorted(sortOf(options)), options)
      void this.#track(this.#list.keep())
      if (options.counts !== true) return page
      const sessions = []
      for (const listing of page.sessions) {
        const messages = await this.#readOf(this.#session(listing.key), countOf)
        sessions.push({ ...listing, messages })
      }
      return { ...page, sessions }
    })
  }

  /** Every session's key, those written last first, with a mark that changes with its files. */
  markedSessions(): Promise<readonly MarkedSession[]> {
    return this.#call(() => this.#list.marked())
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeNow()
    return this.#closing
  }

  async #closeNow(): Promise<void> {
    // Calls under way run to their end, then nothing is left open.
    await Promise.allSettled(this.#running)
    await Promise.allSettled([...this.#sessions.values()].map((session) => session.park()))
    await Promise.allSettled(this.#running)
    this.#sessions.clear()
  }

  #lineOptions(): Omit<LineOptions, 'messageId'> {
    const { clock, layout, keepsThoughts } = this.#store
    return { now: timeText(clock), redact: this.#redact, hasSums: layout.hasSums, keepsThoughts }
  }

  #read<T>(sessionKey: string, options: HistoryOptions, read: (view: View) => Promise<T>): Promise<T> {
    return this.#call(async () => {
      checkKey(sessionKey)
      checkRange(options)
      checkAborted(options.signal)
      return this.#readOf(this.#session(sessionKey), read)
    })
  }

  #readOf<T>(session: Session, read: (view: View) => Promise<T>): Promise<T> {
    return session.reading(() => readSession(this.#store, session, read))
  }

  #write<T>(sessionKey: string, options: CallOptions, write: (session: Session) => Promise<T>): Promise<T> {
    return this.#call(async () => {
      checkKey(sessionKey)
      if (this.#store.readOnly) {
        throw new EngramError('read_only', `${this.#store.directory}: the transcripts were opened for reading only`)
      }
      checkAborted(options.signal)
      const session = this.#session(sessionKey)
      return write(session).finally(() => this.#list.forget(session.paths.name))
    })
  }

  #hold<T>(
    session: Session,
    options: CallOptions,
    creates: boolean,
    work: (held: Held) => Promise<T>,
  ): Promise<T | undefined> {
    return session.hold(work, { creates, signal: options.signal })
  }

  /** Every call passes here: refused once closed, waited for by `close`, disk failures made ours. */
  #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== null)
      return Promise.reject(new EngramError('store_closed', 'the transcript store was closed'))
    const running = work().catch((error: unknown) => {
      throw error instanceof Error && !('code' in error) ? error : storageError(error, 'read the session')
    })
    return this.#track(running)
  }

  #track<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running)
    const done = (): boolean => this.#running.delete(running)
    running.then(done, done)
    return running
  }

  #session(key: string): Session {
    const name = this.#store.layout.nameOf(key)
    const session = this.#sessions.get(name) ?? new Session(this.#store, key)
    this.#sessions.delete(name)
    this.#sessions.set(name, session)
    this.#makeRoom(session)
    return session
  }

  /** Idle sessions beyond the bound are put away, the longest unused first. */
  #makeRoom(wanted: Session): void {
    if (this.#sessions.size <= bounds.sessionsOpenMax) return
    for (const [name, session] of this.#sessions) {
      if (this.#sessions.size <= bounds.sessionsOpenMax) return
      if (session === wanted || !session.isIdle) continue
      this.#sessions.delete(name)
      void this.#track(session.park()).catch(() => undefined)
    }
  }

  #keepIds(session: Session): void {
    this.#withIds = [...this.#withIds.filter((one) => one !== session), session]
    for (const one of this.#withIds.splice(0, this.#withIds.length - bounds.idSessionsMax)) one.forgetIds()
  }
}
