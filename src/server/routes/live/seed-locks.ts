import type { Input } from '../../../api/operations.ts'
import { EngramError } from '../../../model/errors.ts'
import { limits } from '../../../model/limits.ts'
import { encodingOf, lockIn } from '../../live/encoding.ts'
import { withGoPath } from '../../live/go-path.ts'
import { leaseMs } from '../../live/go-values.ts'
import { answerHeaders, writeHeaders } from '../../live/write-headers.ts'
import { bodyName, optional, queryText } from '../../request-values.ts'
import type { Route, RouteRequest } from '../../route.ts'
import type { LiveDoors } from './doors.ts'
import { agentOf, bodyMembers, headerAgent, seed, worded } from './seed.ts'

/** Locks on the un-prefixed routes, with the sentences and statuses of the Go program (COL-509 … COL-511). */
export const seedLockRoutes = ({ settings }: LiveDoors): readonly Route[] => {
  const withResource = (request: RouteRequest): RouteRequest =>
    withGoPath(request, '/locks/', 'resource', { ...settings, isLock: true })
  return [
    seed('POST', '/locks', 'lock.acquire', {
      answer: async (caller, request) => {
        const input = acquireInput(request)
        const context = input.wait_timeout_ms === undefined ? {} : { signal: request.signal() }
        const given = await caller.call('lock.acquire', input, context)
        const body = { lock: lockIn(given.lock, encodingOf(request, 'v3')) }
        return { status: 200, body, headers: answerHeaders(given) }
      },
    }),
    seed('DELETE', '/locks/{resource...}', 'lock.release', {
      refusal: releaseRefusal,
      answer: async (caller, sent) => {
        const given = await caller.call('lock.release', releaseInput(withResource(sent)))
        return { status: 200, body: { released: given.released }, headers: answerHeaders(given) }
      },
    }),
    seed('GET', '/locks/{resource...}', 'lock.get', {
      refusal: (error) => ({
        error: error.code === 'lock_not_found' ? worded(error, 'Lock not found or expired') : error,
      }),
      answer: async (caller, sent) => {
        const request = withResource(sent)
        const { lock } = await caller.call('lock.get', { resource_path: request.params['resource'] ?? '' })
        return { status: 200, body: { lock: lockIn(lock, encodingOf(request, 'v3')) } }
      },
    }),
  ]
}

function acquireInput(request: RouteRequest): Input<'lock.acquire'> {
  const resource = bodyName(request, 'resource_path')
  if (resource === undefined) throw new EngramError('missing_resource_path', 'Resource path is required')
  return {
    ...bodyMembers<Input<'lock.acquire'>>(request, ['context_id', 'meta']),
    resource_path: resource,
    agent_id: agentOf(request),
    ...ttlIn(request),
    ...waitIn(request),
    ...writeHeaders(request),
  }
}

/** Seconds, brought within the bounds; none or not positive is the default (COL-1204). */
function ttlIn(request: RouteRequest): { readonly ttl_ms?: number } {
  const seconds = request.body?.['ttl_seconds'] ?? 0
  if (typeof seconds !== 'number') throw new EngramError('invalid_request', 'ttl_seconds: expected a number.')
  return optional('ttl_ms', leaseMs(seconds))
}

function waitIn(request: RouteRequest): { readonly wait_timeout_ms?: number } {
  const [wait, seconds] = [request.body?.['wait'], request.body?.['wait_timeout_seconds']]
  if (wait !== true && seconds === undefined) return {}
  const ms = typeof seconds === 'number' ? Math.round(seconds * 1_000) : limits.lockWaitMsMax
  return { wait_timeout_ms: Math.min(Math.max(ms, 0), limits.lockWaitMsMax) }
}

/** The header beats the query (COL-409). */
function releaseInput(request: RouteRequest): Input<'lock.release'> {
  const agent = headerAgent(request) ?? queryText(request, 'agent_id')
  if (agent === undefined) throw new EngramError('missing_agent_id', 'Agent ID is required')
  const lockId = queryText(request, 'lock_id')
  if (lockId === undefined) throw new EngramError('missing_lock_id', 'Lock ID is required')
  return { resource_path: request.params['resource'] ?? '', agent_id: agent, lock_id: lockId, ...writeHeaders(request) }
}

const releaseSentences: Readonly<Record<string, readonly [sentence: string, status: number]>> = {
  lock_not_found: ['Lock not found or already released', 404],
  lock_not_owner: ['lock is held by another agent', 400],
  lock_id_mismatch: ['lock ID mismatch', 400],
}

function releaseRefusal(error: EngramError): { readonly error: EngramError; readonly status?: number } {
  const old = releaseSentences[error.code]
  return old === undefined ? { error } : { error: worded(error, old[0]), status: old[1] }
}
