import type { LockAnswer, LockGranted } from '../api/locks.ts'
import type { OperationName } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { LockOutcome } from '../model/log-store.ts'
import { writeTermsOf } from '../model/operation.ts'
import { createTextCleaner } from './clean-texts.ts'
import { cleanMeta } from './contexts.ts'
import type { Handlers } from './handler.ts'
import { idempotencyOf } from './idempotency.ts'
import { refuseReserved } from './rules/access.ts'

type LockNames = Extract<OperationName, `lock.${string}`>

export const lockHandlers: Handlers<LockNames> = {
  'lock.acquire': async (deps, input, context): Promise<LockGranted> => {
    if (input.context_id !== undefined) refuseReserved(input.context_id)
    const outcome = await deps.contextLog.lock({
      kind: 'acquire',
      resourcePath: input.resource_path,
      agentId: input.agent_id,
      ttlMs: input.ttl_ms ?? deps.settings.lockTtlMs,
      lockId: deps.ids.uuid(),
      meta: cleanMeta(createTextCleaner(deps.redactor), input.meta ?? {}),
      locksPerAgentMax: deps.settings.locksPerAgentMax,
      waitTimeoutMs: input.wait_timeout_ms ?? 0,
      ...(input.context_id === undefined ? {} : { contextId: input.context_id }),
      ...idempotencyOf('lock.acquire', input),
      ...writeTermsOf(input, context),
    })
    return { ...answer(outcome), extended: outcome.isExtended }
  },
  'lock.renew': async (deps, input, context) => {
    const outcome = await deps.contextLog.lock({
      kind: 'renew',
      resourcePath: input.resource_path,
      agentId: input.agent_id,
      lockId: input.lock_id,
      ...(input.ttl_ms === undefined ? {} : { ttlMs: input.ttl_ms }),
      ...idempotencyOf('lock.renew', input),
      ...writeTermsOf(input, context),
    })
    return answer(outcome)
  },
  'lock.release': async (deps, input, context) => {
    const outcome = await deps.contextLog.lock({
      kind: 'release',
      resourcePath: input.resource_path,
      agentId: input.agent_id,
      lockId: input.lock_id,
      ...idempotencyOf('lock.release', input),
      ...writeTermsOf(input, context),
    })
    return { released: true, ...(outcome.isReplayed ? { replayed: true } : {}) }
  },
  'lock.get': async (deps, input) => {
    const lock = await deps.contextLog.heldLock(input.resource_path)
    if (lock !== undefined) return { lock }
    throw new EngramError('lock_not_found', `Nobody holds ${input.resource_path}.`, {
      details: { resource_path: input.resource_path },
    })
  },
  'lock.list': async (deps, input) => {
    const page = await deps.contextLog.locks({
      limit: input.limit ?? limits.livePageDefault,
      ...(input.prefix === undefined ? {} : { prefix: input.prefix }),
      ...(input.agent === undefined ? {} : { agentId: input.agent }),
      ...(input.context === undefined ? {} : { contextId: input.context }),
      ...(input.cursor === undefined || input.cursor === '' ? {} : { cursor: input.cursor }),
    })
    return { locks: page.locks, next_cursor: page.nextCursor }
  },
}

function answer({ lock, isReplayed }: LockOutcome): LockAnswer {
  if (lock === null) throw new EngramError('internal', 'A step on a lock answered none.')
  return { lock, ...(isReplayed ? { replayed: true } : {}) }
}
