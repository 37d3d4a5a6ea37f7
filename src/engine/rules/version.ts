import { limits } from '../../model/limits.ts'
import { sha256Hex } from '../../platform/bytes.ts'
import { encodeGoJson } from '../../protocol/go-json.ts'
import type { ObservationRow } from '../../store/rows.ts'

/** What makes one state of an observation differ from another: no counters, no pins, no times of its own (MEM-501). */
export type VersionedFields = Pick<
  ObservationRow,
  | 'session_id'
  | 'type'
  | 'title'
  | 'content'
  | 'tool_name'
  | 'project'
  | 'scope'
  | 'topic_key'
  | 'review_after'
  | 'expires_at'
> & { readonly deleted: boolean }

const nameChars = 32

/** First 32 hex of SHA-256 over the fields in Go's encoding; empty counts as null (MEM-501). */
export function fingerprintOf(fields: VersionedFields): string {
  const encoded = encodeGoJson({
    session_id: orNull(fields.session_id),
    type: orNull(fields.type),
    title: orNull(fields.title),
    content: orNull(fields.content),
    tool_name: orNull(fields.tool_name),
    project: orNull(fields.project),
    scope: orNull(fields.scope),
    topic_key: orNull(fields.topic_key),
    review_after: orNull(fields.review_after),
    expires_at: orNull(fields.expires_at),
    deleted: fields.deleted,
  })
  return sha256Hex(`engram/observation/1\n${encoded}`).slice(0, nameChars)
}

/** The fingerprint of a stored row's current state. */
export const fingerprintOfRow = (
  row: Omit<VersionedFields, 'deleted'> & { readonly deleted_at: string | null },
): string => fingerprintOf({ ...row, deleted: row.deleted_at !== null })

/** The name of a version: no parent for the first, one for an edit, all heads for a settle (MEM-502). */
export function versionOf(parents: readonly string[], fingerprint: string): string {
  return sha256Hex(`${[...parents].sort().join(',')}\n${fingerprint}`).slice(0, nameChars)
}

/** The ancestors of a child: the parent and its last ancestors, newest first, at most 32 (MEM-502). */
export function ancestorsOf(parent: {
  readonly version: string
  readonly ancestors: readonly string[]
}): readonly string[] {
  return childAncestors([parent])
}

/**
 * The ancestors of a child of several parents: all parents first, then what stands behind them, nearest first and from
 * each parent in turn.
 */
export function childAncestors(
  parents: readonly { readonly version: string; readonly ancestors: readonly string[] }[],
): readonly string[] {
  const names = new Set(parents.map((parent) => parent.version))
  const depth = Math.max(0, ...parents.map((parent) => parent.ancestors.length))
  for (let index = 0; index < depth; index++) {
    for (const parent of parents) {
      const name = parent.ancestors[index]
      if (name !== undefined) names.add(name)
    }
  }
  return [...names].slice(0, limits.versionAncestorsMax)
}

const orNull = (text: string | null): string | null => (text === '' ? null : text)
