import { EngramError } from '../../model/errors.ts'
import type { Durability } from '../../model/operation.ts'
import type { RouteRequest } from '../route.ts'

/** What a write says in headers (COL-205, COL-1301), as members of its input. */
export function writeHeaders(request: RouteRequest): {
  readonly idempotency_key?: string
  readonly durability?: Durability
} {
  const key = request.header('idempotency-key')
  const durability = request.header('x-engram-durability')
  return {
    ...(key === undefined ? {} : { idempotency_key: key }),
    ...(durability === undefined ? {} : { durability: durabilityNamed(durability, 'X-Engram-Durability') }),
  }
}

/** @param where what it stood in */
export function durabilityNamed(text: string, where: string): Durability {
  if (text === 'full' || text === 'normal') return text
  throw new EngramError('invalid_request', `${where}: expected full or normal.`)
}

/** `If-Match: "v3"`; `*` is any version, and so no condition. */
export function expectedVersion(request: RouteRequest): { readonly expected_version?: number } {
  const tag = request.header('if-match')
  if (tag === undefined || tag === '*') return {}
  const version = /^"v(\d{1,15})"$/.exec(tag)?.[1]
  if (version === undefined) throw new EngramError('invalid_request', 'If-Match: expected "v<version>".')
  return { expected_version: Number(version) }
}

type Written = {
  readonly replayed?: true
  readonly durability?: Durability
  readonly context?: { readonly version: number }
}

/** What an answer says in headers. */
export const answerHeaders = ({ replayed, durability, context }: Written): Readonly<Record<string, string>> => ({
  ...(replayed === true ? { 'Idempotent-Replayed': 'true' } : {}),
  ...(durability === undefined ? {} : { 'X-Engram-Durability': durability }),
  ...(context === undefined ? {} : { ETag: `"v${context.version}"` }),
})
