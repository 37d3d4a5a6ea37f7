import type { OperationName } from '../api/operations.ts'
import type { LiveEvent } from '../model/live.ts'
import type { LogStore, StoredEvent } from '../model/log-store.ts'
import type { Handlers } from './handler.ts'
import { eventPage } from './unit-pages.ts'
import { unitOf } from './work-units.ts'

export const eventHandlers: Handlers<Extract<OperationName, `event.${string}`>> = {
  'event.list': async (deps, input, context) => {
    const { events, ...page } = await eventPage(deps, input, context.signal)
    return { events: events.map((event) => toLiveEvent(deps.contextLog, event)), ...page }
  },
}

const toLiveEvent = (log: LogStore, event: StoredEvent): LiveEvent => ({
  kind: event.kind,
  context_id: event.contextId,
  seq: event.seq,
  gseq: event.gseq,
  cursor: log.cursorOf(event.contextId, event.seq),
  ts: new Date(event.tsMs).toISOString(),
  agent_id: event.agentId,
  data: event.kind === 'unit.created' ? { unit: unitOf(event) } : (JSON.parse(event.body) as LiveEvent['data']),
})
