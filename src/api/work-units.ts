import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { WorkUnit } from '../model/live.ts'
import type { Durability } from '../model/operation.ts'
import type { Redacted } from '../model/records.ts'
import {
  agentId,
  contextId,
  cursor,
  durability,
  fence,
  idempotencyKey,
  meta,
  typeGiven,
  unitId,
} from './live-fields.ts'
import { count, operation, text } from './operation.ts'
import type { HitExplanation } from './search.ts'

export type UnitAppended = {
  readonly unit: WorkUnit
  /** The same unit stood there already, under the id its caller chose (COL-1303). */
  readonly duplicate: boolean
  readonly durability: Durability
  readonly redacted: Redacted
  readonly replayed?: true
}

/** `next_cursor` is always a place to go on from; `at_tail`: nothing more stood in that direction (COL-604). */
export type UnitList = {
  readonly units: readonly WorkUnit[]
  readonly next_cursor: string
  readonly at_tail: boolean
}

export type UnitHit = {
  readonly unit_id: string
  /** Higher is better; scores of one answer are compared with each other alone. */
  readonly score: number
  readonly snippet: string
  /** Cosine of unit and query, where meaning was asked and the unit has a vector. */
  readonly similarity?: number
  readonly unit?: WorkUnit
  /** Where it was asked for and the list was ranked by meaning too (RET-753). */
  readonly explanation?: HitExplanation
}

export type UnitHits = {
  readonly hits: readonly UnitHit[]
  /** By words: all units that hold every word and pass. By meaning: the ranked list, at most 200 of words and 200 near ones. */
  readonly total_count: number
  readonly next_cursor: string
  /** What was done, whatever was asked for. */
  readonly mode: 'keyword' | 'semantic' | 'hybrid'
  /** Why it went by words, where it did. */
  readonly mode_reason?: UnitModeReason
  /** A better mode was asked for and is not there. */
  readonly degraded: boolean
  /** Found by meaning alone and not near enough. */
  readonly held_back?: number
}

/**
 * - by choice: `asked`, `newest_first` (`auto` ranks only where best first is asked for), `no_query`, `as_before` (the list
 *   that the cursor goes on with went by words)
 * - not possible here: `no_embedder`, `language` (the model knows English), `no_vectors`, `vectors_incomplete`,
 *   `model_not_loaded_here`
 * - not possible now: `embedder_loading`, `embedder_timeout`, `embedder_error`
 */
export type UnitModeReason =
  | 'asked'
  | 'newest_first'
  | 'no_query'
  | 'as_before'
  | 'no_embedder'
  | 'language'
  | 'no_vectors'
  | 'vectors_incomplete'
  | 'model_not_loaded_here'
  | 'embedder_loading'
  | 'embedder_timeout'
  | 'embedder_error'

const relationship = () =>
  z.object({
    target_id: unitId(),
    type: typeGiven().optional(),
    meta: meta().optional(),
  })

export const workUnitOperations = {
  'work-unit.append': operation<UnitAppended>()({
    effect: 'write',
    summary: 'Append one immutable unit to the log of a context (COL-504, COL-603)',
    input: () =>
      z.object({
        context_id: contextId(),
        agent_id: agentId(),
        /** A number or a name; none is `invalid_type`. */
        type: typeGiven().optional(),
        payload: text(limits.unitPayloadBytesMax).optional(),
        /** Standard or URL alphabet, padding optional; instead of `payload`. */
        payload_base64: text(2 * limits.unitPayloadBytesMax).optional(),
        content_type: text(limits.contentTypeBytesMax).optional(),
        meta: meta().optional(),
        relationships: z.array(relationship()).max(limits.unitRelationshipsMax).optional(),
        /** A UUID of the caller's own (COL-1303). */
        id: unitId().optional(),
        thread_id: unitId().optional(),
        /** Adds RESPONDS_TO and joins its thread (COL-1711). */
        reply_to: unitId().optional(),
        fence: fence().optional(),
        expected_last_seq: z.number().int().min(0).optional(),
        /** Makes the context when it is missing, its agent the first member. */
        create_context: z.boolean().optional(),
        idempotency_key: idempotencyKey().optional(),
        durability: durability().optional(),
      }),
  }),
  'work-unit.get': operation<{ readonly unit: WorkUnit }>()({
    effect: 'read',
    summary: 'One unit by id (COL-606)',
    input: () => z.object({ id: unitId() }),
  }),
  'work-unit.list': operation<UnitList>()({
    effect: 'read',
    summary: 'Units of a context, oldest first unless `desc` (COL-604)',
    input: () =>
      z.object({
        context_id: contextId(),
        limit: count(limits.livePageMax).optional(),
        cursor: cursor().optional(),
        order: z.enum(['asc', 'desc']).optional(),
        types: z.array(typeGiven()).max(limits.liveFilterMax).optional(),
        agents: z.array(agentId()).max(limits.liveFilterMax).optional(),
        meta: meta().optional(),
        since: text(64).optional(),
        until: text(64).optional(),
      }),
  }),
  'work-unit.search': operation<UnitHits>()({
    effect: 'read',
    summary: 'Units by words, meaning and filters; every filter must match (COL-512, COL-1704)',
    input: () =>
      z.object({
        query: text(limits.queryCharsMax).optional(),
        /** `auto`: hybrid where best first is asked for and a model is ready, else keyword. Left out: as the server is set. */
        mode: z.enum(['auto', 'keyword', 'semantic', 'hybrid']).optional(),
        /** Left out: newest first by words, best first by meaning. */
        order: z.enum(['relevance', 'recent']).optional(),
        context_ids: z.array(contextId()).max(limits.liveFilterMax).optional(),
        agent_ids: z.array(agentId()).max(limits.liveFilterMax).optional(),
        types: z.array(typeGiven()).max(limits.liveFilterMax).optional(),
        meta_filters: meta().optional(),
        since: text(64).optional(),
        until: text(64).optional(),
        /** Units that a relation joins with this one; `in`: those that point at it, `out`: those it points at. */
        related_to: unitId().optional(),
        relation_types: z.array(typeGiven()).max(limits.liveFilterMax).optional(),
        direction: z.enum(['in', 'out', 'both']).optional(),
        /** Cosine that a result without a word of the query must reach (RET-610). */
        min_similarity: z.number().min(0).max(1).optional(),
        limit: count(limits.livePageMax).optional(),
        offset: count(1_000_000, 0).optional(),
        cursor: cursor().optional(),
        include_units: z.boolean().optional(),
        explain: z.boolean().optional(),
      }),
  }),
} as const
