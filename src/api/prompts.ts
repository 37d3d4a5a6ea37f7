import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { Prompt, Redacted, Truncation, Warning } from '../model/records.ts'
import { count, name, operation, place, readPlace, recordRef, text } from './operation.ts'

export type SavedPrompt = {
  readonly id: number
  readonly sync_id: string
  readonly status: 'saved' | 'repeated'
  readonly session_id: string
  readonly project: string
  readonly truncation?: Truncation
  readonly redacted: Redacted
  readonly warnings: readonly Warning[]
}

export const promptOperations = {
  'prompt.save': operation<SavedPrompt>()({
    effect: 'write',
    summary: 'Store what the person asked (MEM-311)',
    input: () =>
      z.object({
        ...place,
        content: text(),
        session_id: name(limits.sessionIdBytesMax).optional(),
        source_inbox_id: name(512).optional(),
        author: name(limits.authorBytesMax).optional(),
        agent_pid: z.number().int().positive().optional(),
      }),
  }),
  'prompt.list': operation<readonly Prompt[]>()({
    effect: 'read',
    summary: 'Prompts, newest first',
    input: () =>
      z.object({
        ...readPlace,
        session_id: name(limits.sessionIdBytesMax).optional(),
        limit: count(limits.listLimitMax).optional(),
      }),
  }),
  'prompt.search': operation<readonly (Prompt & { readonly rank: number })[]>()({
    effect: 'read',
    summary: 'Find prompts by words (MEM-608)',
    input: () => z.object({ ...readPlace, query: text(), limit: count(limits.searchLimitMax).optional() }),
  }),
  'prompt.delete': operation<{ readonly id: number; readonly sync_id: string }>()({
    effect: 'destroy',
    summary: 'Delete a prompt for ever; leaves a tombstone (MEM-311)',
    input: () => z.object({ id: recordRef() }),
  }),
} as const
