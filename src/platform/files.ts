import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import type * as nodePromises from 'node:fs/promises'
import { dirname, basename, join } from 'node:path'
import { crypto } from './crypto.ts'

/** Node's promises of files, loaded at first use: a process that needs none starts without them. */
const fs = (): typeof nodePromises => (loaded ??= process.getBuiltinModule('node:fs/promises'))

let loaded: typeof nodePromises | undefined

export type FileKind = 'file' | 'directory' | 'symlink' | 'other'

export type FileFacts = {
  readonly kind: FileKind
  readonly size: number
  readonly mtimeNs: bigint
  readonly inode: bigint
  readonly device: bigint
  readonly mode: number
}

export type DirectoryEntry = { readonly name: string; readonly kind: FileKind }

/** `read` (must exist) · `append` (created when absent) · `create` (must not exist). Symbolic links are never followed. */
export type OpenMode = 'read' | 'append' | 'create'

/** One open file. Offsets and lengths are bytes. */
export interface OpenFile {
  /** Bytes read; 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes all bytes at the end (append, create) or rejects; what was written before a failure stays. */
  write(bytes: Uint8Array): Promise<void>
  /** fdatasync. */
  sync(): Promise<void>
  truncate(size: number): Promise<void>
  facts(): Promise<FileFacts>
  close(): Promise<void>
}

/** `bytes` null: no regular file, too long, or not readable; {@link Files.open} says which. */
export type SmallFile = { readonly facts: FileFacts; readonly bytes: Uint8Array | null }

/** Files as an input, so that tests can count and break every operation. Failures are Node's, with `code`. */
export interface Files {
  open(path: string, mode: OpenMode, permissions?: number): Promise<OpenFile>
  /** Facts of the path itself (a link is a link), or null when nothing is there. */
  facts(path: string): Promise<FileFacts | null>
  /** {@link facts} of many paths, for a small part of what they cost one by one. */
  factsOfMany(paths: readonly string[]): Promise<readonly (FileFacts | null)[]>
  /** Many small files with their facts: null where nothing is there, no bytes where it is no file or too long. */
  readMany(paths: readonly string[], bytesMax: number): Promise<readonly (SmallFile | null)[]>
  /** Entries sorted by name; null when the directory does not exist. */
  list(directory: string): Promise<readonly DirectoryEntry[] | null>
  makeDirectory(path: string, permissions: number): Promise<void>
  /** Whole small file, or null when absent. */
  readBytes(path: string): Promise<Uint8Array | null>
  rename(from: string, to: string): Promise<void>
  /** A second name for the same file; rejects with EEXIST when `to` is there. */
  link(from: string, to: string): Promise<void>
  /** A file; nothing happens when it is absent. */
  remove(path: string): Promise<void>
  /** An empty directory. */
  removeDirectory(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
}

/** As the system takes them. */
export const openFlags: Readonly<Record<OpenMode, number>> = {
  // Non-blocking: opening a pipe someone put there must not hang.
  read: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
  create: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
}

type StatLike = {
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ino: bigint
  readonly dev: bigint
  readonly mode: bigint
}

type KindLike = { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }

export function kindOf(entry: KindLike): FileKind {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'directory'
  return entry.isSymbolicLink() ? 'symlink' : 'other'
}

export const factsOf = (stat: StatLike & KindLike): FileFacts => ({
  kind: kindOf(stat),
  size: Number(stat.size),
  mtimeNs: stat.mtimeNs,
  inode: stat.ino,
  device: stat.dev,
  mode: Number(stat.mode) & 0o777,
})

export const isMissing = (error: unknown): boolean => errorCodeOf(error) === 'ENOENT'

/** Node's error code (`ENOENT`, `ENOSPC` …), or '' when there is none. */
export function errorCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

function systemFile(handle: nodePromises.FileHandle): OpenFile {
  return {
    read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
    },
    sync: () => handle.datasync(),
    truncate: (size) => handle.truncate(size),
    facts: async () => factsOf(await handle.stat({ bigint: true })),
    close: () => handle.close(),
  }
}

/** What has to be made, the outermost first. Node's own recursion never ends where a parent takes no child: below /proc. */
async function missingDirectories(path: string): Promise<readonly string[]> {
  const missing: string[] = []
  for (let at = path; !(await isDirectory(at)); at = dirname(at)) {
    missing.unshift(at)
    if (at === dirname(at)) break
  }
  return missing
}

async function makeOneDirectory(path: string, permissions: number): Promise<void> {
  try {
    await fs().mkdir(path, { mode: permissions })
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST' || !(await isDirectory(path))) throw error
  }
}

