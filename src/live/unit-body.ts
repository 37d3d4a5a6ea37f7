import type { WorkUnit } from '../model/live.ts'
import type { Commit, NewUnit } from '../model/log-store.ts'

/**
 * The stored text of a unit is its `/v1` JSON, whole, so that a list is sent as it lies (G10). All but its place and time is
 * written out before the transaction: `head`, then `ts`, then `tail`, then `seq`, `gseq` and `cursor`.
 */
export type PreparedUnit = { readonly head: string; readonly tail: string }

export function prepareUnit(contextId: string, agentId: string, unit: NewUnit): PreparedUnit {
  const head = JSON.stringify({ id: unit.id, context_id: contextId, agent_id: agentId, type: unit.type })
  const tail = JSON.stringify(contentOf(unit))
  return { head: head.slice(0, -1), tail: `,${tail.slice(1, -1)}` }
}

/** What makes two units the same, apart from id, context and agent. Key order is that of the wire. */
const contentOf = (unit: NewUnit | WorkUnit) => ({
  meta: unit.meta,
  payload: unit.payload,
  payload_base64: unit.payload_base64,
  content_type: unit.content_type,
  relationships: unit.relationships,
  thread_id: unit.thread_id,
})

export const parseUnit = (body: string): WorkUnit => JSON.parse(body) as WorkUnit

export function isSameUnit(body: string, commit: Pick<Commit, 'contextId' | 'agentId'>, unit: NewUnit): boolean {
  const stored = parseUnit(body)
  return (
    stored.context_id === commit.contextId &&
    stored.agent_id === commit.agentId &&
    stored.type === unit.type &&
    JSON.stringify(contentOf(stored)) === JSON.stringify(contentOf(unit))
  )
}

/** Characters of `<8 hex epoch>_<16 hex seq>"}`: how every stored unit ends. */
const epochFromEnd = 27

/**
 * The stored text with the cursor of this epoch: units written before a restore name an epoch that is no more.
 * @param epochHex 8 hex
 */
export function bodyOfEpoch(body: string, epochHex: string): string {
  const at = body.length - epochFromEnd
  return body.startsWith(epochHex, at) ? body : body.slice(0, at) + epochHex + body.slice(at + 8)
}
