import { readFileSync, readlinkSync } from 'node:fs'
import { readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { lock } from 'proper-lockfile'
import { errorCodeOf } from './files.ts'
import { isRunning } from './process-life.ts'

/** A lock that is held. */
export interface HeldLock {
  /** True once somebody took it over because we seemed dead; nothing may be written then. */
  readonly lost: boolean
  /** Lets go. Never rejects; a lost lock is left to its new holder. */
  release(): Promise<void>
}

/**
 * Locks between processes, named by a path that need not exist (its directory must).
 *
 * - `acquire` answers null when the lock was not free within `waitMs`.
 * - A holder that died is taken over: at once on this machine, else after 5 s without a sign of life (TRN-802, TRN-807).
 */
export interface FileLocks {
  acquire(path: string, waitMs: number): Promise<HeldLock | null>
}

const staleMs = 5_000
const updateMs = 1_000
/** Past this age a dead lock is left to the staleness rule, so that two rules never remove it at once. */
const takeoverAgeMaxMs = 4_000
const pollMsMin = 2
const pollMsMax = 12

type Owner = { readonly pid: number; readonly machine: string; readonly identity: string }

/** Where process ids mean the same: host, boot and process namespace. */
const machine = ((): string => {
  const read = (work: () => string): string => {
    try {
      return work().trim()
    } catch {
      return ''
    }
  }
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
  return `${hostname()} ${boot} ${read(() => readlinkSync('/proc/self/ns/pid'))}`
})()

/** Names one making of the lock directory; inode numbers alone come back. Null when it is gone. */
async function identityOf(lockPath: string): Promise<{ readonly identity: string; readonly ageMs: number } | null> {
  try {
    const facts = await stat(lockPath, { bigint: true })
    return { identity: `${facts.ino}:${facts.birthtimeNs}`, ageMs: Date.now() - Number(facts.mtimeMs) }
  } catch {
    return null
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false
  if (!('pid' in value && 'machine' in value && 'identity' in value)) return false
  const { pid, machine, identity } = value
  return Number.isSafeInteger(pid) && typeof machine === 'string' && typeof identity === 'string'
}

async function readOwner(path: string): Promise<Owner | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isOwner(value) ? value : null
  } catch {
    return null
  }
}

const tryLock = async (path: string, lockPath: string, onLost: () => void): Promise<(() => Promise<void>) | null> => {
  try {
    return await lock(path, {
      lockfilePath: lockPath,
      realpath: false,
      retries: 0,
      stale: staleMs,
      update: updateMs,
      onCompromised: onLost,
    })
  } catch (error) {
    if (errorCodeOf(error) === 'ELOCKED') return null
    throw error
  }
}

async function isDead(path: string): Promise<boolean> {
  const owner = await readOwner(`${path}.owner`)
  if (owner === null || owner.machine !== machine || isRunning(owner.pid)) return false
  const now = await identityOf(`${path}.lock`)
  return now !== null && now.identity === owner.identity && now.ageMs < takeoverAgeMaxMs
}

/** Removes the lock of a process that is no more. A second lock keeps two waiters from doing it one after the other. */
async function freeDead(path: string): Promise<void> {
  if (!(await isDead(path))) return
  const release = await tryLock(path, `${path}.takeover`, () => undefined)
  if (release === null) return
  try {
    if (await isDead(path)) {
      await rm(`${path}.owner`, { force: true })
      await rmdir(`${path}.lock`).catch(() => undefined)
    }
  } finally {
    await release().catch(() => undefined)
  }
}

async function take(path: string): Promise<HeldLock | null> {
  let isLost = false
  const release = await tryLock(path, `${path}.lock`, () => {
    isLost = true
  })
  if (release === null) return null
  const ours = await identityOf(`${path}.lock`)
  if (ours !== null) {
    const owner: Owner = { pid: process.pid, machine, identity: ours.identity }
    // Without this note a dead holder is only noticed by its silence.
    await writeFile(`${path}.owner`, JSON.stringify(owner), { mode: 0o600 }).catch(() => undefined)
  }
  return {
    get lost() {
      return isLost
    },
    release: async () => {
      const now = await identityOf(`${path}.lock`)
      if (isLost || now === null || now.identity !== ours?.identity) return
      await rm(`${path}.owner`, { force: true }).catch(() => undefined)
      await release().catch(() => undefined)
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Locks through the file system, by proper-lockfile: a directory whose time is kept fresh. */
export const systemLocks: FileLocks = {
  acquire: async (path, waitMs) => {
    const until = performance.now() + waitMs
    for (let pollMs = pollMsMin; ; pollMs = Math.min(pollMs * 1.5, pollMsMax)) {
      const held = await take(path)
      if (held !== null) return held
      await freeDead(path)
      if (performance.now() >= until) return null
      await pause(pollMs)
    }
  },
}

/** Locks inside one process only, without files: for simulated disks. Each call makes a world of its own. */
export function createMemoryLocks(): FileLocks {
  const tails = new Map<string, Promise<void>>()
  return {
    acquire: async (path) => {
      const before = tails.get(path) ?? Promise.resolve()
      const { promise, resolve } = Promise.withResolvers<void>()
      tails.set(
        path,
        before.then(() => promise),
      )
      await before
      return {
        lost: false,
        release: () => {
          resolve()
          return Promise.resolve()
        },
      }
    },
  }
}
