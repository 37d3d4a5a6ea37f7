import type { Caller } from '../../api/caller.ts'
import { EngramError, toEngramError } from '../../model/errors.ts'
import type { ServerSettings } from '../../model/server-settings.ts'
import type { Log } from '../../platform/log.ts'
import { carriesToken } from '../bearer.ts'
import { ownRequestId } from '../call-id.ts'
import { givenUp } from '../given-up.ts'
import type { RequestLimit, SeenRequest } from '../http.ts'
import type { Asked, Answered } from './calls.ts'
import { engramService } from './contract.ts'
import { failureOf, type Failure } from './status.ts'

export type UnaryOptions = {
  readonly caller: Caller
  readonly settings: ServerSettings
  readonly log: Log
  /** Every call wants the token: the address can be reached by others, or the settings say so (COL-1502). */
  readonly guardAll: boolean
  readonly token: () => string | undefined
  readonly newRequestId: () => string
  readonly monotonicMs: () => number
  /** Aborted when the server stops: calls that wait are answered. */
  readonly stopping: AbortSignal
  readonly limit?: RequestLimit
  readonly observe?: (seen: SeenRequest) => void
}

/** A call before anything of it is understood. */
export type Arrived = {
  /** As the contract writes it. */
  readonly name: string
  /** Checked by its contract and by nothing else. */
  readonly request: unknown
  /** Metadata by its name in small letters; texts only. */
  readonly header: (name: string) => string | undefined
  readonly address: string
  /** Aborted by the caller's cancel or its deadline. */
  readonly signal: AbortSignal
}

export type UnaryAnswer = {
  /** Metadata sent before the message, or with the failure. */
  readonly headers: Readonly<Record<string, string>>
} & ({ readonly message: object } | { readonly failure: Failure })

/** Answers one call: who asks, whether it may, what it did, by the one table of failures. Never rejects. */
export async function answerUnary(
  arrived: Arrived,
  run: (asked: Asked<never>) => Promise<Answered>,
  options: UnaryOptions,
): Promise<UnaryAnswer> {
  const started = options.monotonicMs()
  const requestId = ownRequestId(arrived.header('x-request-id')) ?? options.newRequestId()
  const limited = options.limit?.(arrived.header, arrived.address) ?? { refused: null, headers: {} }
  const headers = { 'x-request-id': requestId, ...lowerCase(limited.headers) }
  const seen = (error: EngramError | null): void => observe(arrived, requestId, error, started, options)
  try {
    if (limited.refused !== null) throw limited.refused
    checkToken(arrived, options)
    const { message, replayed } = await run(askedOf(arrived, options))
    seen(null)
    return { headers: { ...headers, ...(replayed === true ? { 'idempotent-replayed': 'true' } : {}) }, message }
  } catch (thrown) {
    const error = toEngramError(givenUp(thrown, options.stopping))
    seen(error)
    return { headers, failure: failureOf(error) }
  }
}

/** The message's own members are checked by the operation behind; which call it is decides what it holds. */
const askedOf = ({ request, header, signal }: Arrived, { caller, settings, stopping }: UnaryOptions): Asked<never> => ({
  request: request as never,
  identity: {
    agentId: header('x-agent-id') ?? '',
    idempotencyKey: header('idempotency-key') ?? '',
    durability: header('x-engram-durability') ?? '',
  },
  caller,
  context: { signal: AbortSignal.any([signal, stopping]) },
  settings,
})

function checkToken({ header }: Arrived, { guardAll, token }: UnaryOptions): void {
  if (!guardAll) return
  const wanted = token()
  if (wanted === undefined || !carriesToken(header('authorization') ?? null, wanted)) {
    throw new EngramError('unauthorized', 'Expected `authorization: Bearer` with the token of this server.')
  }
}

const lowerCase = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** Counted and logged beside the requests of HTTP, under the name by which gRPC calls it. */
function observe(
  { name }: Arrived,
  requestId: string,
  error: EngramError | null,
  started: number,
  options: UnaryOptions,
): void {
  const tookMs = options.monotonicMs() - started
  const path = `/${engramService}/${name}`
  const status = error === null ? 200 : error.row.http
  const code = error?.code ?? null
  const told = { method: 'GRPC', path, status, duration_ms: Math.round(tookMs), request_id: requestId }
  options.log.debug('request', { ...told, ...(code === null ? {} : { code }) })
  if (error !== null && status >= 500)
    options.log.error('request failed', { code, path, request_id: requestId, error: error.message })
  options.observe?.({ method: 'GRPC', path, status, tookMs, requestBytes: 0, answerBytes: 0, code })
}
