import { z } from 'zod'
import { categories, type Category } from '../model/categories.ts'
import { limits } from '../model/limits.ts'
import type { Observation, ObservationExt, Session } from '../model/records.ts'
import type { RelationNote } from './observations.ts'
import { contextId } from './live-fields.ts'
import { count, name, operation, place, readPlace, recordRef, text } from './operation.ts'

/** An observation with its place in the answer; `rank` is lower for better, −1000 for an exact name (MEM-603). */
export type SearchHit = Omit<Observation, 'ext'> & { readonly rank: number; readonly ext: SearchHitExt }

export type SearchHitExt = ObservationExt & {
  readonly score: number
  /** First 300 code points of the content (MEM-605). */
  readonly preview: string
  readonly preview_truncated: boolean
  /** The best window of own text; `matches` are code-point ranges in it (RET-751). */
  readonly snippet: string
  readonly matches: readonly (readonly [number, number])[]
  readonly relations: readonly RelationNote[]
  /** Ids of results equal in title, type and project that took no place (RET-408). */
  readonly twins?: readonly number[]
  readonly explanation?: HitExplanation
}

/** What a search may look through: curated memories alone, unless it names more. */
export const searchedPlaces = ['memory', 'prompts', 'units', 'transcripts'] as const
export type SearchedPlace = (typeof searchedPlaces)[number]

/** One result of a search that looks beyond memories; each kind has the keys that lead to it. */
export type FoundEntry = {
  readonly kind: 'observation' | 'prompt' | 'unit' | 'message'
  /** Of an observation or prompt. */
  readonly id?: number
  /** Title of an observation. */
  readonly title?: string
  readonly unit_id?: string
  readonly context_id?: string
  /** Of an archived conversation, with the message's place in it. */
  readonly key?: string
  readonly position?: number
  readonly role?: string
  readonly project: string | null
  readonly session_id: string
  readonly author: string | null
  readonly created_at: string
  readonly rank: number
  readonly score: number
  readonly snippet: string
  readonly matches: readonly (readonly [number, number])[]
  readonly explanation?: HitExplanation
}

/** Why a hit stands where it stands: multiplying L (+ V) and the factors gives S (RET-753). */
export type HitExplanation = {
  readonly words: readonly { readonly word: string; readonly df: number; readonly in: readonly string[] }[]
  readonly L: number
  /** Nearness in meaning with what stands around, and the cosine itself (RET-402); with vectors only. */
  readonly V?: number
  readonly c?: number
  /** S = (words · L + meaning · V) · the factors; L · the factors when absent. */
  readonly weights?: { readonly words: number; readonly meaning: number }
  readonly factors: Readonly<Record<string, number>>
  readonly S: number
  readonly exact?: string
}

export type QueryExplanation = {
  readonly words: readonly { readonly word: string; readonly df: number }[]
  readonly dropped: readonly { readonly word: string; readonly why: string }[]
  readonly pairs: readonly string[]
  readonly phrases: readonly string[]
  readonly mode: 'lexical' | 'hybrid' | 'semantic'
  readonly parameters: string
  readonly took_ms: Readonly<Record<string, number>>
}

export type LeftOut = { readonly count: number; readonly ids: readonly number[] }

export type SearchAnswer = {
  readonly hits: readonly SearchHit[]
  readonly project: string | null
  readonly mode: 'lexical' | 'hybrid' | 'semantic'
  readonly mode_reason?: string
  readonly confidence: 'ok' | 'low' | 'none'
  readonly degraded?: string
  readonly reason?: 'no_words' | 'low_confidence'
  readonly query_cut?: boolean
  /** Found by meaning alone and not near enough; where `min_similarity` was asked for. */
  readonly held_back?: number
  readonly left_out?: LeftOut
  readonly explanation?: QueryExplanation
  /** One list of all kinds, where more than memories was searched; `hits` are the memories in it. */
  readonly found?: readonly FoundEntry[]
  /** Archived conversations that were not read to their end yet, and so answered nothing. */
  readonly unread_transcripts?: number
}

/** An observation with fewer keys, as the timeline has always shown it (MEM-203). */
export type TimelineEntry = Omit<Observation, 'sync_id' | 'review_after' | 'ext'> & { readonly is_focus: boolean }

export type TimelineResult = {
  readonly focus: Observation
  readonly before: readonly TimelineEntry[]
  readonly after: readonly TimelineEntry[]
  readonly session_info: Session | null
  readonly total_in_range: number
}

export type ContextAnswer = { readonly context: string; readonly project: string | null }

export type Stats = {
  readonly total_sessions: number
  readonly total_observations: number
  readonly total_prompts: number
  readonly projects: readonly string[]
}

