import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type {
  Observation,
  ObservationState,
  ObservationVersion,
  ProjectSource,
  Redacted,
  RelationVerb,
  SaveOutcome,
  Truncation,
  Warning,
} from '../model/records.ts'
import { count, name, operation, place, readPlace, recordRef, text } from './operation.ts'

/** A likely relation found by a save and noted as pending (MEM-902). */
export type RelationCandidate = {
  readonly id: number
  readonly sync_id: string
  readonly title: string
  readonly type: string
  readonly score: number
  readonly judgment_id: string
  readonly topic_key?: string
}

/** The answer to a save; it always names the outcome and the session in use (MEM-307, MEM-703). */
export type SaveResult = {
  /** Null while the save is queued (MEM-111). */
  readonly id: number | null
  readonly sync_id: string
  readonly outcome: SaveOutcome
  readonly type: string
  readonly title: string
  readonly project: string
  readonly project_source: ProjectSource
  readonly session_id: string
  readonly state: ObservationState
  readonly revision_count: number
  readonly duplicate_count: number
  readonly review_after?: string
  readonly expires_at?: string
  readonly truncation?: Truncation
  readonly redacted: Redacted
  readonly warnings: readonly Warning[]
  readonly replayed?: boolean
  readonly available_projects?: readonly string[]
  readonly suggested_topic_key?: string
  readonly candidates: readonly RelationCandidate[]
  readonly judgment_required: boolean
  readonly judgment_status?: 'pending'
  readonly judgment_id?: string
}

export type ObservationHistory = {
  readonly versions: readonly ObservationVersion[]
  readonly next_cursor: string | null
  readonly history_complete: boolean
}

/** An observation read by id, with what stands around it. */
export type ObservationDetail = Observation & {
  readonly relations: readonly RelationNote[]
  readonly history?: ObservationHistory
}

/** A relation as a hit shows it (MEM-606). `id` is null when the peer is missing. */
export type RelationNote = {
  readonly relation: RelationVerb | 'pending'
  readonly direction: 'out' | 'in'
  readonly judgment_id: string
  readonly id: number | null
  readonly sync_id: string
  readonly title: string
  readonly deleted: boolean
}

export type UpdatedObservation = {
  readonly observation: Observation
  readonly updated_fields: readonly string[]
  readonly truncation?: Truncation
  readonly redacted: Redacted
  readonly warnings: readonly Warning[]
}

export type DeletedObservation = { readonly id: number; readonly sync_id: string; readonly hard_delete: boolean }

export type PinnedObservation = { readonly id: number; readonly sync_id: string; readonly pinned: boolean }

export type CaptureResult = { readonly extracted: number; readonly saved: number; readonly duplicates: number }

const saved = {
  type: name(limits.typeBytesMax).optional(),
  title: text().optional(),
  tool_name: name(limits.toolNameBytesMax).optional(),
  scope: name(limits.scopeBytesMax).optional(),
  topic_key: text(65_536).optional(),
  author: name(limits.authorBytesMax).optional(),
}

