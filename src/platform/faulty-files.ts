import { readSmall } from './files.ts'
import type { FileFacts, Files, OpenFile } from './files.ts'

export type OperationKind =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'facts'
  | 'close'
  | 'list'
  | 'makeDirectory'
  | 'readBytes'
  | 'rename'
  | 'link'
  | 'remove'
  | 'removeDirectory'
  | 'syncDirectory'

export type Operation = {
  readonly kind: OperationKind
  readonly path: string
  readonly bytes: number
  /** It changes the disk; opening what exists does not. */
  readonly isChange: boolean
}

/**
 * What goes wrong at the `at`-th (from 1) operation that matches.
 *
 * - `fail`: it rejects with `code`, nothing done; with `partBytes` a write stores that many bytes first (short write).
 * - `crash`: the machine stops before it (`partBytes` of a write still arrive), or after it with `isDone`. From then on
 *   every operation rejects with code ECRASHED.
 * `isLasting`: every later matching operation fails too.
 */
export type Fault = {
  readonly at: number
  readonly matches?: (operation: Operation) => boolean
  readonly kind: 'fail' | 'crash'
  readonly code?: string
  readonly partBytes?: number
  readonly isDone?: boolean
  readonly isLasting?: boolean
}

/** For {@link Fault.matches}: crash points of a matrix are counted over what changes the disk. */
export const isChange = (operation: Operation): boolean => operation.isChange

const changing: ReadonlySet<OperationKind> = new Set([
  'write',
  'sync',
  'truncate',
  'makeDirectory',
  'rename',
  'link',
  'remove',
  'removeDirectory',
  'syncDirectory',
])

const errorOf = (code: string, operation: Operation): Error =>
  Object.assign(new Error(`${code}: simulated, ${operation.kind} '${operation.path}'`), { code })

/** A file's fate in a power cut: everything past `syncedBytes` may be gone. Shared by all names of the file. */
type Fate = { syncedBytes: number }
/** A directory entry not yet on the disk, and how it looks when it never got there. */
type Unsynced = { readonly directory: string; readonly undo: () => Promise<void> }

const directoryOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 1))

/**
 * The simulated door to the disk: passes everything to another `Files`, counts it, fails or stops at a chosen operation,
 * and can take back what was never synced, as a power cut does: bytes after the last `sync`, directory entries after the
 * last `syncDirectory`. Truncating and making directories count as lasting at once.
 */
export class FaultyFiles implements Files {
  readonly #inner: Files
  #fault: Fault | null
  #matched = 0
  #isCrashed = false
  readonly #fates = new Map<string, Fate>()
  #entries: Unsynced[] = []
  readonly #open = new Set<OpenFile>()
  /** Everything asked so far, in order. */
  readonly operations: Operation[] = []

  constructor(inner: Files, fault: Fault | null = null) {
    this.#inner = inner
    this.#fault = fault
  }

  get isCrashed(): boolean {
    return this.#isCrashed
  }

  /** True once the fault has struck. */
  get hasStruck(): boolean {
    return this.#fault !== null && this.#matched >= this.#fault.at
  }

  count(kind: OperationKind, pathPart = ''): number {
    return this.operations.filter((one) => one.kind === kind && one.path.includes(pathPart)).length
  }

  bytesWritten(pathPart = ''): number {
    const writes = this.operations.filter((one) => one.kind === 'write' && one.path.includes(pathPart))
    return writes.reduce((sum, one) => sum + one.bytes, 0)
  }

  /** Sets the next fault, counted from now; null heals. */
  arm(fault: Fault | null): void {
    this.#fault = fault
    this.#matched = 0
  }

  /**
   * The power is cut. `keepBytes(unsynced)` says how many unsynced bytes of a file survive, `keepEntries(unsynced)` how
   * many of the unsynced directory changes, oldest first. The inner files then hold what a restart finds.
   */
  async cutPower(
    keepBytes: (unsynced: number) => number = () => 0,
    keepEntries: (unsynced: number) => number = () => 0,
  ): Promise<void> {
    this.#isCrashed = true
    for (const file of this.#open) await file.close().catch(() => undefined)
    for (const [path, fate] of this.#fates) await this.#cutBytes(path, fate, keepBytes)
    const kept = keepEntries(this.#entries.length)
    for (const entry of this.#entries.slice(kept).toReversed()) await entry.undo()
  }

  /** The process dies, the machine lives on: nothing is lost but what was not yet asked for. */
  async killProcess(): Promise<void> {
    this.#isCrashed = true
    for (const file of this.#open) await file.close().catch(() => undefined)
  }

  async open(path: string, mode: Parameters<Files['open']>[1], permissions?: number): Promise<OpenFile> {
    const isMade = mode !== 'read' && (await this.#inner.facts(path)) === null
    const file = await this.#pass({ kind: 'open', path, bytes: 0, isChange: isMade }, async () => {
      const opened = await this.#inner.open(path, mode, permissions)
      this.#open.add(opened)
      if (isMade) {
        this.#fates.set(path, { syncedBytes: 0 })
        this.#note(path, () => this.#inner.remove(path))
      } else if (!this.#fates.has(path)) this.#fates.set(path, { syncedBytes: (await opened.facts()).size })
      return opened
    })
    return this.#wrap(file, path)
  }

  facts(path: string): Promise<FileFacts | null> {
    return this.#ask('facts', path, () => this.#inner.facts(path))
  }

  factsOfMany(paths: readonly string[]): Promise<readonly (FileFacts | null)[]> {
    return Promise.all(paths.map((path) => this.facts(path)))
  }

  readMany(paths: readonly string[], bytesMax: number): ReturnType<Files['readMany']> {
    return Promise.all(paths.map((path) => readSmall(this, path, bytesMax)))
  }

  list(directory: string): ReturnType<Files['list']> {
    return this.#ask('list', directory, () => this.#inner.list(directory))
  }

  makeDirectory(path: string, permissions: number): Promise<void> {
    return this.#ask('makeDirectory', path, () => this.#inner.makeDirectory(path, permissions))
  }

  readBytes(path: string): Promise<Uint8Array | null> {
    return this.#ask('readBytes', path, () => this.#inner.readBytes(path))
  }

  async rename(from: string, to: string): Promise<void> {
    const replaced = await this.#keepsake(to)
    const [moved, target] = [await this.#inner.facts(from), await this.#inner.facts(to)]
    await this.#ask('rename', to, async () => {
      await this.#inner.rename(from, to)
      // Two names of one file: the system leaves both.
      if (moved !== null && moved.inode === target?.inode) return
      const fate = this.#fates.get(from)
      this.#fates.delete(from)
      if (fate === undefined) this.#fates.delete(to)
      else this.#fates.set(to, fate)
      this.#note(to, async () => {
        await this.#inner.rename(to, from)
        await replaced()
      })
    })
  }

  link(from: string, to: string): Promise<void> {
    return this.#ask('link', to, async () => {
      await this.#inner.link(from, to)
      const fate = this.#fates.get(from)
      if (fate !== undefined) this.#fates.set(to, fate)
      this.#note(to, () => this.#inner.remove(to))
    })
  }

