import { EngramError, errorTable, type ErrorCode } from '../model/errors.ts'
import { jittered, newKey, nowMs } from './surroundings.ts'

/** How a client reaches its server. */
export type Connection = {
  readonly baseUrl: string
  readonly agentId: string
  readonly token: string | undefined
  readonly timeoutMs: number
  readonly fetch: typeof fetch
}

export type Request = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
  /** Longer than a request usually takes: it waits for something. */
  readonly waitMs?: number
}

const firstPauseMs = 250
const pauseMsMax = 10_000

/**
 * One request, tried again while that can help and there is time (COL-2203): writes carry a key made once, so that a retry
 * has no second effect. Rejects with EngramError.
 */
export async function ask(connection: Connection, request: Request): Promise<unknown> {
  const deadlineMs = nowMs() + connection.timeoutMs + (request.waitMs ?? 0)
  const key = request.method === 'GET' ? undefined : newKey()
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
    const outcome = await attempt(connection, request, key, deadlineMs)
    if (outcome.kind === 'answer') return outcome.body
    const waitMs = outcome.retryAfterMs ?? jittered(pauseMs)
    if (!outcome.canRetry || nowMs() + waitMs >= deadlineMs) throw outcome.error
    await pause(waitMs, request.signal)
  }
}

type Outcome =
  | { readonly kind: 'answer'; readonly body: unknown }
  | {
      readonly kind: 'failure'
      readonly error: EngramError
      readonly canRetry: boolean
      readonly retryAfterMs?: number
    }

async function attempt(
  connection: Connection,
  request: Request,
  key: string | undefined,
  deadlineMs: number,
): Promise<Outcome> {
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(deadlineMs - nowMs())))
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal])
  try {
    const answer = await connection.fetch(`${connection.baseUrl}${request.path}${queryText(request.query)}`, {
      method: request.method,
      headers: headersOf(connection, request, key),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal,
    })
    const body: unknown = await answer.json()
    return answer.ok ? { kind: 'answer', body } : refused(answer, body)
  } catch (error) {
    if (request.signal?.aborted === true) throw new EngramError('aborted', 'The call was given up.', { cause: error })
    if (timeout.aborted) throw new EngramError('deadline_exceeded', 'No answer in time.', { cause: error })
    return { kind: 'failure', error: offline(connection, error), canRetry: true }
  }
}

const offline = ({ baseUrl }: Connection, cause: unknown): EngramError =>
  new EngramError('offline', `${baseUrl} does not answer.`, { cause })

function headersOf({ agentId, token }: Connection, request: Request, key: string | undefined): Record<string, string> {
  return {
    'X-Agent-ID': agentId,
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(key === undefined ? {} : { 'Idempotency-Key': key }),
  }
}

function queryText(query: Request['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [value].flat().map((one) => [name, String(one)]),
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`
}

function refused(answer: Response, body: unknown): Outcome {
  const error = errorOf(body)
  const after = Number(answer.headers.get('retry-after') ?? Number.NaN)
  return {
    kind: 'failure',
    error,
    canRetry: answer.status === 429 || answer.status === 503 || error.code === 'idempotency_in_progress',
    ...(Number.isFinite(after) ? { retryAfterMs: after * 1_000 } : {}),
  }
}

/** A failure as the wire tells it. */
export function errorOf(body: unknown): EngramError {
  const told = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>
  const code = typeof told['code'] === 'string' && Object.hasOwn(errorTable, told['code']) ? told['code'] : 'internal'
  const details = typeof told['details'] === 'object' && told['details'] !== null ? told['details'] : {}
  return new EngramError(code as ErrorCode, typeof told['error'] === 'string' ? told['error'] : 'The server failed.', {
    details: details as Readonly<Record<string, unknown>>,
    ...(typeof told['hint'] === 'string' ? { hint: told['hint'] } : {}),
  })
}

/** Rejects with `aborted` when given up meanwhile. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(new EngramError('aborted', 'The call was given up.'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}
