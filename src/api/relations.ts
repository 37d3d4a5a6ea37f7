import { z } from 'zod'
import { limits } from '../model/limits.ts'
import {
  relationVerbs,
  type Relation,
  type RelationVerb,
  type VersionConflict,
  type Observation,
} from '../model/records.ts'
import { count, name, operation, place, readPlace, recordRef, text } from './operation.ts'

/** One row of the list of relations (MEM-1303, GET /conflicts). `id` is the local number of the relation. */
export type RelationListing = {
  readonly id: number
  readonly sync_id: string
  readonly relation: string
  readonly judgment_status: string
  readonly source_id: string
  readonly source_title: string
  readonly target_id: string
  readonly target_title: string
  readonly created_at: string
  readonly updated_at: string
}

export type RelationPage = {
  readonly total: number
  readonly limit: number
  readonly offset: number
  readonly relations: readonly RelationListing[]
}

export type RelationDetail = Relation & {
  readonly id: number
  readonly project: string
  readonly source_title: string
  readonly target_title: string
  readonly source_snippet: string
  readonly target_snippet: string
}

export type RelationStats = {
  readonly project: string
  readonly by_relation: Readonly<Record<string, number>>
  readonly by_judgment_status: Readonly<Record<string, number>>
  readonly deferred: number
  readonly dead: number
  readonly deferred_count: number
  readonly dead_count: number
}

export type ScanResult = {
  readonly project: string
  readonly inspected: number
  readonly ranked_queries: number
  readonly candidates_found: number
  readonly next_cursor?: number
  readonly already_related: number
  readonly inserted: number
  readonly capped: boolean
  readonly dry_run: boolean
  readonly semantic_judged: number
  readonly semantic_skipped: number
  readonly semantic_errors: number
  readonly warning?: string
}

export type DeferredRow = {
  readonly sync_id: string
  readonly entity: string
  readonly payload: unknown
  readonly payload_raw: string
  readonly payload_valid: boolean
  readonly apply_status: string
  readonly retry_count: number
  readonly last_error: string
  readonly last_attempted_at: string
  readonly first_seen_at: string
}

export type DeferredPage = { readonly total: number; readonly limit: number; readonly rows: readonly DeferredRow[] }

export type Replayed = {
  readonly retried: number
  readonly succeeded: number
  readonly failed: number
  readonly dead: number
}

const verb = () => z.enum(relationVerbs satisfies readonly RelationVerb[])
const judge = {
  relation: verb(),
  session_id: name(limits.sessionIdBytesMax).optional(),
  actor: name(limits.authorBytesMax).optional(),
  actor_kind: name(limits.typeBytesMax).optional(),
  model: name(limits.authorBytesMax).optional(),
}

export const relationOperations = {
  'relation.list': operation<RelationPage>()({
    effect: 'read',
    summary: 'Relations, newest first',
    input: () =>
      z.object({
        ...readPlace,
        status: name(limits.typeBytesMax).optional(),
        since: text(64).optional(),
        limit: count(limits.listLimitMax).optional(),
        offset: count(100_000_000, 0).optional(),
      }),
  }),
  'relation.get': operation<RelationDetail>()({
    effect: 'read',
    summary: 'One relation with both ends',
    input: () => z.object({ id: recordRef() }),
  }),
  'relation.stats': operation<RelationStats>()({
    effect: 'read',
    summary: 'Counts of relations by verb and status',
    input: () => z.object(readPlace),
  }),
  'relation.judge': operation<RelationDetail>()({
    effect: 'write',
    summary: 'Say what a pending pair means; judging again overwrites (MEM-904)',
    input: () =>
      z.object({
        ...judge,
        id: recordRef(),
        reason: text().optional(),
        evidence: text().optional(),
        confidence: z.number().optional(),
      }),
  }),
  'relation.compare': operation<{ readonly sync_id: string }>()({
    effect: 'write',
    summary: 'State the relation of two observations directly (MEM-904)',
    input: () =>
      z.object({
        ...judge,
        memory_id_a: recordRef(),
        memory_id_b: recordRef(),
        confidence: z.number().min(0).max(1),
        reasoning: text(limits.compareReasoningCharsMax * 2),
      }),
  }),
  'relation.scan': operation<ScanResult>()({
    effect: 'write',
    summary: 'Look through a project for pairs worth judging; dry unless applied (MEM-906)',
    input: () =>
      z.object({
        ...place,
        cursor: count(Number.MAX_SAFE_INTEGER, 0).optional(),
        limit: count(100).optional(),
        max_insert: count(100).optional(),
        apply: z.boolean().optional(),
      }),
  }),
  'relation.deferred': operation<DeferredPage>()({
    effect: 'read',
    summary: 'Arrived rows that wait for something they point to (MEM-907)',
    input: () =>
      z.object({
        status: name(limits.typeBytesMax).optional(),
        limit: count(limits.listLimitMax).optional(),
        offset: count(100_000_000, 0).optional(),
      }),
  }),
  'relation.replay': operation<Replayed>()({
    effect: 'write',
    summary: 'Try the waiting rows again',
    input: () => z.object({}),
  }),
  'conflict.list': operation<readonly VersionConflict[]>()({
    effect: 'read',
    summary: 'Open version conflicts (MEM-509)',
    input: () =>
      z.object({ ...readPlace, settled: z.boolean().optional(), limit: count(limits.listLimitMax).optional() }),
  }),
  'conflict.get': operation<VersionConflict>()({
    effect: 'read',
    summary: 'One version conflict with all its texts',
    input: () => z.object({ id: name(64).min(1) }),
  }),
  'conflict.settle': operation<Observation>()({
    effect: 'write',
    summary: 'Settle a conflict by taking a version or giving the text (MEM-509)',
    input: () =>
      z.object({
        id: name(64).min(1),
        take: name(64).optional(),
        content: text().optional(),
        title: text().optional(),
        by: name(limits.authorBytesMax).optional(),
      }),
  }),
} as const
