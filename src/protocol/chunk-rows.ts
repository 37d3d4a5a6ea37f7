import type { Observation, Prompt, Relation, Session } from '../model/records.ts'
import type { OtherHead, Tombstone } from '../model/sync.ts'
import { encodeGoJson, type GoJson } from './go-json.ts'

/** Records as rows of a chunk, each in Go's encoding and order of keys (CHK-302, CHK-303, CHK-507). */

/** A record that came from the store is JSON already; its type says more than the encoder needs. */
const json = (value: unknown): GoJson => value as GoJson

export const sessionText = (row: Session): string => encodeGoJson(json(row))

export const observationText = (row: Observation): string => encodeGoJson(json(row))

export const promptText = (row: Prompt): string => encodeGoJson(json(row))

/** `payload` is text that holds JSON. */
function mutationText(mutation: {
  readonly entity: string
  readonly key: string
  readonly op: 'upsert' | 'delete'
  readonly payload: GoJson
  readonly project: string
  readonly occurredAt: string
}): string {
  return encodeGoJson({
    seq: 0,
    target_key: '',
    entity: mutation.entity,
    entity_key: mutation.key,
    op: mutation.op,
    payload: encodeGoJson(mutation.payload),
    source: '',
    project: mutation.project,
    occurred_at: mutation.occurredAt,
    disposition: '',
  })
}

/** A relation nobody judged is signed by the program, because Go refuses blank provenance (CHK-306). */
export function relationText(row: Relation, project: string): string {
  return mutationText({
    entity: 'relation',
    key: row.sync_id,
    op: 'upsert',
    payload: {
      sync_id: row.sync_id,
      source_id: row.source_id,
      target_id: row.target_id,
      relation: row.relation,
      reason: row.reason,
      evidence: row.evidence,
      confidence: row.confidence,
      judgment_status: row.judgment_status,
      marked_by_actor: row.marked_by_actor ?? 'engram',
      marked_by_kind: row.marked_by_kind ?? 'system',
      marked_by_model: row.marked_by_model,
      session_id: row.session_id,
      project,
      created_at: row.created_at,
      updated_at: row.updated_at,
    },
    project,
    occurredAt: row.updated_at,
  })
}

/** A hard delete (CHK-305); Go writes this payload as a sorted map. */
export function tombstoneText(row: Tombstone): string {
  return mutationText({
    entity: row.entity,
    key: row.entity_key,
    op: 'delete',
    payload: {
      deleted: true,
      deleted_at: row.deleted_at,
      hard_delete: true,
      ...(row.entity === 'session' ? { id: row.entity_key } : {}),
      project: row.project,
      session_id: row.session_id,
      ...(row.entity === 'session' ? {} : { sync_id: row.entity_key }),
    },
    project: row.project,
    occurredAt: row.deleted_at,
  })
}

export const headJson = (head: OtherHead): GoJson => json(head)
