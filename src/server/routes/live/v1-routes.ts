import type { Route } from '../../route.ts'
import type { LiveDoors } from './doors.ts'
import { v1 } from './v1.ts'

/** Contexts, units, events and locks under `/v1` (COL-601 … COL-615). */
export const v1Routes = ({ live, settings: { bodyBytesMax } }: LiveDoors): readonly Route[] => [
  v1('POST', '/v1/contexts', 'context.create', { status: 201 }),
  v1('GET', '/v1/contexts', 'context.list'),
  v1('GET', '/v1/contexts/{id}', 'context.get', { pathMember: 'id' }),
  v1('PATCH', '/v1/contexts/{id}', 'context.update', { pathMember: 'id' }),
  v1('POST', '/v1/contexts/{id}/archive', 'context.archive', { pathMember: 'id' }),
  v1('POST', '/v1/contexts/{id}/restore', 'context.restore', { pathMember: 'id' }),
  v1('POST', '/v1/contexts/{id}/units', 'work-unit.append', { pathMember: 'context_id', status: 201, bodyBytesMax }),
  v1('GET', '/v1/contexts/{id}/units', 'work-unit.list', {
    pathMember: 'context_id',
    text: async (input) => pageText('units', await live.unitTexts(input)),
  }),
  v1('GET', '/v1/contexts/{id}/events', 'event.list', {
    pathMember: 'context_id',
    text: async (input, request) =>
      pageText('events', await live.eventTexts(input, Number(input.wait_ms ?? 0) > 0 ? request.signal() : undefined)),
  }),
  v1('GET', '/v1/units/{id}', 'work-unit.get', { pathMember: 'id' }),
  v1('POST', '/v1/units/search', 'work-unit.search', { bodyBytesMax }),
  v1('POST', '/v1/locks', 'lock.acquire', { waits: ({ wait_timeout_ms: ms }) => (ms ?? 0) > 0 }),
  v1('GET', '/v1/locks', 'lock.list'),
  v1('GET', '/v1/lock', 'lock.get', { renamed: { resource: 'resource_path' } }),
  v1('DELETE', '/v1/lock', 'lock.release', { renamed: { resource: 'resource_path' } }),
  v1('POST', '/v1/lock/renew', 'lock.renew'),
]

const pageText = (
  name: string,
  { texts, next_cursor, at_tail }: { readonly texts: readonly string[]; next_cursor: string; at_tail: boolean },
): string => `{"${name}":[${texts.join(',')}],"next_cursor":"${next_cursor}","at_tail":${at_tail}}`
