import type { ContextAnswer, ContextWritten } from '../api/contexts.ts'
import type { OperationName, Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { Commit, Committed } from '../model/log-store.ts'
import { type CallContext, type WriteTerms, writeTermsOf } from '../model/operation.ts'
import { createTextCleaner, type TextCleaner } from './clean-texts.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { idempotencyOf } from './idempotency.ts'
import { refuseReserved } from './rules/access.ts'

type SharedContextNames = Extract<OperationName, `context.${string}`>

/** Shared rooms (COL-101). `context.ts` beside it is something else: memory laid out for an agent. */
export const sharedContextHandlers: Handlers<SharedContextNames> = {
  'context.create': async (deps, input, context): Promise<ContextWritten> => {
    const id = input.id ?? `ctx-${deps.ids.ulid().toLowerCase()}`
    refuseReserved(id)
    const cleaner = createTextCleaner(deps.redactor)
    const patch = {
      displayName: cleaner.clean(input.display_name ?? ''),
      addAgents: input.agents ?? [],
      meta: cleanMeta(cleaner, input.meta ?? {}),
    }
    const committed = await deps.contextLog.append({
      ...writerOf('context.create', input, context),
      contextId: id,
      context: 'new',
      steps: [{ kind: 'patch', patch }],
    })
    return { ...answer(committed), created: true, redacted: cleaner.redacted() }
  },
  'context.get': async (deps, input) => {
    const context = await deps.contextLog.context(input.id)
    if (context === undefined) throw unknownContext(input.id)
    return { context }
  },
  'context.list': async (deps, input) => {
    const page = await deps.contextLog.contexts({
      sort: input.sort ?? 'updated',
      limit: input.limit ?? limits.livePageDefault,
      ...(input.prefix === undefined ? {} : { prefix: input.prefix }),
      ...(input.agent === undefined ? {} : { agentId: input.agent }),
      ...(input.status === undefined ? {} : { status: input.status }),
      ...(input.cursor === undefined || input.cursor === '' ? {} : { cursor: input.cursor }),
    })
    return { contexts: page.contexts, next_cursor: page.nextCursor }
  },
  'context.update': async (deps, input, context): Promise<ContextWritten> => {
    refuseReserved(input.id)
    const cleaner = createTextCleaner(deps.redactor)
    const committed = await deps.contextLog.append({
      ...writerOf('context.update', input, context),
      contextId: input.id,
      context: input.create_context === true ? 'upsert' : 'existing',
      steps: [{ kind: 'patch', patch: patchOf(cleaner, input) }],
    })
    return { ...answer(committed), created: committed.isNewContext, redacted: cleaner.redacted() }
  },
  'context.archive': (deps, input, context) => setStatus(deps, 'archive', input, context),
  'context.restore': (deps, input, context) => setStatus(deps, 'restore', input, context),
}

async function setStatus(
  deps: EngineDeps,
  kind: 'archive' | 'restore',
  input: Parsed<'context.archive'>,
  context: CallContext,
): Promise<ContextAnswer> {
  refuseReserved(input.id)
  const committed = await deps.contextLog.append({
    ...writerOf(`context.${kind}`, input, context),
    contextId: input.id,
    context: 'existing',
    steps: [{ kind }],
  })
  return answer(committed)
}

type Writer = Pick<Commit, 'agentId' | 'expectedVersion' | 'idempotency' | keyof WriteTerms>
type WriterInput = {
  readonly agent_id?: string | undefined
  readonly expected_version?: number | undefined
  readonly idempotency_key?: string | undefined
  readonly durability?: 'full' | 'normal' | undefined
}

const writerOf = (operation: string, input: WriterInput, context: CallContext): Writer => ({
  agentId: input.agent_id ?? '',
  ...(input.expected_version === undefined ? {} : { expectedVersion: input.expected_version }),
  ...idempotencyOf(operation, input),
  ...writeTermsOf(input, context),
})

function patchOf(cleaner: TextCleaner, input: Parsed<'context.update'>) {
  const { display_name: displayName } = input
  return {
    ...(displayName === undefined ? {} : { displayName: displayName === null ? null : cleaner.clean(displayName) }),
    addAgents: input.add_agents ?? [],
    removeAgents: input.remove_agents ?? [],
    pinUnits: input.pin_units ?? [],
    unpinUnits: input.unpin_units ?? [],
    meta: cleanMeta(cleaner, input.meta ?? {}),
  }
}

/** Values are cleaned, keys are what they are (COL-1506). */
export function cleanMeta<Value extends string | null>(
  cleaner: TextCleaner,
  meta: Readonly<Record<string, Value>>,
): Readonly<Record<string, string | Extract<Value, null>>> {
  const entries = Object.entries(meta).map(
    ([key, value]) => [key, typeof value === 'string' ? cleaner.clean(value) : value] as const,
  )
  return Object.fromEntries(entries) as Readonly<Record<string, string | Extract<Value, null>>>
}

function answer(committed: Committed): ContextAnswer {
  const { context } = committed
  if (context === null) throw new EngramError('internal', 'A change of a context answered none.')
  return { context, ...(committed.isReplayed ? { replayed: true } : {}) }
}

export const unknownContext = (id: string): EngramError =>
  new EngramError('context_not_found', `There is no context ${JSON.stringify(id)}.`, { details: { context_id: id } })
