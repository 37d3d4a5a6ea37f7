import { z } from 'zod'
import { categories } from '../model/categories.ts'
import { limits } from '../model/limits.ts'
import type { Observation } from '../model/records.ts'
import type { SaveResult } from './observations.ts'
import { count, name, operation, place, readPlace, recordRef, text } from './operation.ts'

export type ForgetSession = { readonly session_id: string; readonly started_at: string; readonly observations: number }

/** Without a selector nothing is forgotten: the sessions one could choose from are listed (ING-REV-3). */
export type Forgotten = {
  readonly dry_run: boolean
  readonly selected: readonly {
    readonly id: number
    readonly title: string
    readonly type: string
    readonly auto: boolean
  }[]
  readonly deleted: number
  readonly prompts_deleted: number
  readonly hard_delete: boolean
  readonly sessions: readonly ForgetSession[]
  /** Keys of transcripts to remove with `purge`; the caller's process owns the files. */
  readonly transcript_keys: readonly string[]
}

export const reviewOperations = {
  'extracted.list': operation<readonly Observation[]>()({
    effect: 'read',
    summary: 'Extracted observations that nobody has reviewed, strong first (ING-REV-1)',
    input: () =>
      z.object({
        ...readPlace,
        strength: z.enum(['strong', 'weak', 'all']).optional(),
        limit: count(limits.listLimitMax).optional(),
      }),
  }),
  'extracted.promote': operation<{ readonly promoted: readonly Observation[] }>()({
    effect: 'write',
    summary: 'Make extracted observations curated; always a new version (ING-REV-2)',
    input: () =>
      z.object({
        ...place,
        ids: z.array(recordRef()).max(10_000).optional(),
        all_strong: z.boolean().optional(),
        category: z.enum(categories).optional(),
        global: z.boolean().optional(),
        label: text(1_000).optional(),
        ttl: text(64).optional(),
        reviewer: name(limits.authorBytesMax).optional(),
      }),
  }),
  'memory.forget': operation<Forgotten>()({
    effect: 'destroy',
    summary: 'Forget selected memories of a project; what was extracted does not come back (ING-REV-3)',
    input: () =>
      z.object({
        ...place,
        ids: z.array(recordRef()).max(10_000).optional(),
        session_id: name(limits.sessionIdBytesMax).optional(),
        topic: text(1_000).optional(),
        expired: z.boolean().optional(),
        /** Duration since last use and confirmation (ING-REV-4). */
        stale: text(16).optional(),
        all: z.boolean().optional(),
        auto: z.boolean().optional(),
        purge: z.boolean().optional(),
        dry_run: z.boolean().optional(),
        confirmed: z.boolean().optional(),
      }),
  }),
  'memory.add': operation<SaveResult>()({
    effect: 'write',
    summary: 'A curated save by category; the same label replaces (ING-REV-5)',
    input: () =>
      z.object({
        ...place,
        category: z.enum(categories),
        content: text(),
        title: text().optional(),
        label: text(1_000).optional(),
        ttl: text(64).optional(),
        global: z.boolean().optional(),
        author: name(limits.authorBytesMax).optional(),
      }),
  }),
} as const
