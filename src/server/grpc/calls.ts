import type { Caller } from '../../api/caller.ts'
import { EngramError } from '../../model/errors.ts'
import type { CallContext } from '../../model/operation.ts'
import type { ServerSettings } from '../../model/server-settings.ts'
import type * as messages from './messages.ts'
import { contextMessage, lockMessage, unitMessage } from './records.ts'
import {
  acquireInput,
  appendInput,
  listInput,
  releaseInput,
  searchInput,
  updateInput,
  type Identity,
} from './requests.ts'

/** One call as its handler sees it. */
export type Asked<Request> = {
  readonly request: Request
  readonly identity: Identity
  readonly caller: Caller
  /** The deadline and a cancel of the caller, and the stop of the server (COL-305). */
  readonly context: CallContext
  readonly settings: ServerSettings
}

export type Answered = {
  readonly message: object
  /** The answer of an earlier call with the same idempotency key (COL-1301). */
  readonly replayed?: true | undefined
}

type Call<Request> = (asked: Asked<Request>) => Promise<Answered>

/** The seven calls of the service (COL-302); names are those of the contract. */
export const calls = {
  CreateWorkUnit: (async ({ request, identity, caller, context }) => {
    const { unit, duplicate, durability, replayed } = await caller.call(
      'work-unit.append',
      appendInput(request, identity),
      context,
    )
    return { message: { unit: unitMessage(unit), duplicate, durability }, replayed }
  }) satisfies Call<messages.CreateWorkUnitRequest>,

  GetWorkUnit: (async ({ request, caller, context }) => {
    const { unit } = await caller.call('work-unit.get', { id: request.id }, context)
    return { message: { unit: unitMessage(unit) } }
  }) satisfies Call<messages.GetWorkUnitRequest>,

  ListWorkUnits: (async ({ request, caller, context }) => {
    const input = listInput(request)
    const { units, next_cursor, at_tail } = await caller.call('work-unit.list', input, context).catch(emptyWhereUnknown)
    return {
      message: {
        units: units.map(unitMessage),
        next_cursor: at_tail ? '' : next_cursor,
        at_tail,
        tail_cursor: at_tail ? next_cursor : '',
      },
    }
  }) satisfies Call<messages.ListWorkUnitsRequest>,

  UpdateContext: (async ({ request, identity, caller, context: call }) => {
    const { context, replayed } = await caller.call('context.update', updateInput(request, identity), call)
    return { message: { context: contextMessage(context) }, replayed }
  }) satisfies Call<messages.UpdateContextRequest>,

  AcquireLock: (async ({ request, identity, caller, context }) => {
    const { lock, replayed } = await caller.call('lock.acquire', acquireInput(request, identity), context)
    return { message: { lock: lockMessage(lock) }, replayed }
  }) satisfies Call<messages.AcquireLockRequest>,

  ReleaseLock: (async ({ request, identity, caller, context }) => {
    const input = releaseInput(request, identity)
    if (request.fencing_token !== 0) await refuseOtherLease(request, caller)
    const { released, replayed } = await caller.call('lock.release', input, context)
    return { message: { released }, replayed }
  }) satisfies Call<messages.ReleaseLockRequest>,

  Search: (async ({ request, caller, context, settings }) => {
    const { hits, total_count, next_cursor } = await caller.call(
      'work-unit.search',
      searchInput(request, settings),
      context,
    )
    return {
      message: {
        unit_ids: hits.map(({ unit_id }) => unit_id),
        total_results: total_count,
        hits: hits.map(({ unit, ...hit }) => ({ ...hit, ...(unit === undefined ? {} : { unit: unitMessage(unit) }) })),
        next_cursor,
      },
    }
  }) satisfies Call<messages.SearchRequest>,
}

export type CallName = keyof typeof calls

/** An unknown context is an empty list, as on the un-prefixed route (COL-506). */
function emptyWhereUnknown(error: unknown) {
  if (error instanceof EngramError && error.code === 'context_not_found') {
    return { units: [], next_cursor: '', at_tail: true }
  }
  throw error
}

/** The token of a lease never changes, so it may be compared before the release: what it names is another lease or none. */
async function refuseOtherLease(
  { resource_path, lock_id, fencing_token }: messages.ReleaseLockRequest,
  caller: Caller,
): Promise<void> {
  const held = await caller.call('lock.get', { resource_path }).catch(() => null)
  if (held?.lock.lock_id === lock_id && held.lock.fencing_token !== fencing_token) {
    throw new EngramError('lock_id_mismatch', `The lease ${lock_id} has another fencing token.`)
  }
}
