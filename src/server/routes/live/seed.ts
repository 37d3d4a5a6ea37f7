import type { Caller } from '../../../api/caller.ts'
import type { OperationName } from '../../../api/operations.ts'
import { EngramError } from '../../../model/errors.ts'
import { bodyName } from '../../request-values.ts'
import type { Method, Route, RouteAnswer, RouteRequest } from '../../route.ts'

type SeedDefinition = {
  readonly bodyBytesMax?: number
  readonly answer: (caller: Caller, request: RouteRequest) => Promise<RouteAnswer>
  readonly refusal?: Route['refusal']
}

/** Sentences that clients of the Go program know. */
const sentences: Readonly<Record<string, string>> = {
  unit_not_found: 'Work unit not found',
  context_not_found: 'Context not found',
}

/** An un-prefixed route: JSON whatever its type says, and the old words for what goes wrong. */
export const seed = (
  method: Method,
  path: string,
  operation: OperationName,
  { refusal = told, ...definition }: SeedDefinition,
): Route => ({ method, path, operation, guard: 'open', bodyType: 'any', refusal, ...definition })

export function told(error: EngramError): { readonly error: EngramError } {
  const sentence = sentences[error.code]
  return { error: sentence === undefined ? error : worded(error, sentence) }
}

export const worded = (error: EngramError, sentence: string): EngramError =>
  new EngramError(error.code, sentence, { details: error.details, hint: error.hint, cause: error })

/** The body says who writes, else the header (COL-409). */
export function agentOf(request: RouteRequest): string {
  const agent = bodyName(request, 'agent_id') ?? headerAgent(request)
  if (agent === undefined) throw new EngramError('missing_agent_id', 'Agent ID is required')
  return agent
}

export function headerAgent(request: RouteRequest): string | undefined {
  const agent = request.header('x-agent-id')
  return agent === undefined || agent.trim() === '' ? undefined : agent
}

/** Members as they came; the operation's own schema says what is wrong with them. Null counts as absent, as in Go. */
export function bodyMembers<Shape>(request: RouteRequest, names: readonly (keyof Shape & string)[]): Partial<Shape> {
  const { body } = request
  const found = names.flatMap((name) =>
    body !== null && Object.hasOwn(body, name) && body[name] !== null ? [[name, body[name]] as const] : [],
  )
  return Object.fromEntries(found) as Partial<Shape>
}

/** A list of objects, or nothing; what is in them the operation's schema says. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who asks names what it reads of them
export function listIn<One extends object>(request: RouteRequest, name: string): readonly One[] | undefined {
  const value = request.body?.[name] ?? undefined
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null)) return value as One[]
  throw new EngramError('invalid_request', `${name}: expected a list of objects.`, { details: { field: name } })
}
