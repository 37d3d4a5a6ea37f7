import { z } from 'zod'
import { limits } from '../model/limits.ts'
import { count, name, operation, text } from './operation.ts'

/**
 * One row of the manifest of transcript files (ING-INC-1); bytes, and nanoseconds as digits. `reader_state` is empty
 * unless one path was asked for.
 */
export type IngestSource = z.infer<ReturnType<typeof sourceSchema>>

export type CandidateOutcome = 'saved' | 'repeated' | 'suppressed' | 'untouched'

export type IngestCommitted = {
  /** `none`: nothing of a session was given, or a person deleted it. */
  readonly session: 'created' | 'completed' | 'unchanged' | 'none'
  readonly project: string
  readonly prompts_saved: number
  /** In the order they were given, with the title as it was stored. */
  readonly candidates: readonly {
    readonly sync_id: string
    readonly outcome: CandidateOutcome
    readonly title: string
  }[]
  readonly withdrawn: number
  readonly redacted: number
}

export type IngestReport = {
  readonly dry_run: boolean
  readonly agents: Readonly<Record<string, IngestAgentReport>>
  readonly projects: readonly string[]
  readonly archived_messages: number
  readonly prompts: number
  /** Sessions made or completed. */
  readonly sessions: number
  readonly candidates: {
    readonly saved: number
    readonly repeated: number
    readonly suppressed: number
    readonly below_threshold: number
    readonly withdrawn: number
  }
  readonly redacted: number
  readonly errors: readonly { readonly path: string; readonly reason: string }[]
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
  /** Where transcripts were looked for, and which of these places exist. */
  readonly looked: readonly string[]
  readonly found: readonly string[]
  /** Another run has the data dir, and this one was not to wait (ING-CLI-8). */
  readonly busy: boolean
  /** What an interrupted run, or a limit, left for the next one (ING-CRS-2). */
  readonly left: { readonly interrupted: boolean; readonly files: number; readonly bytes: number }
  /** Null where nothing was to be read anew from the archive (ING-INC-6). */
  readonly upgrade: IngestUpgrade | null
  /** Sessions that only rules of an earlier version have seen, found by a run that did not read them anew (ING-INC-6). */
  readonly behind: number
  readonly llm: { readonly calls: number; readonly tokens: number }
  readonly ms: number
  /** Files with anything new, for `--verbose` and `--dry-run`. */
  readonly files: readonly IngestFileReport[]
}

/** Conversations that rules of an earlier version had seen, read anew from the archive (ING-INC-6). */
export type IngestUpgrade = {
  readonly sessions: number
  /** Sessions that wait for the next run. */
  readonly left: number
  /** Set aside: their conversation is not in the archive. */
  readonly unarchived: readonly {
    readonly session_id: string
    readonly transcript_key: string
    readonly path: string
  }[]
}

export type IngestAgentReport = {
  /** Transcripts there are; the other figures are of this run. */
  readonly files: number
  readonly sessions_new: number
  readonly sessions_grown: number
  readonly records: number
  readonly bytes: number
  readonly bad_lines: number
}

export type IngestFileReport = {
  readonly agent: string
  readonly path: string
  readonly key: string
  readonly project: string
  readonly state: 'new' | 'grown' | 'restarted' | 'upgraded' | 'failed'
  readonly reason?: string
  /** Read in this run, and not yet dealt with. */
  readonly new_bytes: number
  readonly waiting_bytes: number
  readonly records: number
  /** Entries by kind, of the whole file so far. */
  readonly entries: Readonly<Record<string, number>>
  /** Where its records went, of the whole file so far; adds up to `records_total`. */
  readonly counts: Readonly<Record<string, number>>
  readonly records_total: number
  readonly archived: number
  readonly prompts: number
  readonly candidates: readonly { readonly rule: string; readonly title: string; readonly confidence: number }[]
}

const hash = () => z.string().regex(/^(?:\d{1,6}:)?[0-9a-f]{0,64}$/)
const seenId = () => z.string().regex(/^[0-9a-f]{32}$/)
const size = () => z.number().int().min(0)
const observationId = () => z.string().regex(/^obs-[0-9a-f]{16}$/)

