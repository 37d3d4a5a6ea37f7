import type { CallOptions, GrpcClient } from './go-grpc-client.ts'
import type { HeardSocket } from '../http/stream-clients.ts'
import type { LocalServer } from '../http/local-server.ts'

/** One operation as every face can say it. Lock ids and cursors differ between servers, so they are named, not given. */
export type FaceStep =
  | {
      readonly kind: 'append'
      readonly context: string
      readonly agent: string
      readonly type: number
      readonly payload: Uint8Array
      readonly meta: Readonly<Record<string, string>>
      readonly id: string
    }
  | {
      readonly kind: 'update'
      readonly context: string
      readonly agent: string
      readonly name: string
      readonly add: readonly string[]
      readonly remove: readonly string[]
      readonly meta: Readonly<Record<string, string>>
    }
  | { readonly kind: 'acquire'; readonly resource: string; readonly agent: string; readonly ttlMs: number }
  | { readonly kind: 'release'; readonly resource: string; readonly agent: string; readonly isOwnId: boolean }
  | { readonly kind: 'get'; readonly id: string }
  | { readonly kind: 'list'; readonly context: string; readonly limit: number; readonly reverse: boolean }
  | { readonly kind: 'search'; readonly query: string; readonly types: readonly number[] }

/** `ok`, or the code of the one table. */
export type Code = string
export type Face = (step: FaceStep, lockId: string) => Promise<Code>

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

export function overRest(server: LocalServer): Face {
  const ask = async (
    method: string,
    path: string,
    body?: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Code> => {
    const raw = body === undefined ? {} : { raw: JSON.stringify(body) }
    const { status, json } = await server.send(method, path, {
      ...raw,
      headers: { 'Content-Type': 'application/json', ...headers },
    })
    return status < 300 ? 'ok' : String(json['code'])
  }
  const part = encodeURIComponent
  return (step, lockId) => {
    switch (step.kind) {
      case 'append': {
        const { context, agent, type, payload, meta, id } = step
        const unit = { agent_id: agent, type, payload_base64: base64(payload), meta, create_context: true }
        return ask('POST', `/v1/contexts/${part(context)}/units`, id === '' ? unit : { ...unit, id })
      }
      case 'update':
        return ask(
          'PATCH',
          `/contexts/${part(step.context)}`,
          { display_name: step.name, add_agents: step.add, remove_agents: step.remove, meta: step.meta },
          { 'X-Agent-ID': step.agent },
        )
      case 'acquire':
        return ask('POST', '/v1/locks', { resource_path: step.resource, agent_id: step.agent, ttl_ms: step.ttlMs })
      case 'release':
        return ask(
          'DELETE',
          `/v1/lock?resource=${part(step.resource)}&agent_id=${part(step.agent)}&lock_id=${part(lockId)}`,
        )
      case 'get':
        return ask('GET', `/v1/units/${part(step.id)}`)
      case 'list':
        return ask('GET', `/workunits/${part(step.context)}?limit=${step.limit}&reverse=${step.reverse}`)
      case 'search':
        return ask('POST', '/search', { query: step.query, types: step.types })
    }
  }
}

export function overGrpc(client: GrpcClient): Face {
  const ask = async (name: string, request: object, options: CallOptions = {}): Promise<Code> => {
    const called = await client.call(name, request, options)
    return 'message' in called ? 'ok' : String(called.metadata.get('engram-code')[0] ?? `status ${called.code}`)
  }
  return (step, lockId) => {
    switch (step.kind) {
      case 'append':
        return ask('CreateWorkUnit', {
          context_id: step.context,
          agent_id: step.agent,
          type: step.type,
          payload: step.payload,
          meta: step.meta,
          unit_id: step.id,
        })
      case 'update':
        return ask(
          'UpdateContext',
          {
            id: step.context,
            display_name: step.name,
            add_agents: step.add,
            remove_agents: step.remove,
            meta: step.meta,
          },
          { metadata: { 'x-agent-id': step.agent } },
        )
      case 'acquire':
        return ask('AcquireLock', { resource_path: step.resource, agent_id: step.agent, ttl_ms: step.ttlMs })
      case 'release':
        return ask('ReleaseLock', { resource_path: step.resource, agent_id: step.agent, lock_id: lockId })
      case 'get':
        return ask('GetWorkUnit', { id: step.id })
      case 'list':
        return ask('ListWorkUnits', { context_id: step.context, limit: step.limit, reverse: step.reverse })
      case 'search':
        return ask('Search', { query: step.query, types: step.types })
    }
  }
}

export function overSocket(socket: HeardSocket): Face {
  let number = 0
  const ask = async (operation: string, input: object): Promise<Code> => {
    const id = `call-${++number}`
    socket.send(JSON.stringify({ op: 'call', id, operation, input }))
    const [frame] = await socket.until((one) => one['id'] === id)
    return frame?.['op'] === 'result' ? 'ok' : String(frame?.['code'])
  }
  return (step, lockId) => {
    switch (step.kind) {
      case 'append':
        return ask('work-unit.append', {
          context_id: step.context,
          agent_id: step.agent,
          type: step.type,
          payload_base64: base64(step.payload),
          meta: step.meta,
          create_context: true,
          ...(step.id === '' ? {} : { id: step.id }),
        })
      case 'update':
        return ask('context.update', {
          id: step.context,
          agent_id: step.agent,
          create_context: true,
          display_name: step.name,
          add_agents: step.add,
          remove_agents: step.remove,
          meta: step.meta,
        })
      case 'acquire':
        return ask('lock.acquire', { resource_path: step.resource, agent_id: step.agent, ttl_ms: step.ttlMs })
      case 'release':
        return ask('lock.release', { resource_path: step.resource, agent_id: step.agent, lock_id: lockId })
      case 'get':
        return ask('work-unit.get', { id: step.id })
      case 'list':
        // An unknown context is an empty list on the old routes alone (COL-506, COL-604).
        return ask('work-unit.list', {
          context_id: step.context,
          limit: step.limit,
          order: step.reverse ? 'desc' : 'asc',
        }).then((code) => (code === 'context_not_found' ? 'ok' : code))
      case 'search':
        return ask('work-unit.search', { query: step.query, types: step.types })
    }
  }
}