const isDirectory = async (path: string): Promise<boolean> =>
  (
    await fs()
      .stat(path)
      .catch(() => null)
  )?.isDirectory() === true

/** Others get their turn after about a millisecond. */
const slice = 128

/** Calls that block for microseconds each beat a thread for each; a slice at a time, so that nobody waits long. */
async function inSlices<T>(paths: readonly string[], work: (path: string) => T): Promise<T[]> {
  const all: T[] = []
  for (let at = 0; at < paths.length; at += slice) {
    for (const path of paths.slice(at, at + slice)) all.push(work(path))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return all
}

export function factsNow(path: string): FileFacts | null {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? null : factsOf(stat)
}

export function readNow(path: string, bytesMax: number): SmallFile | null {
  let descriptor: number
  try {
    descriptor = openSync(path, openFlags.read)
  } catch {
    const facts = factsNow(path)
    return facts === null ? null : { facts, bytes: null }
  }
  try {
    const facts = factsOf(fstatSync(descriptor, { bigint: true }))
    if (facts.kind !== 'file' || facts.size > bytesMax) return { facts, bytes: null }
    const bytes = new Uint8Array(facts.size)
    return { facts, bytes: bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0)) }
  } finally {
    closeSync(descriptor)
  }
}

export const systemFiles: Files = {
  open: async (path, mode, permissions = 0o600) => systemFile(await fs().open(path, openFlags[mode], permissions)),
  facts: async (path) => {
    const stat = await orNull(fs().lstat(path, { bigint: true }))
    return stat === null ? null : factsOf(stat)
  },
  factsOfMany: (paths) => inSlices(paths, factsNow),
  readMany: (paths, bytesMax) => inSlices(paths, (path) => readNow(path, bytesMax)),
  list: async (directory) => {
    const entries = await orNull(fs().readdir(directory, { withFileTypes: true }))
    if (entries === null) return null
    return entries
      .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  },
  makeDirectory: async (path, permissions) => {
    for (const step of await missingDirectories(path)) await makeOneDirectory(step, permissions)
  },
  readBytes: (path) => orNull(fs().readFile(path)),
  rename: (from, to) => fs().rename(from, to),
  link: (from, to) => fs().link(from, to),
  remove: (path) => fs().rm(path, { force: true }),
  removeDirectory: (path) => fs().rmdir(path),
  syncDirectory: async (path) => {
    const handle = await fs().open(path, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/**
 * Old content or new content, never neither: unique temporary file beside the target, all bytes, fsync, rename, fsync
 * of the directory. On failure the temporary file is removed and the target is untouched (TRN-403). `temporary` puts
 * the temporary file elsewhere on the same file system. Without `isSynced` a power cut may leave neither.
 */
export async function writeAtomic(
  files: Files,
  path: string,
  bytes: Uint8Array,
  options: {
    readonly permissions?: number
    readonly unique: string
    readonly temporary?: string
    readonly isSynced?: boolean
  },
): Promise<void> {
  const { isSynced = true } = options
  const temporary = options.temporary ?? join(dirname(path), `.${basename(path)}.${options.unique}.tmp`)
  try {
    const file = await files.open(temporary, 'create', options.permissions)
    try {
      await file.write(bytes)
      if (isSynced) await file.sync()
    } finally {
      await file.close()
    }
    await files.rename(temporary, path)
  } catch (error) {
    await files.remove(temporary).catch(() => undefined)
    throw error
  }
  if (isSynced) await files.syncDirectory(dirname(path))
}

const hashBlockBytes = 1024 * 1024

/** SHA-256 of the first `bytes` bytes, 64 lower-case hex; null when the file is shorter. */
export async function sha256OfFile(file: OpenFile, bytes: number): Promise<string | null> {
  const hash = crypto().createHash('sha256')
  const block = new Uint8Array(Math.min(hashBlockBytes, bytes))
  for (let at = 0; at < bytes;) {
    const got = await file.read(block.subarray(0, Math.min(block.length, bytes - at)), at)
    if (got === 0) return null
    hash.update(block.subarray(0, got))
    at += got
  }
  return hash.digest('hex')
}

/** One file of {@link Files.readMany}, for doors that have no quicker way to many. */
export async function readSmall(
  files: Pick<Files, 'facts' | 'readBytes'>,
  path: string,
  bytesMax: number,
): Promise<SmallFile | null> {
  const facts = await files.facts(path)
  if (facts === null) return null
  const isSmall = facts.kind === 'file' && facts.size <= bytesMax
  return { facts, bytes: isSmall ? await files.readBytes(path) : null }
}
