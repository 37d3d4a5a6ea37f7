import type { CallContext } from '../../../model/operation.ts'
import { operations, type Input, type OperationName } from '../../../api/operations.ts'
import { membersOf } from '../../../api/input-shape.ts'
import { EngramError } from '../../../model/errors.ts'
import { answerIn, encodingOf, type Encoding } from '../../live/encoding.ts'
import { bodyInput, queryInput } from '../../live/v1-input.ts'
import { answerHeaders, expectedVersion, writeHeaders } from '../../live/write-headers.ts'
import type { Method, Route, RouteAnswer, RouteRequest } from '../../route.ts'
import { headerAgent } from './seed.ts'

/** A `/v1` route: an operation, and where its members stand. Its schema says the rest, for answers and for documents. */
export type V1Definition<N extends OperationName> = {
  /** `{id}` of the path is this member. */
  readonly pathMember?: keyof Input<N> & string
  /** Names of the query that stand for another member. */
  readonly renamed?: Readonly<Record<string, string>>
  readonly status?: 200 | 201
  readonly bodyBytesMax?: number
  /** May be silent for long: its call is told when the caller is gone. */
  readonly waits?: (input: Input<N>) => boolean
  /** The answer as text, where it is stored as such. */
  readonly text?: (input: Input<N>, request: RouteRequest) => Promise<string>
}

export type V1Route<N extends OperationName = OperationName> = Route & {
  readonly operation: N
  readonly definition: V1Definition<N>
}

export function v1<N extends OperationName>(
  method: Method,
  path: string,
  operation: N,
  definition: V1Definition<N> = {},
): Route {
  const { status = 200, bodyBytesMax, text, waits } = definition
  const answer: Route['answer'] = async (caller, request) => {
    const input = inputOf(method, operation, request, definition)
    const encoding = encodingOf(request, 'v1')
    if (text !== undefined && encoding === 'v1') return { status, body: null, text: await text(input, request) }
    const context: CallContext = waits?.(input) === true ? { signal: request.signal() } : {}
    return answered(await caller.call(operation, input, context), status, encoding)
  }
  return { method, path, operation, guard: 'open', answer, ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }) }
}

function answered(output: unknown, status: number, encoding: Encoding): RouteAnswer {
  // Answers of the live operations are objects; `replayed` is told in a header (COL-1301).
  const { replayed, ...body } = output as Readonly<Record<string, unknown>> & Parameters<typeof answerHeaders>[0]
  const headers = answerHeaders({ ...body, ...(replayed === true ? { replayed } : {}) })
  return { status, body: answerIn(body, encoding), headers }
}

function inputOf<N extends OperationName>(
  method: Method,
  operation: N,
  request: RouteRequest,
  { pathMember, renamed }: V1Definition<N>,
): Input<N> {
  const members = membersOf(operation)
  const isWrite = operations[operation].effect !== 'read'
  const agent = headerAgent(request)
  const takesAgent = isWrite && Object.hasOwn(members, 'agent_id')
  const given = request.body?.['agent_id'] ?? request.query.get('agent_id')
  const fixed = {
    ...(pathMember === undefined ? {} : { [pathMember]: request.params['id'] ?? '' }),
    ...(takesAgent && agent !== undefined && given === undefined ? { agent_id: agent } : {}),
    ...(isWrite ? writeHeaders(request) : {}),
    ...(Object.hasOwn(members, 'expected_version') ? expectedVersion(request) : {}),
  } as Partial<Input<N>>
  const input =
    method === 'GET' || method === 'DELETE'
      ? queryInput(operation, request, fixed, renamed)
      : bodyInput(operation, request, fixed)
  refuseMissing(operation, input)
  return input
}

const missing = {
  context_id: 'missing_context_id',
  resource_path: 'missing_resource_path',
  agent_id: 'missing_agent_id',
  lock_id: 'missing_lock_id',
} as const

/** Members that have a code of their own when they are not there (COL-1903). */
function refuseMissing(operation: OperationName, input: object): void {
  const members = membersOf(operation)
  for (const [name, code] of Object.entries(missing)) {
    const isRequired = Object.hasOwn(members, name) && members[name]?.def.type !== 'optional'
    const value: unknown = Object.entries(input).find(([key]) => key === name)?.[1]
    if (isRequired && (value === undefined || value === '')) throw new EngramError(code, `${name} is required.`)
  }
}
