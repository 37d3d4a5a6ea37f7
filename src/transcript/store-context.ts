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
  /** Makes `.engram/` and its format note before the first write. */
  prepare(): Promise<void>
}

/** The paths of one session. */
export type SessionPaths = {
  readonly name: string
  readonly transcript: string
  readonly meta: string
  readonly previousMeta: string
  readonly lock: string
  readonly quarantine: string
}

export const pathsOf = (directory: string, name: string): SessionPaths => ({
  name,
  transcript: `${directory}/${name}.jsonl`,
  meta: `${directory}/${name}.meta.json`,
  previousMeta: `${directory}/.engram/previous/${name}.meta.json`,
  lock: `${directory}/.engram/locks/${name}`,
  quarantine: `${directory}/.engram/quarantine/${name}`,
})

export const temporaryPath = (directory: string, file: string): string => `${directory}/.engram/tmp/${file}`

/** UTC, milliseconds, `Z` (TRN-203). */
export const timeText = (clock: Clock): string => new Date(clock.nowMs()).toISOString()
