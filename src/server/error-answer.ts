import type { EngramError } from '../model/errors.ts'
import type { ErrorBody } from '../model/operation.ts'

/** An answer before it is a web response or bytes. The body is JSON. */
export type PlainAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Every answer: nobody caches memory, guesses its type, or shows it inside another page. */
export const commonHeaders = (requestId: string): Readonly<Record<string, string>> => ({
  'Content-Type': 'application/json',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  'X-Request-Id': requestId,
})

export type ErrorAnswerOptions = {
  /** Where HTTP has a status of its own for what the one table tells in general words (405, 408, 431, 503). */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** `error` stays a string, as old clients parse it; `code`, `hint` and `details` stand beside it (DESIGN §3.3). */
export function errorAnswer(error: EngramError, requestId: string, options: ErrorAnswerOptions = {}): PlainAnswer {
  const body: ErrorBody & Readonly<Record<string, unknown>> = {
    // What a defect says of itself is for the log, not for whoever asked.
    error: error.code === 'internal' ? 'internal error' : error.message,
    code: error.code,
    hint: error.hint,
    ...oldKeys(error),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
    request_id: requestId,
  }
  return {
    status: options.status ?? error.row.http,
    headers: {
      ...commonHeaders(requestId),
      ...(error.row.retryable ? { 'Retry-After': '1' } : {}),
      ...options.headers,
    },
    body: JSON.stringify(body),
  }
}

/** Keys that clients of the Go server read at the top of an error (MEM-806, MEM-808, MEM-1303). */
const topLevelKeys = ['available_projects', 'session_id', 'owner_project', 'requested_project', 'remedy'] as const

const oldKeys = (error: EngramError): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    topLevelKeys.flatMap((key) => (error.details[key] === undefined ? [] : [[key, error.details[key]]])),
  )
