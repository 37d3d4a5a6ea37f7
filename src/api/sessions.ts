import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { OwnershipMode, ProjectSource, Session, SessionSummary, Warning } from '../model/records.ts'
import { count, name, operation, place, readPlace, text } from './operation.ts'

export type StartedSession = {
  readonly id: string
  readonly status: 'created'
  /** The ended session this one continues (`resume: true`). */
  readonly resumed_from?: string
  readonly project: string
  readonly project_source: ProjectSource
  readonly warnings: readonly Warning[]
}

export type EndedSession = {
  readonly id: string
  readonly status: 'completed' | 'already_ended'
  readonly ended_at: string
}

export type EndedStale = {
  readonly dry_run: boolean
  readonly sessions: readonly (SessionSummary & { readonly last_activity_at: string })[]
  readonly count: number
}

const sessionId = () => name(limits.sessionIdBytesMax).min(1)
const ownershipMode = () => z.enum(['shared', 'project_owned'] satisfies OwnershipMode[]).or(z.literal(''))

export const sessionOperations = {
  'session.start': operation<StartedSession>()({
    effect: 'write',
    summary: 'Register a session or complete a known one; never overwrites (MEM-706)',
    input: () =>
      z.object({
        ...place,
        id: sessionId(),
        ownership_mode: ownershipMode().optional(),
        resume: z.boolean().optional(),
        isolated: z.boolean().optional(),
        agent: name(limits.authorBytesMax).optional(),
        agent_pid: z.number().int().positive().optional(),
        started_at: text(64).optional(),
      }),
  }),
  'session.end': operation<EndedSession>()({
    effect: 'write',
    summary: 'End a session; an ended one is left as it is (MEM-706)',
    input: () => z.object({ id: sessionId(), summary: text().optional() }),
  }),
  'session.end-stale': operation<EndedStale>()({
    effect: 'write',
    summary: 'List, or with apply end, sessions idle longer than an age (MEM-708)',
    input: () => z.object({ ...place, by_age: text(16).optional(), apply: z.boolean().optional() }),
  }),
  'session.get': operation<Session>()({
    effect: 'read',
    summary: 'One session',
    input: () => z.object({ id: sessionId() }),
  }),
  'session.list': operation<readonly SessionSummary[]>()({
    effect: 'read',
    summary: 'Sessions, newest first',
    input: () => z.object({ ...readPlace, open: z.boolean().optional(), limit: count(limits.listLimitMax).optional() }),
  }),
  'session.delete': operation<{ readonly id: string; readonly prompts_deleted: number }>()({
    effect: 'destroy',
    summary: 'Delete a session that no observation points to (MEM-407)',
    input: () => z.object({ id: sessionId() }),
  }),
} as const