export const observationOperations = {
  'observation.save': operation<SaveResult>()({
    effect: 'write',
    summary: 'Keep one memory: created, repeated, revised or queued (MEM-301)',
    input: () =>
      z.object({
        ...place,
        ...saved,
        content: text(),
        session_id: name(limits.sessionIdBytesMax).optional(),
        operation_id: name(limits.operationIdBytesMax).optional(),
        /** Duration (`30d`) or date after which it is hidden (MEM-305). */
        ttl: text(64).optional(),
        expires_at: text(64).optional(),
        /** Refuse with the Go program's codes instead of repairing (MEM-705, MEM-805). */
        strict: z.boolean().optional(),
        agent_pid: z.number().int().positive().optional(),
      }),
  }),
  'observation.save-result': operation<SaveResult>()({
    effect: 'read',
    summary: 'The answer an operation id got before (MEM-306)',
    input: () => z.object({ operation_id: name(limits.operationIdBytesMax).min(1) }),
  }),
  'observation.capture': operation<CaptureResult>()({
    effect: 'write',
    summary: 'Save the items of the last Key Learnings section of a text (MEM-309)',
    input: () =>
      z.object({
        ...place,
        content: text(),
        session_id: name(limits.sessionIdBytesMax).optional(),
        source: name(limits.toolNameBytesMax).optional(),
      }),
  }),
  'observation.get': operation<ObservationDetail>()({
    effect: 'read',
    summary: 'One observation by id, also a soft-deleted one',
    input: () =>
      z.object({
        id: recordRef(),
        include_history: z.boolean().optional(),
        history_cursor: text(256).optional(),
        history_limit: count(limits.historyPageMax).optional(),
      }),
  }),
  'observation.list': operation<readonly Observation[]>()({
    effect: 'read',
    summary: 'Live observations, newest first unless sorted otherwise',
    input: () =>
      z.object({
        ...readPlace,
        scope: name(limits.scopeBytesMax).optional(),
        type: name(limits.typeBytesMax).optional(),
        session_id: name(limits.sessionIdBytesMax).optional(),
        limit: count(limits.listLimitMax).optional(),
        sort: z.enum(['created_at:desc', 'created_at:asc', 'updated_at:desc', 'updated_at:asc']).optional(),
      }),
  }),
  'observation.update': operation<UpdatedObservation>()({
    effect: 'write',
    summary: 'Change some fields; the state before becomes a version (MEM-401)',
    input: () =>
      z.object({
        ...saved,
        id: recordRef(),
        content: text().optional(),
        find: text().optional(),
        replace: text().optional(),
        project: place.project,
        expected_project: place.project,
        ttl: text(64).optional(),
        expires_at: text(64).optional(),
      }),
  }),
  'observation.delete': operation<DeletedObservation>()({
    effect: 'destroy',
    summary: 'Soft-delete, or with hard remove for ever on every machine (MEM-406, MEM-507)',
    input: () => z.object({ id: recordRef(), hard: z.boolean().optional(), expected_project: place.project }),
  }),
  'observation.restore': operation<Observation>()({
    effect: 'write',
    summary: 'Bring a soft-deleted observation back (MEM-406)',
    input: () => z.object({ id: recordRef() }),
  }),
  'observation.pin': operation<PinnedObservation>()({
    effect: 'write',
    summary: 'Pin or unpin; local, not an edit (MEM-404)',
    input: () => z.object({ id: recordRef(), pinned: z.boolean() }),
  }),
  'observation.history': operation<ObservationHistory & { readonly observation: Observation }>()({
    effect: 'read',
    summary: 'Kept states of one observation, newest first (MEM-510)',
    input: () =>
      z.object({ id: recordRef(), limit: count(limits.historyPageMax).optional(), cursor: text(256).optional() }),
  }),
  'observation.move': operation<{ readonly moved: readonly number[]; readonly project: string }>()({
    effect: 'write',
    summary: 'File observations under another project (MEM-403)',
    input: () => z.object({ ids: z.array(recordRef()).min(1).max(1_000), to: name(limits.directoryBytesMax).min(1) }),
  }),
  'observation.review-due': operation<readonly Observation[]>()({
    effect: 'read',
    summary: 'Observations whose review date has come, or with expired the expired ones (MEM-404, MEM-405)',
    input: () =>
      z.object({ ...readPlace, expired: z.boolean().optional(), limit: count(limits.listLimitMax).optional() }),
  }),
  'observation.mark-reviewed': operation<Observation>()({
    effect: 'write',
    summary: 'Set the next review date, or clear it for types without a period (MEM-404)',
    input: () => z.object({ id: recordRef() }),
  }),
  'observation.suggest-topic': operation<{ readonly topic_key: string }>()({
    effect: 'read',
    summary: 'A topic key `family/segment` for a memory (MEM-310)',
    input: () => z.object({ type: text().optional(), title: text().optional(), content: text().optional() }),
  }),
} as const
