import { sha256Hex } from '../platform/bytes.ts'
import { utf8Bytes } from '../model/text.ts'
import { limits } from '../model/limits.ts'
import type { Origin, SessionHead } from './entries.ts'

/** Names of what is made from transcripts: the same file gives the same names on every machine and in every run. */

/** `<agent>:<session id>`, of a sub-agent `<agent>:<session id>:agent:<agent id>` (ING-ARC-1). */
export function transcriptKey(agent: string, sessionId: string, agentId: string | null): string {
  const base = `${agent}:${sessionId}`
  return agentId === null ? base : `${base}:agent:${shortName(agentId)}`
}

/** The session's own id where it can be one; what is too long or not fit to be a name is named by its hash. */
export const sessionIdOf = (head: Pick<SessionHead, 'sessionId'>): string => shortName(head.sessionId)

function shortName(id: string): string {
  const isFit = id !== '' && id.isWellFormed() && !/\p{Cc}/u.test(id) && utf8Bytes(id) <= limits.sessionIdBytesMax
  return isFit ? id : sha256Hex(id).slice(0, 32)
}

const messageIdBytesMax = 256

/**
 * Names one message of a transcript, and the prompt made of it: `<agent>:<uuid>`, `#<part>` for further ones of its line.
 * Equal lines without a time of their own are told apart by where they stand.
 */
export function messageIdOf(agent: string, origin: Origin, mark: string | null = null): string {
  const isBareHash = origin.at === null && /^[0-9a-f]{32}$/.test(origin.uuid)
  const place = isBareHash ? `@${origin.offset}` : ''
  const part = (origin.part ?? 0) > 0 ? `#${origin.part}` : ''
  const id = `${agent}:${origin.uuid}${place}${part}${mark === null ? '' : `#${mark}`}`
  return id.isWellFormed() && utf8Bytes(id) <= messageIdBytesMax ? id : `${agent}:${sha256Hex(id)}`
}

const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A record's id as the manifest of seen records keeps it: 16 bytes as hex, which a uuid is already (ING-INC-5). */
export const seenIdOf = (uuid: string): string =>
  uuidShape.test(uuid) ? uuid.replaceAll('-', '') : sha256Hex(uuid).slice(0, 32)

export type CandidateIdentity = {
  readonly agent: string
  readonly sessionId: string
  readonly rule: string
  readonly anchorUuid: string
  readonly ordinal: number
}

/** ING-EXT-9. */
export function observationIdOf({ agent, sessionId, rule, anchorUuid, ordinal }: CandidateIdentity): string {
  return `obs-${sha256Hex(['ingest/1', agent, sessionId, rule, anchorUuid, String(ordinal)].join('\n')).slice(0, 16)}`
}
