import { z } from 'zod'
import { categories } from '../model/categories.ts'
import { limits } from '../model/limits.ts'
import { name, operation, place, readPlace, text } from './operation.ts'

export type Health = {
  readonly status: 'ok'
  readonly service: 'engram'
  readonly version: string
  readonly instance_id: string
  readonly capabilities: { readonly isolated_session_registration: true }
}

/** Real figures of one data dir (MEM-1401 status, ING-CMD-5). Bytes, counts, and times as in records. */
export type Status = {
  readonly version: string
  readonly data_dir: string
  readonly database: {
    readonly path: string
    readonly bytes: number
    readonly wal_bytes: number
    readonly schema: number
    readonly mode: 'read-write' | 'read-only'
    readonly durability: 'full' | 'normal'
  }
  readonly counts: {
    readonly sessions: number
    readonly open_sessions: number
    readonly observations: number
    readonly deleted_observations: number
    readonly prompts: number
    readonly relations: number
    readonly pending_relations: number
    readonly versions: number
    readonly tombstones: number
    readonly projects: number
    readonly deferred: number
  }
  readonly spool: { readonly waiting: number; readonly oldest: string | null }
  readonly conflicts: { readonly versions: number; readonly relations: number }
  readonly last: {
    readonly save: string | null
    readonly search: string | null
    readonly ingest: string | null
    readonly error: { readonly at: string; readonly message: string } | null
  }
  readonly ingest: {
    readonly agents: Readonly<
      Record<
        string,
        { readonly files: number; readonly bytes: number; readonly bad_lines: number; readonly last: string | null }
      >
    >
    readonly failing: readonly { readonly path: string; readonly error: string }[]
    readonly unknown_records: number
  }
  readonly review: { readonly strong: number; readonly weak: number; readonly due: number; readonly expired: number }
  readonly llm: { readonly calls_today: number; readonly tokens_today: number; readonly cost_today_usd: number }
  readonly redactions_today: number
  /** When each hook of each agent last fired (MEM-1603). */
  readonly hooks: readonly { readonly agent: string; readonly event: string; readonly last: string }[]
}

export type ExportedProject = {
  readonly project: string
  readonly format: 'markdown' | 'json' | 'html'
  readonly text: string
}

export type ObsidianExport = {
  readonly written: number
  readonly unchanged: number
  readonly removed: number
  readonly files: readonly string[]
}

export const systemOperations = {
  'system.health': operation<Health>()({
    effect: 'read',
    summary: 'Who answers here',
    input: () => z.object({}),
  }),
  'system.status': operation<Status>()({
    effect: 'read',
    summary: 'Size, counts, last capture, last error, cost of today',
    input: () => z.object({}),
  }),
  'project.export': operation<ExportedProject>()({
    effect: 'read',
    summary: 'One project as Markdown, JSON or one HTML page (ING-EXP-1)',
    input: () =>
      z.object({
        ...place,
        format: z.enum(['markdown', 'json', 'html']),
        include_conversations: z.boolean().optional(),
        only_curated: z.boolean().optional(),
        categories: z.array(z.enum(categories)).max(8).optional(),
      }),
  }),
  'project.export-obsidian': operation<ObsidianExport>()({
    effect: 'write',
    summary: 'Notes below <vault>/engram/ (MEM-1403)',
    input: () =>
      z.object({
        ...readPlace,
        vault: name(limits.directoryBytesMax).min(1),
        limit: z.number().int().positive().optional(),
        since: text(64).optional(),
        force: z.boolean().optional(),
        graph_config: z.enum(['preserve', 'force', 'skip']).optional(),
      }),
  }),
} as const
