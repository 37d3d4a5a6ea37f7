import { z } from 'zod'
import { limits } from '../model/limits.ts'
import { count, name, operation, text } from './operation.ts'

/** One row of the manifest of transcript files (ING-INC-1); numbers of bytes and nanoseconds, hashes as hex. */
export type IngestSource = z.infer<ReturnType<typeof sourceSchema>>

export type IngestCommitted = {
  readonly session: 'created' | 'completed' | 'unchanged' | 'none'
  readonly project: string
  readonly prompts_saved: number
  readonly saved: number
  readonly repeated: number
  readonly suppressed: number
  readonly untouched: number
  readonly withdrawn: number
  readonly redacted: number
}

export type IngestReport = {
  readonly dry_run: boolean
  readonly agents: Readonly<
    Record<
      string,
      {
        readonly files: number
        readonly sessions_new: number
        readonly sessions_grown: number
        readonly records: number
        readonly bytes: number
        readonly bad_lines: number
      }
    >
  >
  readonly projects: readonly string[]
  readonly archived_messages: number
  readonly prompts: number
  readonly sessions: number
  readonly candidates: {
    readonly saved: number
    readonly repeated: number
    readonly suppressed: number
    readonly below_threshold: number
  }
  readonly redacted: number
  readonly errors: readonly { readonly path: string; readonly reason: string }[]
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
  /** Where transcripts were looked for. */
  readonly looked: readonly string[]
  readonly llm: { readonly calls: number; readonly tokens: number }
  readonly ms: number
  /** Per session, for `--verbose` and `--dry-run`. */
  readonly files: readonly IngestFileReport[]
}

export type IngestFileReport = {
  readonly agent: string
  readonly path: string
  readonly key: string
  readonly project: string
  readonly state: 'new' | 'grown' | 'restarted' | 'unchanged' | 'failed'
  readonly reason?: string
  readonly new_bytes: number
  readonly waiting_bytes: number
  /** What was read and what was left out, by kind; adds up to `records`. */
  readonly counts: Readonly<Record<string, number>>
  readonly records: number
  readonly archived: number
  readonly candidates: readonly { readonly rule: string; readonly title: string; readonly confidence: number }[]
}

const hash = () => z.string().regex(/^[0-9a-f]{0,64}$/)
const size = () => z.number().int().min(0)

export const sourceSchema = () =>
  z.object({
    path: name(limits.directoryBytesMax).min(1),
    agent: name(64).min(1),
    session_id: name(limits.sessionIdBytesMax),
    transcript_key: name(limits.transcriptKeyBytesMax),
    project: name(limits.projectBytesMax),
    size: size(),
    /** Nanoseconds as decimal digits: more than a double holds. */
    mtime_ns: z.string().regex(/^\d{1,20}$/),
    inode: z.string().regex(/^\d{1,20}$/),
    offset: size(),
    line: size(),
    head_hash: hash(),
    head_bytes: size(),
    tail_hash: hash(),
    extract_offset: size(),
    llm_offset: size(),
    archive_position: size(),
    reader_version: size(),
    extractor_version: size(),
    records: size(),
    bad_lines: size(),
    unknown_records: size(),
    last_id: text(512),
    last_error: text(4_000),
    updated_at: text(64),
  })

const candidateSchema = () =>
  z.object({
    sync_id: z.string().regex(/^obs-[0-9a-f]{16}$/),
    rule: name(64),
    rule_version: size(),
    type: name(limits.typeBytesMax),
    title: text(4_096),
    content: text(65_536),
    confidence: z.number().min(0).max(1),
    author: name(limits.authorBytesMax),
    created_at: text(64),
    expires_at: text(64).optional(),
    /** Byte offset of the span's start: what a re-read from there would find again (ING-INC-3). */
    from_offset: size(),
    provenance: z.record(z.string(), z.unknown()),
  })

export const ingestOperations = {
  'ingest.sources': operation<readonly IngestSource[]>()({
    effect: 'read',
    summary: 'What is known of each transcript file (ING-INC-1)',
    input: () => z.object({ agent: name(64).optional() }),
  }),
  'ingest.seen': operation<{ readonly seen: readonly string[] }>()({
    effect: 'read',
    summary: 'Which record ids (32 hex) were already read from another file (ING-INC-5)',
    input: () => z.object({ agent: name(64), path: text(limits.directoryBytesMax), ids: z.array(hash()).max(50_000) }),
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
            ended_at: text(64).optional(),
            summary: text().optional(),
          })
          .nullable(),
        prompts: z.array(z.object({ source_inbox_id: name(512), content: text(), created_at: text(64) })).max(20_000),
        candidates: z.array(candidateSchema()).max(1_000),
        /** Extracted observations of this transcript from this byte offset on that are not in `candidates` are withdrawn. */
        window_from: size().nullable(),
        seen: z.array(hash()).max(50_000),
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
        since: text(16).optional(),
        force: z.boolean().optional(),
        dry_run: z.boolean().optional(),
        skip_knowledge: z.boolean().optional(),
        archive: z.boolean().optional(),
        ttl: text(64).optional(),
        limit: count(1_000_000).optional(),
        verbose: z.boolean().optional(),
        /** Do not wait for another run of the same data dir. */
        no_wait: z.boolean().optional(),
      }),
  }),
} as const
