import type { ServerResponse } from 'node:http'
import { Hono, type Context } from 'hono'
import type { Caller } from '../api/caller.ts'
import { EngramError, toEngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { Log } from '../platform/log.ts'
import { carriesToken } from './bearer.ts'
import { ownRequestId } from './call-id.ts'
import { commonHeaders, errorAnswer, type ErrorAnswerOptions } from './error-answer.ts'
import { givenUp } from './given-up.ts'
import { readJsonBody, type BodySource } from './json-body.ts'
import { mcpHandlerFor, mcpPath } from './routes/mcp.ts'
import type { FetchHandler, Guard, NodeSide, Route, RouteRequest } from './route.ts'

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
  /** Aborted when the server stops: requests that wait are answered. */
  readonly stopping?: AbortSignal
  /** Origins of other sites that may read answers (COL-1502). */
  readonly corsOrigins?: readonly string[]
  /** May refuse a request before anything of it is read, and adds headers to its answer. */
  readonly limit?: RequestLimit
  /** Told of every answer. */
  readonly observe?: (seen: SeenRequest) => void
}

export type RequestLimit = (header: (name: string) => string | undefined, address: string) => LimitAnswer
export type LimitAnswer = { readonly refused: EngramError | null; readonly headers: Readonly<Record<string, string>> }

export type SeenRequest = {
  readonly method: string
  /** As the table writes it; empty where no route was found. */
  readonly path: string
  readonly status: number
  readonly tookMs: number
  readonly requestBytes: number
  readonly answerBytes: number
  readonly code: string | null
}

/** What one request is told by in the log; the route as written in the table, never the path as sent. */
type Trace = {
  readonly requestId: string
  readonly node: NodeSide
  readonly header: HeaderOf
  headers: Readonly<Record<string, string>>
  route: string
  code: string | null
  /** Of an answer that Node was given already; 0 where a web response carries it. */
  sentStatus: number
  answerBytes: number
}

/** A header of the request by its name in small letters. */
type HeaderOf = (name: string) => string | undefined

type Env = { readonly Bindings: { readonly trace: Trace } }

/** The routes as one handler of web requests; every answer is JSON, failures by the one table. */
export function httpHandler(options: HttpOptions): FetchHandler {
  const app = new Hono<Env>()
  for (const route of options.routes) app.on(route.method, pathOf(route), (context) => answer(context, route, options))
  app.notFound((context) => notFound(context, options.routes))
  app.onError((error, context) => failure(error, context.env.trace, options.log))
  return async (request, node = {}) => {
    const started = options.monotonicMs()
    const trace = traceOf(request, node, options)
    const refusal = isPreflight(request, trace)
      ? null
      : isLockedOut(request, trace, options)
        ? unauthorized()
        : limited(trace, options)
    const response =
      refusal === null
        ? await (answerToAgent(request, trace, options) ?? app.fetch(request, { trace }))
        : failure(refusal, trace, options.log)
    const tookMs = options.monotonicMs() - started
    const status = trace.sentStatus === 0 ? response.status : trace.sentStatus
    options.log.debug('request', {
      method: request.method,
      path: trace.route,
      status,
      duration_ms: Math.round(tookMs),
      request_id: trace.requestId,
      ...(trace.code === null ? {} : { code: trace.code }),
    })
    options.observe?.({
      method: request.method,
      path: trace.route,
      status,
      tookMs,
      requestBytes: Number(trace.header('content-length') ?? 0),
      answerBytes: trace.answerBytes,
      code: trace.code,
    })
    return response
  }
}

function traceOf(request: Request, node: NodeSide, options: HttpOptions): Trace {
  const header = headerOf(request, node)
  const trace: Trace = {
    requestId: ownRequestId(header('x-request-id')) ?? options.newRequestId(),
    node,
    header,
    headers: {},
    route: '',
    code: null,
    sentStatus: 0,
    answerBytes: 0,
  }
  trace.headers = corsHeaders(request, trace, options)
  return trace
}

/** Node has read the headers already: those of the web request would be made of them once more. */
const headerOf = (request: Request, { incoming }: NodeSide): HeaderOf =>
  incoming === undefined
    ? (name) => request.headers.get(name) ?? undefined
    : (name) => {
        const value = incoming.headers[name]
        return typeof value === 'object' ? value.join(', ') : value
      }

