import type { IdempotencyKey } from '../model/log-store.ts'
import { sha256Hex } from '../platform/bytes.ts'

/** What a write says about being sent twice. */
export type Repeatable = {
  readonly idempotency_key?: string | undefined
  readonly agent_id?: string | undefined
  readonly durability?: string | undefined
}

/** The key of a write and the fingerprint of what it asks (COL-1301); nothing where none was given. */
export function idempotencyOf(operation: string, input: Repeatable): { readonly idempotency?: IdempotencyKey } {
  const { idempotency_key: key, durability: _, ...body } = input
  if (key === undefined) return {}
  const fingerprint = sha256Hex(`${operation}\n${canonical(body)}`)
  return { idempotency: { agentId: input.agent_id ?? '', operation, key, fingerprint } }
}

/** JSON with the keys of every object sorted: the same body, however it was written. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
