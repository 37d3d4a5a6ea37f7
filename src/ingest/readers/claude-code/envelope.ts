import type { Origin } from '../../entries.ts'
import type { RawLine } from '../../lines.ts'
import { nameAt, objectAt } from '../record.ts'
import type { JsonObject } from '../record.ts'

/** The fields around every Claude Code record (§5.1); each may be missing in some release. */
export type Envelope = {
  readonly uuid: string | null
  readonly parent: string | null
  /** Where a record after a compaction truly follows. */
  readonly logicalParent: string | null
  readonly sessionId: string | null
  readonly at: string | null
  readonly cwd: string | null
  readonly branch: string | null
  readonly version: string | null
  readonly isSidechain: boolean
  readonly agentId: string | null
  readonly isMeta: boolean
  readonly isCompactSummary: boolean
  readonly isApiError: boolean
  readonly originKind: string | null
}

export function envelopeOf(record: JsonObject): Envelope {
  return {
    uuid: nameAt(record, 'uuid'),
    parent: nameAt(record, 'parentUuid'),
    logicalParent: nameAt(record, 'logicalParentUuid'),
    sessionId: nameAt(record, 'sessionId'),
    at: nameAt(record, 'timestamp'),
    cwd: nameAt(record, 'cwd'),
    branch: nameAt(record, 'gitBranch'),
    version: nameAt(record, 'version'),
    isSidechain: record.isSidechain === true,
    agentId: nameAt(record, 'agentId'),
    isMeta: record.isMeta === true,
    isCompactSummary: record.isCompactSummary === true,
    isApiError: record.isApiErrorMessage === true,
    originKind: originKindOf(record),
  }
}

/** `origin{kind}`: who wrote it, when it was no person. */
export function originKindOf(record: JsonObject): string | null {
  const origin = objectAt(record, 'origin')
  return origin === null ? null : nameAt(origin, 'kind')
}

export function originOf(envelope: Envelope, line: RawLine, id: string): Origin {
  return {
    uuid: envelope.uuid ?? id,
    parent: envelope.parent,
    line: line.line,
    offset: line.offset,
    at: envelope.at,
    cwd: envelope.cwd,
    branch: envelope.branch,
    sidechain: envelope.isSidechain,
    agentId: envelope.agentId,
    part: 0,
  }
}
