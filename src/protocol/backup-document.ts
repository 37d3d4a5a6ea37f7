import { z } from 'zod'
import { tombstoneRow } from './record-rows.ts'

/**
 * The backup document as it is read (MEM-1001, MEM-1002). Lists of rows stay unread here: each row goes through its own
 * schema, so that a bad one is set aside alone.
 */

const rows = z
  .array(z.unknown())
  .nullish()
  .transform((list) => list ?? [])

export const backupVersions = ['0.1.0', '0.2.0'] as const

export const backupDocument = z.object({
  version: z.string(),
  sessions: rows,
  observations: rows,
  prompts: rows,
  relations: rows,
  prompt_tombstones: rows,
  ext: z
    .object({
      versions: rows,
      conflicts: rows,
      tombstones: rows,
      deferred: rows,
      project_aliases: z.record(z.string(), z.string()).nullish(),
    })
    .nullish()
    .catch(undefined),
})

/** One project as `engram export <project> json` writes it; the prose beside the records is not read back. */
export const projectExport = z.object({
  tool: z.literal('engram'),
  format_version: z.literal(2),
  sessions: rows,
  observations: rows,
  relations: rows,
  tombstones: rows,
})

export type BackupDocument = z.output<typeof backupDocument>

export const conflictRow = z.object({
  id: z.string().regex(/^cfl-[0-9a-f]{16}$/),
  kind: z.enum(['edit', 'edit_delete', 'edited_after_delete', 'same_topic']),
  sync_id: z.string().min(1).max(128),
  other_sync_id: z.string().max(128).nullish(),
  project: z.string().max(4_096).nullish(),
  heads: z.array(z.string().max(128)).max(1_000),
  remote: z.string().max(4_096).nullish(),
  detected_at: z.string().max(64),
  settled_version: z.string().max(128).nullish(),
  settled_at: z.string().max(64).nullish(),
  settled_by: z.string().max(256).nullish(),
})

export type ArrivedConflict = z.output<typeof conflictRow>

export const deferredRow = z.object({
  sync_id: z.string().min(1).max(128),
  entity: z.string().max(64),
  payload: z.string().max(8 * 1024 * 1024),
  apply_status: z.enum(['deferred', 'dead']),
  retry_count: z.number().int().min(0).optional(),
  last_error: z.string().max(4_096).optional(),
  last_attempted_at: z.string().max(64).optional(),
  first_seen_at: z.string().max(64).optional(),
})

/** Go's list has prompts only and no entity. */
export const promptTombstoneRow = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && 'sync_id' in value
      ? { ...value, entity: 'prompt', entity_key: value.sync_id }
      : value,
  tombstoneRow,
)
