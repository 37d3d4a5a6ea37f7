import { z } from 'zod'
import { limits } from '../model/limits.ts'
import { name, operation } from './operation.ts'

/** One memory that a hook put before an agent, or left out, and why (MEM-1611). */
export type InjectedItem = {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly rank: number
  readonly score: number
  /** What the score is made of. */
  readonly parts: Readonly<Record<string, number>>
  readonly tokens: number
  readonly reason: string
  /** The state of the memory that was told; a session hears of each state once (RET-705). */
  readonly version: string
}

export type Injection = {
  readonly session_id: string
  readonly agent: string
  readonly event: string
  readonly project: string
  readonly at: string
  readonly budget_tokens: number
  readonly tokens: number
  readonly items: readonly InjectedItem[]
  readonly left_out: readonly InjectedItem[]
  /** Versions of all memories this session was told since its conversation began, by id (RET-705). */
  readonly told?: Readonly<Record<string, string>>
}

export const hookOperations = {
  'hook.why': operation<Injection>()({
    effect: 'read',
    summary: 'What a hook last put before an agent, each memory with its reason (MEM-1611)',
    input: () => z.object({ session_id: name(limits.sessionIdBytesMax).optional() }),
  }),
} as const
