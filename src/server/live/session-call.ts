import type { Caller } from '../../api/caller.ts'
import { membersOf } from '../../api/input-shape.ts'
import { operations, type Input, type OperationName } from '../../api/operations.ts'
import { EngramError } from '../../model/errors.ts'
import type { ClientFrame } from '../../protocol/frames.ts'
import type { Guard, Route } from '../route.ts'
import { bodyInput } from './v1-input.ts'

/** What each operation asks of whoever calls it; one without a route is called by nobody from outside. */
export type CallGuards = ReadonlyMap<OperationName, Guard>

/** The strictest guard of an operation's routes, so that a socket opens no door that is shut elsewhere. */
export function callGuards(routes: readonly Route[]): CallGuards {
  const order: readonly Guard[] = ['open', 'guarded', 'token']
  const guards = new Map<OperationName, Guard>()
  for (const { operation, guard } of routes) {
    if (operation === null) continue
    const own = typeof guard === 'string' ? guard : 'token'
    const known = guards.get(operation) ?? 'open'
    guards.set(operation, order.indexOf(own) > order.indexOf(known) ? own : known)
  }
  return guards
}

export type CallingSession = {
  readonly agentId: string | undefined
  readonly isTrusted: boolean
  readonly signal: AbortSignal
}

type Doors = { readonly caller: Caller; readonly guards: CallGuards; readonly token: () => string | undefined }

/** One operation over a socket: the same input, answer and codes as its `/v1` route. */
export async function sessionCall(
  { caller, guards, token }: Doors,
  frame: Extract<ClientFrame, { op: 'call' }>,
  session: CallingSession,
): Promise<unknown> {
  const name = operationNamed(frame.operation)
  const guard = name === null ? undefined : guards.get(name)
  if (name === null || guard === undefined) {
    throw new EngramError('invalid_request', `Unknown operation ${JSON.stringify(frame.operation)}.`)
  }
  const isFree = guard === 'open' || (guard === 'guarded' && token() === undefined)
  if (!isFree && !session.isTrusted) throw new EngramError('unauthorized', 'Expected the token of this server.')
  return caller.call(name, inputOf(name, frame, session), { signal: session.signal })
}

const operationNamed = (name: string): OperationName | null =>
  Object.hasOwn(operations, name) ? (name as OperationName) : null

function inputOf<N extends OperationName>(
  name: N,
  { input = {}, idempotency_key: key }: Extract<ClientFrame, { op: 'call' }>,
  { agentId }: CallingSession,
): Input<N> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new EngramError('invalid_request', 'input: expected an object.')
  }
  const body = input as Readonly<Record<string, unknown>>
  const isWrite = operations[name].effect !== 'read'
  const takesAgent = isWrite && Object.hasOwn(membersOf(name), 'agent_id')
  const fixed = {
    ...(key === undefined ? {} : { idempotency_key: key }),
    ...(takesAgent && agentId !== undefined && body['agent_id'] === undefined ? { agent_id: agentId } : {}),
  } as unknown as Partial<Input<N>>
  return bodyInput(name, { body }, fixed)
}
