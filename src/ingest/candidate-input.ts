import type { Input } from '../api/operations.ts'
import { limits } from '../model/limits.ts'
import { cutUtf8 } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import type { Rules } from './extract/extract.ts'
import type { Found } from './knowledge.ts'

export type CandidateInput = Input<'ingest.commit'>['candidates'][number]

/** Where a candidate was found, and by what. */
export type FoundIn = {
  readonly agent: string
  readonly sessionId: string
  readonly key: string
  readonly rules: Pick<Rules, 'version'>
  /** Milliseconds from now; null for none. */
  readonly ttlMs: number | null
  readonly nowMs: number
}

const uuidCharsMax = 512
const commandCharsMax = 2_000

/** A candidate as memory takes it (ING-EXT-7). */
export function candidateInput({ syncId, candidate }: Found, from: FoundIn): CandidateInput {
  const { at, commit, model, also } = candidate
  return {
    sync_id: syncId,
    rule: candidate.rule,
    rule_version: from.rules.version,
    type: candidate.type,
    title: candidate.title,
    content: candidate.content,
    confidence: candidate.confidence,
    author: from.agent,
    created_at: (at ?? '').slice(0, 64),
    ...(from.ttlMs === null ? {} : { expires_at: formatTime(from.nowMs + from.ttlMs) }),
    provenance: {
      agent: from.agent,
      session_id: from.sessionId,
      transcript_key: from.key,
      from_uuid: candidate.fromUuid.slice(0, uuidCharsMax),
      to_uuid: candidate.toUuid.slice(0, uuidCharsMax),
      ...(at === null ? {} : { at: at.slice(0, 64) }),
      files: candidate.files.map((path) => cutUtf8(path, limits.directoryBytesMax)),
      commands: candidate.commands.map((command) => command.slice(0, commandCharsMax)),
      ...(commit === undefined ? {} : { commit: commit.slice(0, 128) }),
      ...(model === undefined ? {} : { model: model.slice(0, 256) }),
      ...(also === undefined ? {} : { also: [...also] }),
    },
  }
}
