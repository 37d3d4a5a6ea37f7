import type { Input } from '../../../api/operations.ts'
import { contextIn, encodingOf } from '../../live/encoding.ts'
import { answerHeaders, expectedVersion, writeHeaders } from '../../live/write-headers.ts'
import type { Route, RouteRequest } from '../../route.ts'
import { bodyMembers, headerAgent, seed } from './seed.ts'

/** Contexts on the un-prefixed routes (COL-507, COL-508). */
export const seedContextRoutes: readonly Route[] = [
  seed('PATCH', '/contexts/{id}', 'context.update', {
    answer: async (caller, request) => {
      const given = await caller.call('context.update', patchInput(request))
      const body = { context: contextIn(given.context, encodingOf(request, 'v3')) }
      return { status: 200, body, headers: answerHeaders(given) }
    },
  }),
  seed('GET', '/contexts/{id}', 'context.get', {
    answer: async (caller, request) => {
      const given = await caller.call('context.get', { id: request.params['id'] ?? '' })
      const body = { context: contextIn(given.context, encodingOf(request, 'v3')) }
      return { status: 200, body, headers: answerHeaders(given) }
    },
  }),
]

const members = ['display_name', 'add_agents', 'remove_agents', 'pin_units', 'unpin_units', 'meta'] as const

function patchInput(request: RouteRequest): Input<'context.update'> {
  const agent = headerAgent(request)
  return {
    ...bodyMembers<Input<'context.update'>>(request, members),
    id: request.params['id'] ?? '',
    create_context: true,
    ...(agent === undefined ? {} : { agent_id: agent }),
    ...expectedVersion(request),
    ...writeHeaders(request),
  }
}