export const sourceSchema = () =>
  z.object({
    path: name(limits.directoryBytesMax).min(1),
    agent: name(64).min(1),
    session_id: name(limits.sessionIdBytesMax),
    transcript_key: name(limits.transcriptKeyBytesMax),
    project: name(limits.directoryBytesMax),
    size: size(),
    /** Nanoseconds as decimal digits: more than a double holds. */
    mtime_ns: z.string().regex(/^-?\d{1,20}$/),
    inode: z.string().regex(/^\d{1,20}$/),
    offset: size(),
    line: size(),
    /** `<length>:<hex>` over bytes already dealt with. */
    head_hash: hash(),
    head_bytes: size(),
    tail_hash: hash(),
    extract_offset: size(),
    llm_offset: size(),
    archive_position: size(),
    reader_version: size(),
    /** 0: the rules have not seen the file. */
    extractor_version: size(),
    records: size(),
    bad_lines: size(),
    unknown_records: size(),
    /** Of the message archived last. */
    last_id: text(512),
    /** JSON: what is needed to go on from `extract_offset`; the words of whoever reads the files. */
    reader_state: text(4 * 1024 * 1024),
    last_error: text(4_000),
    /** When the file was looked at. */
    updated_at: text(64),
  })

const candidateSchema = () =>
  z.object({
    sync_id: observationId(),
    rule: name(64),
    rule_version: size(),
    type: name(limits.typeBytesMax),
    title: text(4_096),
    content: text(65_536),
    confidence: z.number().min(0).max(1),
    author: name(limits.authorBytesMax),
    created_at: text(64),
    expires_at: text(64).optional(),
    /** What tells the same under another name: where somebody made one of these their own, this is no news (ING-INC-6). */
    instead_of: z.array(observationId()).max(64).optional(),
    /** Beside what the engine adds itself (ING-EXT-7). */
    provenance: z.object({
      agent: text(64),
      session_id: text(512),
      transcript_key: text(limits.transcriptKeyBytesMax),
      from_uuid: text(512),
      to_uuid: text(512),
      at: text(64).optional(),
      files: z.array(text(4_096)).max(12),
      commands: z.array(text(65_536)).max(3),
      commit: text(128).optional(),
      model: text(256).optional(),
      also: z.array(name(64)).max(16).optional(),
    }),
  })

export const ingestOperations = {
  'ingest.sources': operation<readonly IngestSource[]>()({
    effect: 'read',
    summary: 'What is known of each transcript file (ING-INC-1)',
    input: () => z.object({ agent: name(64).optional(), path: name(limits.directoryBytesMax).optional() }),
  }),
  'ingest.seen': operation<{ readonly seen: Readonly<Record<string, string>> }>()({
    effect: 'read',
    summary: 'Which record ids (32 hex) another file gave already, and the session of that file (ING-INC-5)',
    input: () =>
      z.object({ agent: name(64), path: text(limits.directoryBytesMax), ids: z.array(seenId()).max(50_000) }),
  }),
  'ingest.commit': operation<IngestCommitted>()({
    effect: 'write',
    summary: 'One batch of one transcript in one transaction (ING-CRS-1)',
    input: () =>
      z.object({
        source: sourceSchema(),
        session: z
          .object({
            id: name(limits.sessionIdBytesMax).min(1),
            agent: name(64),
            project: name(limits.directoryBytesMax),
            directory: name(limits.directoryBytesMax),
            started_at: text(64),
            /** Null: it goes on. Left out: nothing is said about it. */
            ended_at: text(64).nullable().optional(),
            summary: text(65_536).optional(),
          })
          .nullable(),
        prompts: z.array(z.object({ source_inbox_id: name(512), content: text(), created_at: text(64) })).max(50_000),
        candidates: z.array(candidateSchema()).max(1_000),
        /** What an earlier read gave and this one does not any more (ING-EXT-9). */
        withdraw: z.array(observationId()).max(1_000),
        seen: z.array(seenId()).max(50_000),
        /** Places masked in the archive of this batch, for the day's count. */
        redacted: size(),
        /** Files long gone: what they gave is no longer looked up (ING-INC-5). */
        gone: z.array(name(limits.directoryBytesMax)).max(10_000).optional(),
      }),
  }),
  'ingest.run': operation<IngestReport>()({
    effect: 'write',
    summary: "Read agents' transcripts into memory, without any LLM (ING-CLI-1)",
    input: () =>
      z.object({
        agents: z.array(name(64)).max(20).optional(),
        paths: z.array(name(limits.directoryBytesMax)).max(1_000).optional(),
        project: name(limits.directoryBytesMax).optional(),
        /** Integer and `m`, `h`, `d` or `w`; compared with the time a file was written. */
        since: text(16).optional(),
        force: z.boolean().optional(),
        /** Read nothing but the archive, where rules of an earlier version have seen it (ING-INC-6). */
        upgrade: z.boolean().optional(),
        dry_run: z.boolean().optional(),
        skip_knowledge: z.boolean().optional(),
        archive: z.boolean().optional(),
        /** As `since`; counted from the time of extraction. */
        ttl: text(16).optional(),
        limit: count(1_000_000).optional(),
        verbose: z.boolean().optional(),
        /** Do not wait for another run of the same data dir. */
        no_wait: z.boolean().optional(),
      }),
  }),
} as const
