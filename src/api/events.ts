import { z } from 'zod'
import { limits } from '../model/limits.ts'
import { loggedKinds, type LiveEvent } from '../model/live.ts'
import { contextId, cursor } from './live-fields.ts'
import { count, operation } from './operation.ts'

export type EventList = {
  readonly events: readonly LiveEvent[]
  readonly next_cursor: string
  readonly at_tail: boolean
}

export const eventOperations = {
  'event.list': operation<EventList>()({
    effect: 'read',
    summary: 'Everything in the log of a context, in order, without holes (COL-605)',
    input: () =>
      z.object({
        context_id: contextId(),
        cursor: cursor().optional(),
        limit: count(limits.livePageMax).optional(),
        kinds: z.array(z.enum(loggedKinds)).max(loggedKinds.length).optional(),
        /** At the tail: wait so long for something new. */
        wait_ms: count(limits.eventWaitMsMax, 0).optional(),
      }),
  }),
} as const
