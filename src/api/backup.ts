import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { Observation, Prompt, Relation, Session } from '../model/records.ts'
import { name, operation, readPlace } from './operation.ts'

/** The backup document (MEM-1001, MEM-1004): readable by the Go program, lossless for us through `ext`. */
export type Backup = {
  readonly version: '0.2.0'
  readonly exported_at: string
  readonly sessions: readonly Session[]
  readonly observations: readonly (Observation & { readonly pinned: boolean })[]
  readonly prompts: readonly Prompt[]
  readonly relations?: readonly Relation[]
  readonly prompt_tombstones?: readonly {
    readonly sync_id: string
    readonly session_id: string
    readonly project?: string
    readonly source_inbox_id?: string
    readonly deleted_at: string
  }[]
  readonly ext?: Readonly<Record<string, unknown>>
}

/** A record with a text that was over its limit; bytes after redaction (MEM-110). */
export type CutRecord = {
  readonly entity: string
  readonly key: string
  readonly original_bytes: number
  readonly limit_bytes: number
}

export type ImportResult = {
  readonly sessions_imported: number
  readonly observations_imported: number
  readonly observations_updated: number
  readonly observations_skipped_stale: number
  readonly prompts_imported: number
  readonly relations_imported: number
  readonly relations_deferred: number
  readonly redacted: number
  readonly cut: readonly CutRecord[]
  readonly skipped: readonly { readonly entity: string; readonly key: string; readonly reason: string }[]
}

export type BackupFile = {
  readonly path: string
  readonly bytes: number
  readonly created_at: string
  readonly schema: number
  readonly ok?: boolean
  readonly problems?: readonly string[]
}

export const backupOperations = {
  'backup.export': operation<Backup>()({
    effect: 'read',
    summary: 'Everything of one project, or of all, as one document (MEM-1001)',
    input: () => z.object(readPlace),
  }),
  'backup.import': operation<ImportResult>()({
    effect: 'write',
    summary: 'Take a backup in; a bad row is set aside alone unless strict (MEM-1002, MEM-1003)',
    input: () => z.object({ backup: z.unknown(), strict: z.boolean().optional() }),
  }),
  'backup.create': operation<BackupFile>()({
    effect: 'write',
    summary: 'Copy the database file itself to backups/ or a path',
    input: () => z.object({ path: name(limits.directoryBytesMax).optional() }),
  }),
  'backup.list': operation<readonly BackupFile[]>()({
    effect: 'read',
    summary: 'Copies of the database under backups/',
    input: () => z.object({}),
  }),
  'backup.verify': operation<BackupFile>()({
    effect: 'read',
    summary: 'Open a copy read-only and check it',
    input: () => z.object({ path: name(limits.directoryBytesMax).min(1) }),
  }),
  'backup.restore': operation<{ readonly restored_from: string; readonly previous: string }>()({
    effect: 'destroy',
    summary: 'Put a verified copy in place of the database; the present one is backed up first',
    input: () => z.object({ path: name(limits.directoryBytesMax).min(1), confirmed: z.boolean().optional() }),
  }),
} as const

/** What moving a database of the Go program in did, or would do (MEM-106). */
export type AdoptResult = {
  readonly dry_run: boolean
  readonly adopted: boolean
  readonly reason?: string
  readonly era: string
  readonly counts: Readonly<Record<'sessions' | 'observations' | 'prompts' | 'relations' | 'tombstones', number>>
  readonly cut: readonly CutRecord[]
  readonly skipped: readonly { readonly entity: string; readonly key: string; readonly reason: string }[]
  readonly old_path?: string
  readonly backup_path?: string
}
