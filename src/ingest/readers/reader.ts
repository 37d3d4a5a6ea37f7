import type { CallAction, Entry, ReadCounts, SessionHead } from '../entries.ts'
import type { RawLine } from '../lines.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Why a file that looks like a transcript is not read. `detail` is an error code or '' . */
export type SkipReason = 'compaction' | 'compressed' | 'no-transcript' | 'symlink' | 'unreadable'

/** What a path says of a transcript file. */
export type FileMatch =
  | {
      readonly kind: 'transcript'
      /** The name itself tells the agent; otherwise another reader may know better. */
      readonly isCertain: boolean
      /** What it is ordered with (ING-DIS-5). */
      readonly folder: string
      /** The session whose sub-agent wrote it, where the path tells. */
      readonly sidechainOf: string | null
      readonly agentId: string | null
    }
  | { readonly kind: 'skip'; readonly reason: SkipReason }

/**
 * Records that other files gave already (ING-CC-16, `ingest_seen`).
 *
 * - `has` is true only for records of *other* files, so that a part read twice is no duplicate of itself.
 * - `sessionOf` tells whose they were, where it is known.
 */
export interface SeenRecords {
  has(uuid: string): boolean
  add(uuid: string): void
  sessionOf?(uuid: string): string | null
}

export type SessionOptions = {
  readonly path: string
  readonly sidechainOf: string | null
  readonly agentId: string | null
  readonly seen: SeenRecords
  /** Whether a name must not reach the disk; such an id of a session is replaced by its hash (MEM-1702). */
  readonly isSecret?: (name: string) => boolean
}

/** Turns a person went back behind (ING-CC-19): archived with a marker, never extracted from. */
export type AbandonedTurns = {
  /** Record ids of the human turns and compact summaries that head them. */
  readonly heads: readonly string[]
  /** Whether the record belongs to one of them. */
  readonly has: (uuid: string) => boolean
}

/**
 * One file being read, fed line by line.
 *
 * - `take` gives entries in file order. A queued prompt or a mirrored item may come some lines late, because only
 *   later lines tell what it is; its origin is where it stands.
 * - What it gives depends on the lines alone, never on where a read was cut: `save` at any line, `resume` and the
 *   remaining lines give what one read gives.
 * - Counts and head are of the file from its start, also after `resume`.
 */
export interface ReaderSession {
  take(line: RawLine): readonly Entry[]
  /** The end of what there is. A quiet file says nothing more, so what waits is decided. */
  finish(isQuiet: boolean): readonly Entry[]
  head(): SessionHead
  counts(): ReadCounts
  abandoned(): AbandonedTurns
  /** JSON text: what the rest of the file needs to know of what was read. Bounded, tens of KiB for a usual session. */
  save(): string
}

/** A plug for one agent's files (ING-DIS-3). Nothing downstream knows the agent. */
export interface Reader {
  readonly agent: string
  /** Raised when the same file would give other entries, or when `save` changes its form. */
  readonly version: number
  roots(env: Environment, home: string): readonly string[]
  /** Whether to look into a folder, by its name. */
  enters(name: string): boolean
  /** Null when the file is none of this agent's. */
  matches(path: string): FileMatch | null
  start(options: SessionOptions): ReaderSession
  /** What a call is to the rules, told by its name and (already bounded) input alone. */
  actionOf(name: string, input: Readonly<Record<string, unknown>>): CallAction
  /** Null when `state` is none that this version saved: read the file from its start then. */
  resume(options: SessionOptions, state: string): ReaderSession | null
}
