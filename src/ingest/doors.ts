import type { Caller } from '../api/caller.ts'
import type { Parsed } from '../api/operations.ts'
import type { Clock } from '../platform/clock.ts'
import type { FileLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import type { Log } from '../platform/log.ts'
import type { TranscriptArchive } from '../transcript/store.ts'
import type { Rules } from './extract/extract.ts'
import type { Environment, Reader } from './readers/reader.ts'

/** What of the transcript store a run uses. */
export type Archive = Pick<
  TranscriptArchive,
  'appendBatch' | 'exists' | 'notes' | 'setNotes' | 'getSummary' | 'setSummary'
>

/** What reading it anew uses. */
export type Conversations = Pick<TranscriptArchive, 'exists' | 'readHistory' | 'listSessions'>

/** Everything a run may reach. */
export type IngestDoors = {
  /** Rows are written through it alone (`ingest.commit`). */
  readonly caller: Caller
  /** Opened when the first message is archived. */
  readonly transcripts: { open(): Promise<Archive & Conversations> }
  readonly files: Files
  readonly locks: FileLocks
  readonly clock: Clock
  readonly environment: Environment
  readonly homeDir: string
  readonly dataDir: string
  readonly log: Log
  /** Whether a name must not reach the disk (MEM-1702); none is when left out. */
  readonly isSecret?: (name: string) => boolean
  /** Which agents are known; those of this program when left out. */
  readonly readers?: readonly Reader[]
  /** What finds knowledge; the rules of this program when left out. */
  readonly rules?: Rules
}

export type RunInput = Parsed<'ingest.run'>