function limited(trace: Trace, options: HttpOptions): EngramError | null {
  if (options.limit === undefined) return null
  const { refused: error, headers } = options.limit(trace.header, trace.node.incoming?.socket.remoteAddress ?? '')
  trace.headers = { ...trace.headers, ...headers }
  return error
}

const isPreflight = (request: Request, { header }: Trace): boolean =>
  request.method === 'OPTIONS' && header('access-control-request-method') !== undefined

/** What a page of a listed site is told; the front door has refused every other. */
function corsHeaders(
  request: Request,
  trace: Trace,
  { corsOrigins = [] }: HttpOptions,
): Readonly<Record<string, string>> {
  const origin = trace.header('origin')
  if (origin === undefined || !corsOrigins.includes(origin)) return {}
  const allowed = { 'Access-Control-Allow-Origin': origin, Vary: 'Origin', 'Access-Control-Expose-Headers': exposed }
  return isPreflight(request, trace)
    ? {
        ...allowed,
        'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
        'Access-Control-Allow-Headers': taken,
      }
    : allowed
}

const exposed =
  'X-Request-ID, ETag, Retry-After, Idempotent-Replayed, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset'
const taken =
  'Accept, Authorization, Content-Type, X-Agent-ID, X-Request-ID, Idempotency-Key, If-Match, Last-Event-ID, X-CSRF-Token'

/** `/a/{id}/b` as the router writes it; `{rest...}` takes slashes too. */
const pathOf = (route: Route): string =>
  route.path.replaceAll(/\{(\w+)(\.\.\.)?\}/g, (_, name: string, rest?: string) => `:${name}${rest ? '{.+}' : ''}`)

/** Where others can reach the server even an unknown path tells nothing without the token (MEM-1302). */
function isLockedOut(request: Request, trace: Trace, options: HttpOptions): boolean {
  return options.guardAll && !isTrusted(trace, options.token()) && !isProbe(request, options.routes)
}

function isProbe(request: Request, routes: readonly Route[]): boolean {
  const { pathname } = new URL(request.url)
  return routes.some((one) => one.isProbe === true && one.path === pathname)
}

/** Null where no agent asks. */
function answerToAgent(request: Request, trace: Trace, options: HttpOptions): Promise<Response> | null {
  const handler = mcpHandlerFor(queryOf(request.url).path, options.mcp)
  if (handler === null) return null
  trace.route = mcpPath
  return guardedAnswer(handler, request, trace, options).catch((error: unknown) => failure(error, trace, options.log))
}

async function guardedAnswer(
  handler: FetchHandler,
  request: Request,
  trace: Trace,
  options: HttpOptions,
): Promise<Response> {
  checkToken(trace, 'guarded', options)
  return handler(request)
}

const isTrusted = ({ header }: Trace, token: string | undefined): boolean =>
  token !== undefined && carriesToken(header('authorization') ?? null, token)

async function answer(context: Context<Env>, route: Route, options: HttpOptions): Promise<Response> {
  const { trace } = context.env
  trace.route = route.path
  try {
    return await answerBy(context, route, options)
  } catch (thrown) {
    const error = givenUp(thrown, options.stopping)
    if (route.refusal === undefined || !(error instanceof EngramError) || error.row.http >= 500) throw error
    const { error: told, ...status } = route.refusal(error)
    return refused(told, trace, status)
  }
}

/** The adapter leaves an answer alone that says so. One for all: nothing of it is ever read but this header. */
const alreadySent = new Response(null, { headers: { 'x-hono-already-sent': 'true' } })

async function answerBy(context: Context<Env>, route: Route, options: HttpOptions): Promise<Response> {
  const { trace } = context.env
  if (typeof route.guard !== 'function') checkToken(trace, route.guard, options)
  const request = await routeRequest(context, route, options)
  if (typeof route.guard === 'function') checkToken(trace, route.guard(request), options)
  const { outgoing } = trace.node
  if (route.stream !== undefined && outgoing !== undefined) {
    // What would come is never over, so only its type is told.
    if (context.req.method === 'HEAD') return new Response(null, { headers: { 'Content-Type': 'text/event-stream' } })
    for (const [name, value] of Object.entries(trace.headers)) outgoing.setHeader(name, value)
    await route.stream(request, outgoing, trace.requestId)
    return alreadySent
  }
  const given = await route.answer(options.caller, request)
  const text = given.text ?? JSON.stringify(given.body)
  trace.answerBytes = text.length
  const headers = { ...commonHeaders(trace.requestId), ...trace.headers, ...given.headers }
  if (outgoing === undefined) return new Response(text, { status: given.status, headers })
  sendNow(outgoing, given.status, headers, text)
  trace.sentStatus = given.status
  return alreadySent
}

