import { Hono, type Context } from 'hono'
import type { Caller } from '../api/caller.ts'
import { EngramError, toEngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { Log } from '../platform/log.ts'
import { carriesToken } from './bearer.ts'
import { commonHeaders, errorAnswer, type ErrorAnswerOptions } from './error-answer.ts'
import { readJsonBody } from './json-body.ts'
import { mcpHandlerFor, mcpPath } from './routes/mcp.ts'
import type { FetchHandler, Guard, Route, RouteRequest } from './route.ts'

export type HttpOptions = {
  readonly caller: Caller
  readonly routes: readonly Route[]
  readonly log: Log
  /** Read at each request, so that a changed token counts at once; undefined = none (MEM-1302). */
  readonly token: () => string | undefined
  /** Every path wants the token: the address is not loopback. */
  readonly guardAll: boolean
  readonly projectOverride: string | undefined
  /** Agents at `/mcp`; wants the token when one is set. */
  readonly mcp?: FetchHandler
  readonly newRequestId: () => string
  readonly monotonicMs: () => number
}

/** What one request is told by in the log; the route as written in the table, never the path as sent. */
type Trace = { readonly requestId: string; route: string; code: string | null }

type Env = { readonly Bindings: { readonly trace: Trace } }

/** The routes as one handler of web requests; every answer is JSON, failures by the one table. */
export function httpHandler(options: HttpOptions): FetchHandler {
  const app = new Hono<Env>()
  for (const route of options.routes) app.on(route.method, pathOf(route), (context) => answer(context, route, options))
  app.notFound((context) => notFound(context, options.routes))
  app.onError((error, context) => failure(error, context.env.trace, options.log))
  return async (request) => {
    const started = options.monotonicMs()
    const trace: Trace = { requestId: options.newRequestId(), route: '', code: null }
    const response = isLockedOut(request, options)
      ? failure(unauthorized(), trace, options.log)
      : await (answerToAgent(request, trace, options) ?? app.fetch(request, { trace }))
    options.log.debug('request', {
      method: request.method,
      path: trace.route,
      status: response.status,
      duration_ms: Math.round(options.monotonicMs() - started),
      request_id: trace.requestId,
      ...(trace.code === null ? {} : { code: trace.code }),
    })
    return response
  }
}

/** `/a/{id}/b` as the router writes it. */
const pathOf = (route: Route): string => route.path.replaceAll(/\{(\w+)\}/g, ':$1')

/** Where others can reach the server even an unknown path tells nothing without the token (MEM-1302). */
function isLockedOut(request: Request, options: HttpOptions): boolean {
  return options.guardAll && !isTrusted(request, options.token())
}

/** Null where no agent asks. */
function answerToAgent(request: Request, trace: Trace, options: HttpOptions): Promise<Response> | null {
  const handler = mcpHandlerFor(new URL(request.url).pathname, options.mcp)
  if (handler === null) return null
  trace.route = mcpPath
  return guardedAnswer(handler, request, options).catch((error: unknown) => failure(error, trace, options.log))
}

async function guardedAnswer(handler: FetchHandler, request: Request, options: HttpOptions): Promise<Response> {
  checkToken(request, 'guarded', options)
  return handler(request)
}

const isTrusted = (request: Request, token: string | undefined): boolean =>
  token !== undefined && carriesToken(request.headers.get('authorization'), token)

async function answer(context: Context<Env>, route: Route, options: HttpOptions): Promise<Response> {
  const { trace } = context.env
  trace.route = route.path
  if (typeof route.guard !== 'function') checkToken(context.req.raw, route.guard, options)
  const request: RouteRequest = {
    params: context.req.param(),
    query: firstValues(context.req.url),
    body: takesBody(route) ? await readJsonBody(context.req.raw, route.bodyBytesMax ?? limits.httpBodyBytesMax) : null,
    projectOverride: options.projectOverride,
    ...idempotencyOf(context.req.raw),
  }
  if (typeof route.guard === 'function') checkToken(context.req.raw, route.guard(request), options)
  const given = await route.answer(options.caller, request)
  return new Response(JSON.stringify(given.body), {
    status: given.status,
    headers: { ...commonHeaders(trace.requestId), ...given.headers },
  })
}

function idempotencyOf(request: Request): { readonly idempotencyKey?: string } {
  const key = request.headers.get('idempotency-key') ?? ''
  return key === '' ? {} : { idempotencyKey: key }
}

const takesBody = (route: Route): boolean => route.method !== 'GET' && route.method !== 'DELETE'

/** A name given twice counts once, with its first value, as in Go. */
function firstValues(url: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of new URL(url).searchParams) if (!values.has(name)) values.set(name, value)
  return values
}

/** Loopback keeps reading and saving open, so that published plug-ins work; the rest wants the token (MEM-1302). */
function checkToken(request: Request, guard: Guard, options: HttpOptions): void {
  if (guard === 'open') return
  const token = options.token()
  if (token === undefined && guard === 'token') {
    throw new EngramError('token_required', 'This route works only when ENGRAM_HTTP_TOKEN is set.')
  }
  if (token !== undefined && !isTrusted(request, token)) throw unauthorized()
}

const unauthorized = (): EngramError =>
  new EngramError('unauthorized', 'Expected `Authorization: Bearer` with the token of this server.')

function notFound(context: Context<Env>, routes: readonly Route[]): Response {
  const { trace } = context.env
  const allowed = new Set(routes.filter((one) => matches(one.path, context.req.path)).map((one) => one.method))
  if (allowed.size === 0) {
    return refused(new EngramError('not_found', 'not found', { hint: 'See the guide to HTTP for the routes.' }), trace)
  }
  const headers = { Allow: [...allowed].join(', ') }
  return refused(new EngramError('invalid_request', 'method not allowed', { hint: `Use ${headers.Allow}.` }), trace, {
    status: 405,
    headers,
  })
}

function matches(template: string, path: string): boolean {
  const [wanted, given] = [template.split('/'), path.split('/')]
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith('{') || part === given[index])
}

function failure(thrown: unknown, trace: Trace, log: Log): Response {
  const error = toEngramError(thrown)
  if (error.row.http >= 500) {
    log.error('request failed', {
      code: error.code,
      path: trace.route,
      request_id: trace.requestId,
      error: whole(error),
    })
  }
  return refused(error, trace)
}

/** The message with that of its cause: what the caller is not told, the log is. */
function whole(error: EngramError): string {
  const { cause } = error
  return cause instanceof Error && cause.message !== error.message
    ? `${error.message}: ${cause.message}`
    : error.message
}

function refused(error: EngramError, trace: Trace, options: ErrorAnswerOptions = {}): Response {
  trace.code = error.code
  const { status, headers, body } = errorAnswer(error, trace.requestId, options)
  return new Response(body, { status, headers })
}
