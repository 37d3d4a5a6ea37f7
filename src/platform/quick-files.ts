import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { factsNow, factsOf, openFlags, systemFiles } from './files.ts'
import type { FileFacts, Files, OpenFile } from './files.ts'

/**
 * The machine's files for work in small pieces, a transcript's: what takes microseconds is done in place, since the way
 * through a thread and back costs ten times as much, and most of all when the machine is busy. Whatever may take long
 * goes through a thread as in {@link systemFiles}: large pieces, and syncs where the last one was slow.
 */
export const quickFiles: Files = {
  ...systemFiles,
  open: async (path, mode, permissions = 0o600) => {
    await breathe()
    return quickFile(fs.openSync(path, openFlags[mode], permissions))
  },
  facts: async (path) => {
    await breathe()
    return factsNow(path)
  },
}

/** A read of so much is a copy from the system's memory, or a moment of the disk's time. */
const readBytes = 1024 * 1024
const writeBytes = 128 * 1024
const quickSyncMs = 1
/** Others get a turn at least so often. */
const breathAfterMs = 2

let lastBreathMs = 0

async function breathe(): Promise<void> {
  if (performance.now() - lastBreathMs < breathAfterMs) return
  await nextTurn()
  lastBreathMs = performance.now()
}

/** How long the last sync took, of any file: a disk is quick or slow for a while. */
let lastSyncMs = 0

const inThread = {
  read: promisify(fs.read),
  write: promisify(fs.write),
  sync: promisify(fs.fdatasync),
  truncate: promisify(fs.ftruncate),
}

function quickFile(descriptor: number): OpenFile {
  const running = new Set<Promise<unknown>>()
  let isClosed = false
  let unsyncedBytes = 0
  const checkOpen = (): void => {
    // The number may name another file by now.
    if (isClosed) throw Object.assign(new Error('EBADF: the file was closed'), { code: 'EBADF' })
  }
  /** Closing waits for it. */
  const tracked = async <T>(work: Promise<T>): Promise<T> => {
    running.add(work)
    try {
      return await work
    } finally {
      running.delete(work)
    }
  }
  const read = async (into: Uint8Array, position: number): Promise<number> => {
    await breathe()
    if (into.length <= readBytes) return fs.readSync(descriptor, into, 0, into.length, position)
    return (await inThread.read(descriptor, into, 0, into.length, position)).bytesRead
  }
  const write = async (bytes: Uint8Array): Promise<number> =>
    bytes.length <= writeBytes
      ? fs.writeSync(descriptor, bytes)
      : (await tracked(inThread.write(descriptor, bytes))).bytesWritten
  return {
    read: async (into, position) => {
      checkOpen()
      return tracked(read(into, position))
    },
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) {
        checkOpen()
        unsyncedBytes += bytes.length - at
        at += await write(bytes.subarray(at))
      }
    },
    sync: async () => {
      checkOpen()
      const isQuick = lastSyncMs < quickSyncMs && unsyncedBytes <= writeBytes
      unsyncedBytes = 0
      const startMs = performance.now()
      if (isQuick) fs.fdatasyncSync(descriptor)
      else await tracked(inThread.sync(descriptor))
      lastSyncMs = performance.now() - startMs
    },
    truncate: async (size) => {
      checkOpen()
      await tracked(inThread.truncate(descriptor, size))
    },
    facts: async (): Promise<FileFacts> => {
      checkOpen()
      return factsOf(fs.fstatSync(descriptor, { bigint: true }))
    },
    close: async () => {
      if (isClosed) return
      isClosed = true
      await Promise.allSettled(running)
      fs.closeSync(descriptor)
    },
  }
}