/** A web response would be taken apart again by the adapter, which costs more than most operations. */
function sendNow(
  outgoing: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  text: string,
): void {
  // Of a text Node makes one write together with the head.
  outgoing.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text) }).end(text)
}

async function routeRequest(context: Context<Env>, route: Route, options: HttpOptions): Promise<RouteRequest> {
  const { header } = context.env.trace
  const { path, search } = queryOf(context.req.url)
  const bodyBytesMax = route.bodyBytesMax ?? limits.httpBodyBytesMax
  return {
    params: context.req.param(),
    query: firstValues(search),
    queryAll: (name) => search.getAll(name),
    rawPath: path,
    header: (name) => header(name.toLowerCase()),
    signal: () => waitingSignal(context, options),
    body: takesBody(route) ? await readJsonBody(bodySource(context), bodyBytesMax, route.bodyType) : null,
    projectOverride: options.projectOverride,
    ...idempotencyOf(header),
  }
}

function bodySource({ req, env }: Context<Env>): BodySource {
  const { node, header } = env.trace
  return node.incoming === undefined ? { header, body: req.raw.body } : { header, body: null, incoming: node.incoming }
}

/** A request that waits is told when its caller is gone or the server stops, and may be silent for as long as it waits. */
function waitingSignal(context: Context<Env>, options: HttpOptions): AbortSignal {
  const gone = new AbortController()
  const { outgoing, incoming } = context.env.trace.node
  outgoing?.once('close', () => gone.abort())
  incoming?.socket.setTimeout(0)
  return options.stopping === undefined ? gone.signal : AbortSignal.any([gone.signal, options.stopping])
}

function queryOf(url: string): { readonly path: string; readonly search: URLSearchParams } {
  const from = url.indexOf('/', url.indexOf('://') + 3)
  const at = url.indexOf('?', from)
  return at === -1
    ? { path: url.slice(from), search: new URLSearchParams() }
    : { path: url.slice(from, at), search: new URLSearchParams(url.slice(at + 1)) }
}

function idempotencyOf(header: HeaderOf): { readonly idempotencyKey?: string } {
  const key = header('idempotency-key') ?? ''
  return key === '' ? {} : { idempotencyKey: key }
}

const takesBody = (route: Route): boolean => route.method !== 'GET' && route.method !== 'DELETE'

/** A name given twice counts once, with its first value, as in Go. */
function firstValues(search: URLSearchParams): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of search) if (!values.has(name)) values.set(name, value)
  return values
}

/** Loopback keeps reading and saving open, so that published plug-ins work; the rest wants the token (MEM-1302). */
function checkToken(trace: Trace, guard: Guard, options: HttpOptions): void {
  if (guard === 'open') return
  const token = options.token()
  if (token === undefined && guard === 'token') {
    throw new EngramError('token_required', 'This route works only when ENGRAM_HTTP_TOKEN is set.')
  }
  if (token !== undefined && !isTrusted(trace, token)) throw unauthorized()
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
  if (context.req.method === 'OPTIONS') {
    return new Response(null, { status: 204, headers: { ...headers, ...trace.headers } })
  }
  return refused(new EngramError('invalid_request', 'method not allowed', { hint: `Use ${headers.Allow}.` }), trace, {
    status: 405,
    headers,
  })
}

function matches(template: string, path: string): boolean {
  const [wanted, given] = [template.split('/'), path.split('/')]
  if (wanted.at(-1)?.endsWith('...}') === true) {
    return given.length >= wanted.length && wanted.slice(0, -1).every((part, index) => part === given[index])
  }
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
  const { status, headers, body } = errorAnswer(error, trace.requestId, {
    ...options,
    headers: { ...trace.headers, ...options.headers },
  })
  trace.answerBytes = body.length
  return new Response(body, { status, headers })
}
