import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { makeDirectory } from './database-files.ts'
import { factsNow, factsOf, type Files, isMissing, kindOf, openFlags, type OpenFile, readNow } from './files.ts'

/**
 * The system's files for a process that lives for milliseconds: every call is done when it returns, and no thread is
 * started for it. Answers and failures are those of `systemFiles`.
 */
export const filesAtOnce: Files = {
  open: (path, mode, permissions = 0o600) => done(() => openedFile(openSync(path, openFlags[mode], permissions))),
  facts: (path) => done(() => factsNow(path)),
  factsOfMany: (paths) => done(() => paths.map(factsNow)),
  readMany: (paths, bytesMax) => done(() => paths.map((path) => readNow(path, bytesMax))),
  list: (directory) =>
    done(() =>
      orNull(() => readdirSync(directory, { withFileTypes: true }))
        ?.map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ).then((entries) => entries ?? null),
  makeDirectory: (path, permissions) => done(() => makeDirectory(path, permissions)),
  readBytes: (path) => done(() => orNull(() => readFileSync(path))),
  rename: (from, to) => done(() => renameSync(from, to)),
  link: (from, to) => done(() => linkSync(from, to)),
  remove: (path) => done(() => rmSync(path, { force: true })),
  removeDirectory: (path) => done(() => rmdirSync(path)),
  syncDirectory: (path) =>
    done(() => {
      const descriptor = openSync(path, constants.O_RDONLY)
      try {
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    }),
}

function openedFile(descriptor: number): OpenFile {
  return {
    read: (into, position) => done(() => readSync(descriptor, into, 0, into.length, position)),
    write: (bytes) =>
      done(() => {
        for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
      }),
    sync: () => done(() => fdatasyncSync(descriptor)),
    truncate: (size) => done(() => ftruncateSync(descriptor, size)),
    facts: () => done(() => factsOf(fstatSync(descriptor, { bigint: true }))),
    close: () => done(() => closeSync(descriptor)),
  }
}

/** What the work answers or throws, as a promise that is settled already. */
const done = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()))

function orNull<T>(work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}
