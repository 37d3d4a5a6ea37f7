import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { ChunkImportResult, SyncResult, SyncStatus } from '../model/sync.ts'
import { name, operation, readPlace, text } from './operation.ts'

/** Where the chunks lie: the folder that was found from the caller's directory, or was named. */
type InDirectory = { readonly sync_dir: string }

/** `project` is null for all of them. */
export type SyncExported = SyncResult & InDirectory & { readonly project: string | null }
export type SyncImported = ChunkImportResult & InDirectory

export type SyncStatusReport = SyncStatus & InDirectory

export type SyncVerified = InDirectory & {
  readonly ok: boolean
  readonly chunks: number
  readonly problems: readonly { readonly id: string; readonly reason: string }[]
}

export type ManifestWritten = { readonly path: string; readonly chunks: number; readonly version: number }

export type MergeDriverInstalled = {
  /** `unchanged`: it was so already. */
  readonly outcome: 'installed' | 'removed' | 'unchanged'
  readonly attributes: string
}

const path = () => name(limits.directoryBytesMax)

const where = {
  /** The caller's working directory, absolute: `.engram` is looked for from here. */
  directory: path().optional(),
  /** The sync dir itself, absolute. */
  sync_dir: path().min(1).optional(),
}

const leaving = {
  include_personal: z.boolean().optional(),
  with_auto: z.enum(['strong', 'all', 'none']).optional(),
}

export const syncOperations = {
  'sync.export': operation<SyncExported>()({
    effect: 'write',
    summary: 'Write what changed as new chunks beside those git carries (CHK-501)',
    input: () =>
      z.object({
        ...readPlace,
        ...where,
        ...leaving,
        created_by: text(limits.authorBytesMax).optional(),
        manifest_version: z.number().int().min(1).max(1_000).optional(),
        dry_run: z.boolean().optional(),
      }),
  }),
  'sync.import': operation<SyncImported>()({
    effect: 'write',
    summary: 'Take in every chunk that is not known yet (CHK-601)',
    input: () => z.object({ ...where, retry_quarantined: z.boolean().optional(), dry_run: z.boolean().optional() }),
  }),
  'sync.status': operation<SyncStatusReport>()({
    effect: 'read',
    summary: 'Chunks here, chunks there, what waits (CHK-801)',
    input: () => z.object({ ...readPlace, ...where, ...leaving }),
  }),
  'sync.verify': operation<SyncVerified>()({
    effect: 'read',
    summary: 'Check every chunk and the manifest, and change nothing (CHK-704)',
    input: () => z.object({ ...readPlace, ...where, ...leaving }),
  }),
  'sync.rebuild-manifest': operation<ManifestWritten>()({
    effect: 'write',
    summary: 'Write the manifest anew from the chunks there are (CHK-406)',
    input: () => z.object({ ...where }),
  }),
  'sync.squash': operation<SyncExported>()({
    effect: 'write',
    summary: 'Write the present state as a fresh sync dir elsewhere (CHK-705)',
    input: () =>
      z.object({
        ...readPlace,
        ...leaving,
        /** Absolute; it must be empty or not exist. */
        target: path().min(1),
        created_by: text(limits.authorBytesMax).optional(),
      }),
  }),
  'sync.merge-driver': operation<MergeDriverInstalled>()({
    effect: 'write',
    summary: 'Have git merge manifests by union in this clone, or stop it (CHK-407)',
    input: () => z.object({ ...where, remove: z.boolean().optional() }),
  }),
  'sync.merge-manifest': operation<ManifestWritten>()({
    effect: 'write',
    summary: 'Three manifests as one, for git: written over `ours` (CHK-407)',
    input: () => z.object({ base: path().min(1), ours: path().min(1), theirs: path().min(1) }),
  }),
} as const