export type Recall = {
  readonly project: string
  /** Markdown within the budget (ING-CMD-1); empty when the project holds nothing. */
  readonly text: string
  readonly items: readonly {
    readonly id: number
    readonly category: Category
    readonly title: string
    readonly auto?: number
  }[]
  readonly left_out: number
  readonly tokens: number
}

export type Lookup = {
  readonly project: string
  readonly matches: readonly {
    readonly id: number
    readonly category: Category
    readonly title: string
    readonly lines: readonly string[]
    readonly expired: boolean
  }[]
}

const filters = {
  type: z.union([name(limits.typeBytesMax), z.array(name(limits.typeBytesMax)).max(20)]).optional(),
  scope: name(limits.scopeBytesMax).optional(),
  since: text(64).optional(),
  until: text(64).optional(),
  session_id: name(limits.sessionIdBytesMax).optional(),
  tool: name(limits.toolNameBytesMax).optional(),
  author: name(limits.authorBytesMax).optional(),
  include_expired: z.boolean().optional(),
}

const category = () => z.enum(categories)

export const searchOperations = {
  'memory.search': operation<SearchAnswer>()({
    effect: 'read',
    summary: 'Find memories by words, best first, with the reason for each (MEM-601, retrieval)',
    input: () =>
      z.object({
        ...readPlace,
        ...filters,
        query: text(),
        /** What is looked through; memories when left out. */
        in: z.array(z.enum(searchedPlaces)).min(1).max(searchedPlaces.length).optional(),
        /** Work units of these contexts, and nothing else. */
        context_ids: z.array(contextId()).min(1).max(limits.liveFilterMax).optional(),
        match_mode: z.enum(['any', 'all']).optional(),
        limit: count(limits.searchLimitMax).optional(),
        mode: z.enum(['auto', 'lexical', 'semantic', 'hybrid']).optional(),
        /** Cosine that a result without a word of the query must reach (RET-610). */
        min_similarity: z.number().min(0).max(1).optional(),
        order: z.enum(['relevance', 'recent']).optional(),
        explain: z.boolean().optional(),
        budget_tokens: count(1_000_000).optional(),
        max_bytes: count(16 * 1024 * 1024).optional(),
        /** The query is a linear-time regular expression over titles and contents (ING-CMD-6). */
        regex: z.boolean().optional(),
        collapse: z.boolean().optional(),
        /** Nothing instead of doubtful results (RET-703). */
        strict: z.boolean().optional(),
      }),
  }),
  'memory.timeline': operation<TimelineResult>()({
    effect: 'read',
    summary: 'What was kept before and after one observation in its session (MEM-609)',
    input: () =>
      z.object({
        observation_id: recordRef(),
        before: count(limits.timelineEachSideMax, 0).optional(),
        after: count(limits.timelineEachSideMax, 0).optional(),
      }),
  }),
  'memory.context': operation<ContextAnswer>()({
    effect: 'read',
    summary: 'Markdown of recent sessions, prompts and memories for an agent (MEM-610)',
    input: () =>
      z.object({
        ...readPlace,
        scope: name(limits.scopeBytesMax).optional(),
        sessions: z.number().int().optional(),
        prompts: z.number().int().optional(),
        observations: z.number().int().optional(),
        pinned: z.number().int().optional(),
        compact: z.boolean().optional(),
        max_bytes: z.number().int().optional(),
        /** IANA zone for the times people read (MEM-612). */
        timezone: text(64).optional(),
      }),
  }),
  'memory.session-context': operation<ContextAnswer>()({
    effect: 'read',
    summary: 'Markdown of one session only, for use after compaction (MEM-611)',
    input: () =>
      z.object({
        session_id: name(limits.sessionIdBytesMax).min(1),
        max_bytes: z.number().int().optional(),
        timezone: text(64).optional(),
      }),
  }),
  'memory.stats': operation<Stats>()({
    effect: 'read',
    summary: 'Counts of sessions, observations, prompts and the projects',
    input: () => z.object(readPlace),
  }),
  'memory.recall': operation<Recall>()({
    effect: 'read',
    summary: 'What is known about a project by category, within a token budget (ING-CMD-1)',
    input: () =>
      z.object({
        ...place,
        budget_tokens: count(1_000_000).optional(),
        category: category().optional(),
        all: z.boolean().optional(),
        /** What came from other machines stands last, and says so. */
        foreign_apart: z.boolean().optional(),
      }),
  }),
  'memory.lookup': operation<Lookup>()({
    effect: 'read',
    summary: 'Lines of a project that contain a text, by category (ING-CMD-3)',
    input: () =>
      z.object({ ...place, query: text(4_096).min(1), category: category().optional(), all: z.boolean().optional() }),
  }),
} as const