  async remove(path: string): Promise<void> {
    const removed = await this.#keepsake(path)
    await this.#ask('remove', path, async () => {
      await this.#inner.remove(path)
      this.#fates.delete(path)
      this.#note(path, removed)
    })
  }

  removeDirectory(path: string): Promise<void> {
    return this.#ask('removeDirectory', path, () => this.#inner.removeDirectory(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#ask('syncDirectory', path, async () => {
      await this.#inner.syncDirectory(path)
      this.#entries = this.#entries.filter((entry) => entry.directory !== path)
    })
  }

  #ask<T>(kind: OperationKind, path: string, work: () => Promise<T>): Promise<T> {
    return this.#pass({ kind, path, bytes: 0, isChange: changing.has(kind) }, work)
  }

  #wrap(file: OpenFile, path: string): OpenFile {
    const fate = this.#fates.get(path) ?? { syncedBytes: 0 }
    return {
      read: (into, position) => this.#ask('read', path, () => file.read(into, position)),
      write: (bytes) =>
        this.#pass(
          { kind: 'write', path, bytes: bytes.length, isChange: true },
          () => file.write(bytes),
          (part) => file.write(bytes.subarray(0, part)),
        ),
      sync: () =>
        this.#ask('sync', path, async () => {
          const { size } = await file.facts()
          await file.sync()
          fate.syncedBytes = size
        }),
      truncate: (size) =>
        this.#ask('truncate', path, async () => {
          await file.truncate(size)
          fate.syncedBytes = Math.min(fate.syncedBytes, size)
        }),
      facts: () => this.#ask('facts', path, () => file.facts()),
      close: async () => {
        if (!this.#open.delete(file) || this.#isCrashed) return
        await this.#ask('close', path, () => file.close())
      },
    }
  }

  async #pass<T>(operation: Operation, work: () => Promise<T>, part?: (bytes: number) => Promise<void>): Promise<T> {
    if (this.#isCrashed) throw errorOf('ECRASHED', operation)
    this.operations.push(operation)
    const fault = this.#strike(operation)
    if (fault === null) return work()
    if (fault.isDone === true) await work()
    else if (fault.partBytes !== undefined) await part?.(Math.min(fault.partBytes, operation.bytes))
    if (fault.kind === 'fail') throw errorOf(fault.code ?? 'EIO', operation)
    this.#isCrashed = true
    throw errorOf('ECRASHED', operation)
  }

  #strike(operation: Operation): Fault | null {
    const fault = this.#fault
    if (fault === null || !(fault.matches?.(operation) ?? true)) return null
    this.#matched++
    return this.#matched === fault.at || (fault.isLasting === true && this.#matched > fault.at) ? fault : null
  }

  #note(path: string, undo: () => Promise<void>): void {
    this.#entries.push({ directory: directoryOf(path), undo })
  }

  /** Takes in what a path holds on the disk now; the answer puts it back there. */
  async #keepsake(path: string): Promise<() => Promise<void>> {
    const facts = await this.#inner.facts(path)
    if (facts?.kind !== 'file') return () => Promise.resolve()
    const bytes = (await this.#inner.readBytes(path)) ?? new Uint8Array()
    const kept = bytes.subarray(0, this.#fates.get(path)?.syncedBytes ?? bytes.length)
    return async () => {
      const file = await this.#inner.open(path, 'create', facts.mode)
      await file.write(kept)
      await file.close()
    }
  }

  async #cutBytes(path: string, fate: Fate, keepBytes: (unsynced: number) => number): Promise<void> {
    const facts = await this.#inner.facts(path)
    if (facts === null || facts.size <= fate.syncedBytes) return
    const kept = Math.min(keepBytes(facts.size - fate.syncedBytes), facts.size - fate.syncedBytes)
    const file = await this.#inner.open(path, 'append')
    await file.truncate(fate.syncedBytes + kept)
    await file.close()
  }
}
