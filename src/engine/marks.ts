import { join } from 'node:path'
import type { Status } from '../api/system.ts'
import { formatTime } from '../model/times.ts'
import { writeAtomic } from '../platform/files.ts'
import type { EngineDeps } from './handler.ts'

/**
 * Marks beside the database, for what must not cost a transaction or must be told when none can be had: when somebody
 * last searched, and the last failure. Best effort: a mark that cannot be written is no failure.
 */
const searchMark = 'last-search'
const errorMark = 'last-error.json'
const messageCharsMax = 500
const searchMarkEveryMs = 60_000

type Doors = Pick<EngineDeps, 'files' | 'dataDir' | 'clock' | 'ids'>

/** When this process last looked at the mark, by the engine's doors. */
const lookedAtMs = new WeakMap<Doors, number>()

/**
 * Notes a search, to the minute: within it a search pays nothing for its mark. Not synced to the disk, since a mark that a
 * power cut takes is no loss.
 */
export async function markSearch(doors: Doors): Promise<void> {
  const nowMs = doors.clock.nowMs()
  if (Math.abs(nowMs - (lookedAtMs.get(doors) ?? Number.NEGATIVE_INFINITY)) < searchMarkEveryMs) return
  lookedAtMs.set(doors, nowMs)
  const path = join(doors.dataDir, searchMark)
  const facts = await doors.files.facts(path).catch(() => null)
  const ageMs = facts === null ? Number.POSITIVE_INFINITY : nowMs - Number(facts.mtimeNs / 1_000_000n)
  if (Math.abs(ageMs) >= searchMarkEveryMs) await replaceUnsynced(doors, path, formatTime(nowMs))
}

async function replaceUnsynced(doors: Doors, path: string, text: string): Promise<void> {
  const next = join(doors.dataDir, `.${searchMark}.${doors.ids.ulid()}.tmp`)
  try {
    const file = await doors.files.open(next, 'create', 0o600)
    try {
      await file.write(new TextEncoder().encode(text))
    } finally {
      await file.close()
    }
    await doors.files.rename(next, path)
  } catch {
    await doors.files.remove(next).catch(() => undefined)
  }
}

/** Messages of ours name fields and files, never the content of a memory (COL-2003). */
export const markError = (doors: Doors, message: string): Promise<void> =>
  writeMark(
    doors,
    errorMark,
    JSON.stringify({ at: formatTime(doors.clock.nowMs()), message: message.slice(0, messageCharsMax) }),
  )

export async function readLastSearch(doors: Pick<EngineDeps, 'files' | 'dataDir'>): Promise<string | null> {
  return readMark(doors, searchMark)
}

export async function readLastError(doors: Pick<EngineDeps, 'files' | 'dataDir'>): Promise<Status['last']['error']> {
  const text = await readMark(doors, errorMark)
  try {
    const parsed: unknown = JSON.parse(text ?? 'null')
    if (typeof parsed !== 'object' || parsed === null || !('at' in parsed) || !('message' in parsed)) return null
    return { at: String(parsed.at), message: String(parsed.message) }
  } catch {
    return null
  }
}

async function writeMark(doors: Doors, name: string, text: string): Promise<void> {
  try {
    const bytes = new TextEncoder().encode(text)
    await writeAtomic(doors.files, join(doors.dataDir, name), bytes, { permissions: 0o600, unique: doors.ids.ulid() })
  } catch {
    // Best effort, as said above.
  }
}

async function readMark(doors: Pick<EngineDeps, 'files' | 'dataDir'>, name: string): Promise<string | null> {
  const bytes = await doors.files.readBytes(join(doors.dataDir, name)).catch(() => null)
  return bytes === null ? null : new TextDecoder().decode(bytes)
}
