import { limits } from '../model/limits.ts'
import { toScope } from '../model/records.ts'
import { cleanText, cutUtf8, isBlank } from '../model/text.ts'
import type { ArrivedObservation, ArrivedVersion } from '../protocol/record-rows.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { Snapshot } from '../store/versions.ts'
import type { ArrivingVersion } from './add-version.ts'
import { badRecord, timeOr, timeOrNull } from './arrival.ts'
import type { Cleaner } from './cleaner.ts'
import { titleFromContent } from './rules/cut.ts'
import { normalisedHash } from './rules/dedupe.ts'
import { legacyVersion, type Counters } from './rules/merge.ts'
import { normaliseTopicKey } from './rules/topic.ts'

/** What an arriving observation says, made ready to be kept. Pure: the store is asked elsewhere. */

export type StateFields = Omit<NonNullable<ArrivedVersion['snapshot']>, 'review_after'> & {
  readonly review_after?: string | null | undefined
}

export const stateIn = (record: ArrivedObservation): StateFields => ({
  ...record,
  ...record.ext,
  deleted_at: record.deleted_at,
})

export const isVersioned = (record: ArrivedObservation): boolean =>
  record.ext?.version !== undefined && record.ext.hlc !== undefined && record.ext.origin !== undefined

/**
 * Text through redaction and limits, names and times in their stored form. Throws `invalid_request` for what cannot be kept.
 * @param filed where records of a project are filed here; '' for none
 */
export function cleanState(
  fields: StateFields,
  cleaner: Cleaner,
  filed: (project: string | undefined) => string,
): Snapshot {
  const content = cleaner.text(fields.content, limits.contentBytesMax)
  if (isBlank(content)) throw badRecord('Expected content, got only white space.', 'content')
  const title = cleaner.text(fields.title ?? '', limits.titleBytesMax)
  const project = filed(cleaner.name(fields.project))
  const createdAt = timeOr(fields.created_at ?? fields.updated_at, '1970-01-01 00:00:00')
  return {
    session_id: cleaner.name(fields.session_id),
    type: cleaner.name(cleanText(fields.type ?? 'manual').trim()),
    title: isBlank(title) ? titleFromContent(content) : title,
    content,
    tool_name: orNull(cutUtf8(cleaner.text(fields.tool_name ?? '', limits.toolNameBytesMax), limits.toolNameBytesMax)),
    project: orNull(project),
    scope: toScope(fields.scope),
    topic_key: normaliseTopicKey(cleaner.text(fields.topic_key ?? '', limits.topicKeyBytesMax * 4)),
    normalized_hash: normalisedHash(content),
    review_after: timeOrNull(fields.review_after),
    expires_at: timeOrNull(fields.expires_at),
    deleted_at: timeOrNull(fields.deleted_at),
    author: orNull(cleaner.text(fields.author ?? '', limits.authorBytesMax)),
    confidence: fields.confidence ?? null,
    provenance:
      fields.provenance == null ? null : cleaner.text(JSON.stringify(fields.provenance), limits.contentBytesMax),
    revision_count: fields.revision_count ?? 1,
    created_at: createdAt,
    updated_at: timeOr(fields.updated_at, createdAt),
  }
}

const orNull = (text: string): string | null => (text === '' ? null : text)

export const countersOf = (record: ArrivedObservation, state: Snapshot): Counters => ({
  revision_count: Math.max(1, state.revision_count),
  duplicate_count: Math.max(1, record.duplicate_count ?? 1),
  last_seen_at: timeOrNull(record.last_seen_at),
  created_at: state.created_at,
  updated_at: state.updated_at,
})

export type VersionName = Pick<ArrivingVersion, 'version' | 'hlc' | 'origin' | 'ancestors'>

/** The version it carries; else the one that is made of its time and its text (MEM-505). */
export function nameOf(record: ArrivedObservation, state: Snapshot, fingerprint: () => string): VersionName {
  const { version, hlc, origin, ancestors } = record.ext ?? {}
  return version === undefined || hlc === undefined || origin === undefined
    ? { ...legacyVersion(record.updated_at ?? state.updated_at, fingerprint()), ancestors: [] }
    : { version, hlc, origin, ancestors: ancestors ?? [] }
}

/** The row of an observation that was not here. */
export function newRow(
  syncId: string,
  arriving: VersionName & Pick<ArrivingVersion, 'snapshot'>,
  counters: Counters,
  pinned: 0 | 1,
  changeSeq: number,
): Omit<ObservationRow, 'id'> {
  return {
    ...arriving.snapshot,
    ...counters,
    sync_id: syncId,
    pinned,
    version: arriving.version,
    ancestors: JSON.stringify(arriving.ancestors),
    hlc: arriving.hlc,
    origin: arriving.origin,
    change_seq: changeSeq,
  }
}
