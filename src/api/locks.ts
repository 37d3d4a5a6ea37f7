import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { Lock } from '../model/live.ts'
import { agentId, contextId, durability, idempotencyKey, meta, resourcePath } from './live-fields.ts'
import { count, name, operation, text } from './operation.ts'

export type LockAnswer = { readonly lock: Lock; readonly replayed?: true }
/** `extended`: the live holder asked again; same id, same token, later end (COL-1203). */
export type LockGranted = LockAnswer & { readonly extended: boolean }
export type LockReleased = { readonly released: true; readonly replayed?: true }
export type LockList = { readonly locks: readonly Lock[]; readonly next_cursor: string }

const ttlMs = () => z.number().int().min(limits.lockTtlMsMin).max(limits.lockTtlMsMax)
const writer = {
  resource_path: resourcePath(),
  agent_id: agentId(),
  idempotency_key: idempotencyKey().optional(),
  durability: durability().optional(),
}

export const lockOperations = {
  'lock.acquire': operation<LockGranted>()({
    effect: 'write',
    summary: 'A lease on a resource, with a fencing token; `lock_held` while another agent has it (COL-1201)',
    input: () =>
      z.object({
        ...writer,
        ttl_ms: ttlMs().optional(),
        /** Its events go to this context's log; it must exist. */
        context_id: contextId().optional(),
        meta: meta().optional(),
        /** Stand in line for so long, first come first served (COL-1211). */
        wait_timeout_ms: z.number().int().min(0).max(limits.lockWaitMsMax).optional(),
      }),
  }),
  'lock.renew': operation<LockAnswer>()({
    effect: 'write',
    summary: 'Let a live lease end later: now + ttl (COL-1204)',
    input: () => z.object({ ...writer, lock_id: name(limits.unitIdBytesMax).min(1), ttl_ms: ttlMs().optional() }),
  }),
  'lock.release': operation<LockReleased>()({
    effect: 'destroy',
    summary: 'Give a lease back (COL-1205)',
    input: () => z.object({ ...writer, lock_id: name(limits.unitIdBytesMax).min(1) }),
  }),
  'lock.get': operation<LockAnswer>()({
    effect: 'read',
    summary: 'The live lease of a resource; `lock_not_found` when nobody holds it (COL-511)',
    input: () => z.object({ resource_path: resourcePath() }),
  }),
  'lock.list': operation<LockList>()({
    effect: 'read',
    summary: 'Live leases, by resource (COL-609)',
    input: () =>
      z.object({
        prefix: text(limits.resourcePathBytesMax).optional(),
        agent: agentId().optional(),
        context: contextId().optional(),
        limit: count(limits.livePageMax).optional(),
        cursor: z
          .string()
          .max(2 * limits.resourcePathBytesMax + 64)
          .optional(),
      }),
  }),
} as const
