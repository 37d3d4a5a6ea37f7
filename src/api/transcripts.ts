import { z } from 'zod'
import { limits } from '../model/limits.ts'
import { count, name, operation, text } from './operation.ts'

export type TranscriptListing = {
  readonly key: string
  readonly created_at: string
  readonly updated_at: string
  readonly bytes: number
  /** Visible messages; only when asked for. */
  readonly messages?: number
  readonly summary?: string
  readonly title?: string
  readonly aliases: readonly string[]
}

/** One message as it is stored; unknown fields are kept (TRN-201). */
export type StoredMessage = {
  readonly role: string
  readonly content: string
  readonly [field: string]: unknown
}

export type TranscriptPage = {
  readonly key: string
  readonly messages: readonly StoredMessage[]
  /** The `after` of the following page; null at the end, and where the last messages were asked for. */
  readonly next: number | null
  /** Position of the last line there is; null where it was not asked for: it takes a count of the whole file. */
  readonly end: number | null
  readonly summary?: string
  /** Lines as they are stored, in place of messages. */
  readonly lines?: readonly string[]
}

export type TranscriptAppended = {
  readonly stored: boolean
  readonly duplicate: boolean
  readonly position: number
  readonly redacted: number
  readonly durability: 'full' | 'normal'
}

export type TranscriptUpdated = {
  readonly key: string
  readonly summary: string
  /** Visible messages; only when `keep_last` was given. */
  readonly kept?: number
}

export type TranscriptTruncated = {
  readonly key: string
  readonly kept: number
  /** Visible messages before. */
  readonly messages: number
  readonly dry_run: boolean
}

export type TranscriptCompacted = {
  readonly dry_run: boolean
  readonly transcripts: readonly {
    readonly key: string
    readonly bytes_before: number
    /** Of a dry run: as before. */
    readonly bytes_after: number
    /** Raw lines that are hidden, bad or thoughts alone. */
    readonly lines_dropped: number
  }[]
}

export type TranscriptMigrated = {
  readonly migrated: number
  readonly dry_run: boolean
  readonly files: readonly {
    /** Name of the file, or of the transcript where a whole directory is copied. */
    readonly file: string
    readonly key?: string
    readonly outcome: 'migrated' | 'skipped' | 'conflict'
    readonly reason?: string
    readonly messages: number
  }[]
}

export type TranscriptVerified = {
  readonly key: string
  readonly name: string
  readonly layout: string
  readonly bytes: number
  readonly raw_lines: number
  readonly retained: number
  readonly hidden: number
  readonly transient: number
  readonly bad: readonly { readonly line: number; readonly offset: number; readonly reason: string }[]
  readonly bad_total: number
  readonly torn: boolean
  readonly meta: 'ok' | 'missing' | 'damaged'
  readonly meta_reason?: string
  readonly pending: boolean
  readonly created_at: string
  readonly updated_at: string
}

export type TranscriptVerifyReport = {
  /** Bad lines and damaged meta files of all. */
  readonly problems: number
  readonly transcripts: readonly TranscriptVerified[]
}

const key = () => text(limits.transcriptKeyBytesMax)
const position = () => count(Number.MAX_SAFE_INTEGER, 0)
const message = () => z.looseObject({ role: text(), content: text() })

/** Another directory than `transcripts/` of the data dir. */
const directory = {
  dir: name(limits.directoryBytesMax).optional(),
  layout: z.enum(['auto', 'native', 'compat']).optional(),
}

export const transcriptOperations = {
  'transcript.list': operation<{ readonly transcripts: readonly TranscriptListing[]; readonly next: string | null }>()({
    effect: 'read',
    summary: 'Transcripts, the newest first (TRN-1301)',
    input: () =>
      z.object({
        ...directory,
        limit: count(1_000).optional(),
        cursor: text(16_384).optional(),
        sort: z.enum(['updated', 'created', 'key']).optional(),
        prefix: key().optional(),
        counts: z.boolean().optional(),
      }),
  }),
  'transcript.show': operation<TranscriptPage>()({
    effect: 'read',
    summary: 'Messages of a transcript: the last ones, or a page by position (TRN-903)',
    input: () =>
      z.object({
        ...directory,
        key: key(),
        last: count(1_000_000, 0).optional(),
        after: position().optional(),
        before: position().optional(),
        limit: count(10_000).optional(),
        summary: z.boolean().optional(),
        raw: z.boolean().optional(),
        end: z.boolean().optional(),
        /** An unknown key is `transcript_not_found` instead of empty. */
        must_exist: z.boolean().optional(),
      }),
  }),
  'transcript.append': operation<TranscriptAppended>()({
    effect: 'write',
    summary: 'Append one message; with an id a repeat is harmless (TRN-610)',
    input: () => z.object({ ...directory, key: key(), message: message(), message_id: text(256).optional() }),
  }),
  'transcript.replace': operation<{ readonly key: string; readonly messages: number }>()({
    effect: 'destroy',
    summary: 'Replace all messages (TRN-505)',
    input: () => z.object({ ...directory, key: key(), messages: z.array(message()).max(1_000_000) }),
  }),
  'transcript.update': operation<TranscriptUpdated>()({
    effect: 'destroy',
    summary: 'Set the summary, hide all but the last messages, or both (TRN-503, TRN-504)',
    input: () =>
      z
        .object({ ...directory, key: key(), summary: text().optional(), keep_last: position().optional() })
        .refine((given) => given.summary !== undefined || given.keep_last !== undefined, {
          error: 'expected summary, keep_last or both',
        }),
  }),
  'transcript.truncate': operation<TranscriptTruncated>()({
    effect: 'destroy',
    summary: 'Hide all but the last messages (TRN-504)',
    input: () => z.object({ ...directory, key: key(), keep: position(), dry_run: z.boolean().optional() }),
  }),
  'transcript.compact': operation<TranscriptCompacted>()({
    effect: 'destroy',
    summary: 'Drop hidden lines for good, of one transcript or of all (TRN-506)',
    input: () =>
      z.object({
        ...directory,
        /** All when left out. */
        key: key().optional(),
        force: z.boolean().optional(),
        dry_run: z.boolean().optional(),
      }),
  }),
  'transcript.delete': operation<{ readonly key: string; readonly purged: boolean }>()({
    effect: 'destroy',
    summary: 'Delete a transcript; it stays in the trash for 7 days unless purged (TRN-1303)',
    input: () => z.object({ ...directory, key: key(), purge: z.boolean().optional() }),
  }),
  'transcript.migrate': operation<TranscriptMigrated>()({
    effect: 'write',
    summary: 'Import old one-file sessions, or copy a directory into another layout (TRN-1101, TRN-1106)',
    input: () =>
      z.object({
        from: name(limits.directoryBytesMax).min(1),
        ...directory,
        to_layout: z.enum(['native', 'compat']).optional(),
        dry_run: z.boolean().optional(),
      }),
  }),
  'transcript.verify': operation<TranscriptVerifyReport>()({
    effect: 'read',
    summary: 'Read every line again and tell what is bad; repairs nothing (TRN-1508)',
    input: () => z.object({ ...directory, key: key().optional() }),
  }),
} as const
