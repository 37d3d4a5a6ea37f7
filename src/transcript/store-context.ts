import type { Clock } from '../platform/clock.ts'
import type { FileLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import type { Random } from '../platform/random.ts'
import type { Gate } from './gate.ts'
import type { Layout } from './layout.ts'

/** Something worth knowing happened: `event` in snake_case, fields without any message content (TRN-1402). */
export type TranscriptLog = (event: string, fields: Readonly<Record<string, unknown>>) => void

/** What every session of one store works with. */
export type StoreContext = {
  readonly directory: string
  readonly layout: Layout
  readonly files: Files
  readonly locks: FileLocks
  readonly clock: Clock
  readonly random: Random
  readonly log: TranscriptLog
  readonly readOnly: boolean
  readonly keepsThoughts: boolean
  /** At most so many syncs at once in the store (TRN-603). */
  readonly syncs: Gate
  /** Differs after every start of the machine. */
  readonly bootId: string
  /** Makes `.engram/` and its format note before the first write. */
  prepare(): Promise<void>
}

/** The paths of one session. */
export type SessionPaths = {
  readonly name: string
  /** Its name below `.engram/`. */
  readonly own: string
  readonly transcript: string
  readonly meta: string
  readonly previousMeta: string
  readonly lock: string
  readonly quarantine: string
}

export function pathsOf({ directory, layout }: Pick<StoreContext, 'directory' | 'layout'>, name: string): SessionPaths {
  const own = layout.ownName(name)
  return {
    name,
    own,
    transcript: `${directory}/${name}.jsonl`,
    meta: `${directory}/${name}.meta.json`,
    previousMeta: `${directory}/.engram/previous/${own}.meta.json`,
    lock: `${directory}/.engram/locks/${own}`,
    quarantine: `${directory}/.engram/quarantine/${own}`,
  }
}

/** Ours for new files; in a directory others use too, what is there keeps its mode (TRN-309). */
export async function permissionsOf({ layout, files }: StoreContext, path: string): Promise<number> {
  const facts = layout.isOpenToOthers ? await files.facts(path) : null
  return facts?.mode ?? layout.filePermissions
}

export const temporaryPath = (directory: string, file: string): string => `${directory}/.engram/tmp/${file}`

/** UTC, milliseconds, `Z` (TRN-203). */
export const timeText = (clock: Clock): string => new Date(clock.nowMs()).toISOString()
