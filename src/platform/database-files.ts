import {
  accessSync,
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { errorCodeOf } from './files.ts'

/**
 * The files around a database, for the one layer whose work is synchronous. Failures are Node's, with `code`, unless a
 * function says otherwise.
 *
 * Beware: to close any descriptor of a file drops every POSIX lock this process holds on it, SQLite's too, and another
 * process could then take the file's WAL away under it. So never open a database here that this process has open.
 */

/** Which file lies under a name: device and inode. */
export type FileIdentity = string

export type FileState = { readonly identity: FileIdentity; readonly bytes: number }

/** The file's identity and size, links followed, or null when nothing is there. */
export function fileStateOf(path: string): FileState | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? null : { identity: `${stat.dev}:${stat.ino}`, bytes: Number(stat.size) }
}

/** A file that is open for nothing else. */
export type FileToSync = Pick<FileHandle, 'datasync' | 'close'>

/**
 * A write-ahead log, open for fdatasync aside; null of one that is gone: there is nothing to sync. SQLite holds no lock on that
 * file, so that closing it lets none go.
 */
export async function openToSync(path: string): Promise<FileToSync | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

/**
 * Makes a write-ahead log so long, with zeros behind what it holds, and syncs it; nothing happens where it is as long or
 * missing. The caller holds SQLite's write lock meanwhile, so that nobody writes there. What fails is taken back.
 */
export function growLog(path: string, bytes: number): void {
  const descriptor = openSync(path, 'r+')
  const before = fstatSync(descriptor).size
  const zeros = new Uint8Array(1024 * 1024)
  try {
    let at = before
    while (at < bytes) at += writeSync(descriptor, zeros, 0, Math.min(zeros.length, bytes - at), at)
    if (at > before) fdatasyncSync(descriptor)
  } catch (error) {
    ftruncateSync(descriptor, before)
    throw error
  } finally {
    closeSync(descriptor)
  }
}

/** Size in bytes; 0 when nothing is there or it cannot be asked. */
export function fileBytesOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0
  } catch {
    return 0
  }
}

export const absolutePath = (path: string): string => resolve(path)

export const pathIn = (directory: string, ...names: string[]): string => join(directory, ...names)

/** The directory and its parents, for their owner alone unless told otherwise; one that is there is left as it is. */
export function makeDirectory(path: string, permissions = 0o700): void {
  // One step at a time: Node's own recursion never ends where a parent exists and takes no child, as below /proc.
  for (const step of missingDirectories(path)) {
    try {
      mkdirSync(step, { mode: permissions })
    } catch (error) {
      if (errorCodeOf(error) !== 'EEXIST' || statSync(step, { throwIfNoEntry: false })?.isDirectory() !== true)
        throw error
    }
  }
}

/** What has to be made, the outermost first. */
function missingDirectories(path: string): readonly string[] {
  const missing: string[] = []
  for (let at = path; statSync(at, { throwIfNoEntry: false })?.isDirectory() !== true; at = dirname(at)) {
    missing.unshift(at)
    if (at === dirname(at)) break
  }
  return missing
}

/** An empty file for its owner alone; one that exists is not even opened (MEM-101). */
export function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error
  }
}

/** At most `length` bytes from the start; fewer when the file is shorter. */
export function readStart(path: string, length: number): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(length)
    let read = 0
    for (let step = -1; step !== 0; read += step) step = readSync(file, bytes, read, length - read, read)
    return bytes.subarray(0, read)
  } finally {
    closeSync(file)
  }
}

/** Node's code of what the permissions forbid (`EACCES`, `EROFS`, `EPERM`), for the file and its directory; '' if nothing. */
export function obstacleTo(path: string, access: 'read' | 'write'): string {
  const wanted = access === 'write' ? constants.W_OK : constants.R_OK
  try {
    accessSync(dirname(path), wanted)
    accessSync(path, wanted)
    return ''
  } catch (error) {
    return errorCodeOf(error)
  }
}

/** Bytes a user may still write beside `path`; Infinity when it cannot be asked. */
export function bytesFreeBeside(path: string): number {
  try {
    const room = statfsSync(dirname(path))
    return room.bavail * room.bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Names in the directory, sorted; none when it does not exist. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return []
    throw error
  }
}

export const removeFile = (path: string): void => rmSync(path, { force: true })

/** The finished file takes its name and both reach the disk: file, rename, directory. */
export function publishFile(from: string, to: string): void {
  syncPath(from, 'r+')
  renameSync(from, to)
  syncPath(dirname(to), 'r')
}

function syncPath(path: string, flags: string): void {
  const file = openSync(path, flags)
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
