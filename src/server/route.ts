import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../api/caller.ts'
import type { Input, OperationName, Output } from '../api/operations.ts'
import { EngramError, toEngramError } from '../model/errors.ts'

/** What a route sees of a request: path parameters, the query, and the JSON body (an object, or null without one). */
export type RouteRequest = {
  readonly params: Readonly<Record<string, string>>
  /** The first value of each name. */
  readonly query: ReadonlyMap<string, string>
  readonly body: Readonly<Record<string, unknown>> | null
  /** The header `Idempotency-Key`: a repeat of the same request is harmless (TRN-1601). */
  readonly idempotencyKey?: string
  /** The path as sent, before anything of it is decoded. */
  readonly rawPath: string
  /** All values of a name of the query, in order. */
  readonly queryAll: (name: string) => readonly string[]
  readonly header: (name: string) => string | undefined
  /** Aborted when whoever asked is gone, or the server stops; asked for only by routes that wait. */
  readonly signal: () => AbortSignal
  /** `--project` or ENGRAM_PROJECT of this server (MEM-1303). */
  readonly projectOverride: string | undefined
}

export type RouteAnswer = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, in place of `body`: JSON that is text already, or another type that `headers` names. */
  readonly text?: string
}

/** Writes the answer by itself, for as long as it lasts. What it throws before its first byte is answered as usual. */
export type StreamAnswer = (request: RouteRequest, outgoing: ServerResponse, requestId: string) => Promise<void>

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Who may use a route on loopback; elsewhere every route wants the token (MEM-1302).
 *
 * - `open`: anybody, so that published plug-ins work.
 * - `guarded`: wants the token when one is set.
 * - `token`: wants the token, and is 503 while none is set.
 */
export type Guard = 'open' | 'guarded' | 'token'

/** Web requests in, web answers out. */
/** Node's side of a request; absent where there is none, as in a test of the handler alone. */
export type NodeSide = { readonly incoming?: IncomingMessage; readonly outgoing?: ServerResponse }

export type FetchHandler = (request: Request, node?: NodeSide) => Promise<Response>

/** One route: bytes in, a call of the port, bytes out. */
export type Route = {
  readonly method: Method
  /** `/observations/{id}`: braces name a parameter. */
  readonly path: string
  /** Null for what is no operation: probes, documents, streams. */
  readonly operation: OperationName | null
  /** A function where the body decides; such a body is read, within its limit, before the token is asked for. */
  readonly guard: Guard | ((request: RouteRequest) => Guard)
  readonly bodyBytesMax?: number
  /** `any`: JSON is read whatever its type says, as the Go server did (COL-404); Host and Origin guard it all the same. */
  readonly bodyType?: 'json' | 'any'
  readonly answer: (caller: Caller, request: RouteRequest) => Promise<RouteAnswer>
  readonly stream?: StreamAnswer
  /** The words and the status an old client knows for a failure. */
  readonly refusal?: (error: EngramError) => { readonly error: EngramError; readonly status?: number }
  /** Works without the token wherever the server listens: whoever asks only whether it lives. */
  readonly isProbe?: boolean
}

type Definition<N extends OperationName> = {
  /** Never left out: a route says who may use it (W3). */
  readonly guard: Guard
  readonly bodyBytesMax?: number
  readonly input: (request: RouteRequest) => Input<N>
  /** The body of a success; the operation's own answer when left out. */
  readonly output?: (answer: Output<N>) => unknown
  /** 200 when left out. */
  readonly status?: number | ((answer: Output<N>) => number)
  readonly headers?: (answer: Output<N>) => Readonly<Record<string, string>>
  /** The sentence old clients know for a failure of the ground; its status is then 500 (MEM-1303). */
  readonly failure?: string
}

/** Declares a route; the operation's types hold its input and output together. */
export function route<N extends OperationName>(
  method: Method,
  path: string,
  operation: N,
  definition: Definition<N>,
): Route {
  const { guard, bodyBytesMax, input, output, status = 200, headers, failure } = definition
  const answer = async (caller: Caller, request: RouteRequest): Promise<RouteAnswer> => {
    const result = await told(() => caller.call(operation, input(request)), failure)
    return {
      status: typeof status === 'number' ? status : status(result),
      body: output === undefined ? result : output(result),
      ...(headers === undefined ? {} : { headers: headers(result) }),
    }
  }
  return { method, path, operation, guard, answer, ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }) }
}

async function told<T>(work: () => Promise<T>, sentence: string | undefined): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const failure = toEngramError(error)
    if (sentence === undefined || failure.row.http < 500) throw error
    throw new EngramError('storage_failed', sentence, { cause: error })
  }
}
