import { z } from 'zod'
import { operation } from './operation.ts'

/** What search stands on, and how far it has come (RET-609). */
export type IndexStatus = {
  readonly words: {
    readonly observations: IndexedKind
    readonly prompts: IndexedKind
    readonly units: IndexedKind
    /** Archived conversations read so far, and their messages. */
    readonly transcripts: { readonly conversations: number; readonly messages: number }
    /** Changes the index has not read yet. */
    readonly behind: number
    readonly rebuilding: boolean
  }
  readonly vectors: {
    readonly records: number
    readonly vectors: number
    /** Share of the records that have one, 0 to 1. */
    readonly coverage: number
    /** Work units, of which those without text never get one, nor those before the `newest` events of the log. */
    readonly units: { readonly records: number; readonly vectors: number; readonly newest: number }
    /** Vectors a second in this process; null when it made none. */
    readonly per_second: number | null
    readonly remaining_s: number | null
  }
  /** Null where search goes by words alone. */
  readonly model: ModelStatus | null
}

export type IndexedKind = { readonly records: number; readonly rows: number }

export type ModelStatus = {
  readonly id: string
  readonly dimensions: number
  /** `asleep`: nothing needed it for a while. */
  readonly state: 'asleep' | 'loading' | 'ready' | 'failed'
  /** Whether this process starts it by itself. */
  readonly use: 'at-need' | 'when-asked'
  readonly last_error: string | null
  /** Of the whole process. */
  readonly rss_bytes: number
}

export const searchIndexOperations = {
  'index.status': operation<IndexStatus>()({
    effect: 'read',
    summary: 'Records, index rows, vectors and the model (RET-609)',
    input: () => z.object({}),
  }),
  'index.wait': operation<IndexStatus>()({
    effect: 'write',
    summary: 'Answers when the index has caught up; with vectors, when every record has one (RET-609)',
    /** `vectors`: true = they must be made, false = not waited for; where a model is to be had when left out. */
    input: () => z.object({ vectors: z.boolean().optional() }),
  }),
  'index.rebuild': operation<IndexStatus>()({
    effect: 'write',
    summary: 'Build every derived row again; nothing is lost by it (RET-104)',
    input: () => z.object({ what: z.enum(['words', 'vectors', 'all']).optional() }),
  }),
} as const
