import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { Context } from '../model/live.ts'
import type { Redacted } from '../model/records.ts'
import { agentId, contextId, displayName, durability, idempotencyKey, meta, metaPatch, unitId } from './live-fields.ts'
import { count, name, operation } from './operation.ts'

/** `replayed`: the answer of an earlier call with the same idempotency key; faces tell it in a header, not in the body. */
export type ContextAnswer = { readonly context: Context; readonly replayed?: true }

export type ContextWritten = ContextAnswer & { readonly created: boolean; readonly redacted: Redacted }

export type ContextListAnswer = { readonly contexts: readonly Context[]; readonly next_cursor: string }

const writer = {
  id: contextId(),
  agent_id: agentId().optional(),
  expected_version: z.number().int().min(0).optional(),
  idempotency_key: idempotencyKey().optional(),
  durability: durability().optional(),
}

const agents = () => z.array(agentId()).max(limits.contextAgentsMax)
const pins = () => z.array(unitId()).max(limits.contextPinsMax)

export const contextOperations = {
  'context.create': operation<ContextWritten>()({
    effect: 'write',
    summary: 'A new context; an id that exists is `id_conflict` (COL-601)',
    input: () =>
      z.object({
        /** `ctx-` and a ULID when left out. */
        id: contextId().optional(),
        display_name: displayName().optional(),
        agents: agents().optional(),
        meta: meta().optional(),
        agent_id: agentId().optional(),
        idempotency_key: idempotencyKey().optional(),
        durability: durability().optional(),
      }),
  }),
  'context.get': operation<ContextAnswer>()({
    effect: 'read',
    summary: 'One context (COL-602)',
    input: () => z.object({ id: contextId() }),
  }),
  'context.list': operation<ContextListAnswer>()({
    effect: 'read',
    summary: 'Contexts, last changed first; reserved ones are left out (COL-615)',
    input: () =>
      z.object({
        prefix: name(limits.contextIdBytesMax).optional(),
        agent: agentId().optional(),
        status: z.enum(['active', 'archived']).optional(),
        sort: z.enum(['updated', 'created', 'id']).optional(),
        limit: count(limits.livePageMax).optional(),
        cursor: z
          .string()
          .max(2 * limits.contextIdBytesMax + 64)
          .optional(),
      }),
  }),
  'context.update': operation<ContextWritten>()({
    effect: 'write',
    summary: 'Change name, members, pins and meta in one step (COL-507, COL-1401)',
    input: () =>
      z.object({
        ...writer,
        /** Empty leaves the name, null clears it. */
        display_name: displayName().nullable().optional(),
        add_agents: agents().optional(),
        remove_agents: agents().optional(),
        pin_units: pins().optional(),
        unpin_units: pins().optional(),
        meta: metaPatch().optional(),
        /** Makes the context when it is missing, as the un-prefixed route does. */
        create_context: z.boolean().optional(),
      }),
  }),
  'context.archive': operation<ContextAnswer>()({
    effect: 'write',
    summary: 'Refuse further units; reading goes on (COL-615)',
    input: () => z.object(writer),
  }),
  'context.restore': operation<ContextAnswer>()({
    effect: 'write',
    summary: 'Take an archived context into use again (COL-615)',
    input: () => z.object(writer),
  }),
} as const
