import type { UnitAppended } from '../api/work-units.ts'
import type { OperationName, Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import type { WorkUnit } from '../model/live.ts'
import type { NewUnit, StoredEvent } from '../model/log-store.ts'
import { type CallContext, writeTermsOf } from '../model/operation.ts'
import { createTextCleaner } from './clean-texts.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { idempotencyOf } from './idempotency.ts'
import { refuseReserved } from './rules/access.ts'
import { newUnit } from './unit-input.ts'
import { unitPage } from './unit-pages.ts'

type WorkUnitNames = Extract<OperationName, `work-unit.${string}`>

export const workUnitHandlers: Handlers<Exclude<WorkUnitNames, 'work-unit.search'>> = {
  'work-unit.append': (deps, input, context) => append(deps, input, context),
  'work-unit.get': async (deps, input) => {
    const event = await deps.contextLog.unit(input.id.toLowerCase())
    if (event === undefined) {
      throw new EngramError('unit_not_found', `There is no unit ${JSON.stringify(input.id)}.`, {
        details: { unit_id: input.id },
      })
    }
    return { unit: unitOf(event) }
  },
  'work-unit.list': async (deps, input) => {
    const { events, ...page } = await unitPage(deps.contextLog, input)
    return { units: events.map(unitOf), ...page }
  },
}

async function append(
  deps: EngineDeps,
  input: Parsed<'work-unit.append'>,
  context: CallContext,
): Promise<UnitAppended> {
  refuseReserved(input.context_id)
  const cleaner = createTextCleaner(deps.redactor)
  const unit = newUnit(await inThread(deps, input), () => deps.ids.uuid(), cleaner)
  const committed = await deps.contextLog.append({
    contextId: input.context_id,
    context: input.create_context === true ? 'upsert' : 'existing',
    agentId: input.agent_id,
    steps: [{ kind: 'unit', unit }],
    ...(input.expected_last_seq === undefined ? {} : { expectedLastSeq: input.expected_last_seq }),
    ...(input.fence === undefined ? {} : { fence: fenceOf(input.fence) }),
    ...idempotencyOf('work-unit.append', input),
    ...writeTermsOf(input, context),
  })
  const event = committed.events.find(({ kind }) => kind === 'unit.created')
  if (event === undefined) throw new EngramError('internal', 'An append answered no unit.')
  const isAsGiven = !committed.isReplayed && !committed.isDuplicate
  return {
    unit: isAsGiven ? placed(unit, event, deps.contextLog.cursorOf(event.contextId, event.seq)) : unitOf(event),
    duplicate: committed.isDuplicate,
    durability: committed.durability,
    redacted: cleaner.redacted(),
    ...(committed.isReplayed ? { replayed: true } : {}),
  }
}

type FenceInput = NonNullable<Parsed<'work-unit.append'>['fence']>

const fenceOf = ({ resource_path, token, require_live }: FenceInput) => ({
  resource_path,
  token,
  ...(require_live === undefined ? {} : { require_live }),
})

/** A reply belongs to the thread of what it answers, which is its root when it is in none (COL-1711). */
async function inThread(deps: EngineDeps, input: Parsed<'work-unit.append'>): Promise<Parsed<'work-unit.append'>> {
  if (input.reply_to === undefined || input.thread_id !== undefined) return input
  const answered = await deps.contextLog.unit(input.reply_to)
  const thread = answered === undefined ? undefined : unitOf(answered).thread_id
  return { ...input, thread_id: thread ?? input.reply_to }
}

/** The unit as it now stands in the log: what `unitOf` would read. */
function placed(given: NewUnit, event: StoredEvent, cursor: string): WorkUnit {
  const { isOwnId: _isOwnId, id, type, ...content } = given
  return {
    id,
    context_id: event.contextId,
    agent_id: event.agentId,
    type,
    ts: new Date(event.tsMs).toISOString(),
    ...content,
    seq: event.seq,
    gseq: event.gseq,
    cursor,
  }
}

/** What is stored is the unit's own JSON. */
export const unitOf = ({ body }: StoredEvent): WorkUnit => JSON.parse(body) as WorkUnit
