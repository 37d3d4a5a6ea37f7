import { z } from 'zod'
import { limits } from '../model/limits.ts'
import { judgmentStatuses, relationVerbs } from '../model/records.ts'
import { utf8Bytes } from '../model/text.ts'
import { isObject } from './chunk-document.ts'

/**
 * Records as they arrive, in a backup or a chunk, one schema per row so that a bad one is set aside alone (MEM-1003,
 * CHK-608). Unknown keys are ignored, an empty optional field is the same as none, and an `ext` that does not fit is the
 * same as none: nothing may depend on it (CHK-301).
 */

/** No honest text is longer; what is over a field's own limit is cut later, and reported. */
const textCharsMax = 8 * 1024 * 1024

const longText = z.string().max(textCharsMax)

const shortName = (bytesMax: number) =>
  z
    .string()
    .refine((text) => text.trim() !== '' && !text.includes('\0'), 'is blank or holds NUL')
    .refine((text) => utf8Bytes(text) <= bytesMax, `is over ${bytesMax} bytes`)

/** Null, blank and missing are the same. */
const maybe = <T extends z.ZodType<string>>(schema: T) =>
  z.preprocess((value) => (value === null || value === '' ? undefined : value), schema.optional())

const time = z.string().max(64)
const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const key = shortName(limits.syncIdBytesMax)

/** Later than the year 9999 is no time; a hybrid time must leave room for the changes after it (MEM-503). */
const hlcMax = 'e677d21fdbff'
const hlcPattern = /^[0-9a-f]{16}$/
const hlc = z
  .string()
  .regex(hlcPattern)
  .refine((text) => text.slice(0, 12) < hlcMax, 'is later than the year 9999')
const versionPattern = /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/
const versionName = z.string().regex(versionPattern)
const ancestors = z
  .array(versionName)
  .max(1_000)
  .transform((names) => names.slice(0, limits.versionAncestorsMax))
const author = maybe(z.string().max(limits.authorBytesMax))

const plainExt = z.object({ hlc: hlc.optional(), origin: maybe(shortName(64)), author })

export const sessionRow = z.object({
  id: shortName(limits.sessionIdBytesMax),
  project: maybe(longText),
  ownership_mode: z.string().nullish(),
  directory: maybe(z.string().max(limits.directoryBytesMax)),
  started_at: maybe(time),
  ended_at: maybe(time),
  summary: maybe(longText),
  ext: plainExt
    .extend({
      ended_by: maybe(z.string().max(64)),
      summary_by: maybe(z.string().max(64)),
      isolated: z.boolean().optional(),
    })
    .optional()
    .catch(undefined),
})

export const observationRow = z.object({
  /** Blank in old rows: CHK-604 names them. */
  sync_id: maybe(key),
  session_id: shortName(limits.sessionIdBytesMax),
  type: maybe(shortName(limits.typeBytesMax)),
  title: maybe(longText),
  content: longText,
  tool_name: maybe(longText),
  project: maybe(longText),
  scope: z.string().nullish(),
  topic_key: maybe(longText),
  revision_count: whole.optional(),
  duplicate_count: whole.optional(),
  last_seen_at: maybe(time),
  /** Missing: leave as it is · null: clear (CHK-304). */
  review_after: time.nullish(),
  created_at: maybe(time),
  updated_at: maybe(time),
  deleted_at: maybe(time),
  pinned: z.boolean().optional(),
  ext: z
    .object({
      version: versionName.optional(),
      ancestors: ancestors.optional(),
      hlc: hlc.optional(),
      origin: maybe(shortName(64)),
      author,
      expires_at: maybe(time),
      confidence: z.number().min(0).max(1).optional(),
      provenance: z.record(z.string(), z.unknown()).optional(),
    })
    .optional()
    .catch(undefined),
})

export const promptRow = z.object({
  source_inbox_id: maybe(shortName(limits.sessionIdBytesMax)),
  sync_id: maybe(key),
  session_id: shortName(limits.sessionIdBytesMax),
  content: longText,
  project: maybe(longText),
  created_at: maybe(time),
  ext: plainExt.optional().catch(undefined),
})

export const relationRow = z.object({
  sync_id: key,
  source_id: key,
  target_id: key,
  relation: z.enum(relationVerbs),
  reason: maybe(longText),
  evidence: maybe(longText),
  confidence: z.number().nullish(),
  judgment_status: z.enum(judgmentStatuses),
  marked_by_actor: maybe(longText),
  marked_by_kind: maybe(longText),
  marked_by_model: maybe(longText),
  session_id: maybe(shortName(limits.sessionIdBytesMax)),
  superseded_at: maybe(time),
  superseded_by_relation_sync_id: maybe(key),
  created_at: maybe(time),
  updated_at: maybe(time),
  ext: plainExt.optional().catch(undefined),
})

export const tombstoneRow = z.object({
  entity: z.enum(['session', 'observation', 'prompt']),
  entity_key: shortName(limits.sessionIdBytesMax),
  project: maybe(longText),
  session_id: maybe(shortName(limits.sessionIdBytesMax)),
  source_inbox_id: maybe(shortName(limits.sessionIdBytesMax)),
  deleted_at: maybe(time),
  hlc: hlc.optional(),
  origin: maybe(shortName(64)),
})

export type ArrivedSession = z.output<typeof sessionRow>
export type ArrivedObservation = z.output<typeof observationRow>
export type ArrivedPrompt = z.output<typeof promptRow>
export type ArrivedRelation = z.output<typeof relationRow>
export type ArrivedTombstone = z.output<typeof tombstoneRow>

/** A kept state of an observation, or another head of an open conflict (CHK-301, MEM-1004). */
export const versionRow = z.object({
  sync_id: key,
  version: versionName,
  parents: z.array(versionName).max(1_000).optional(),
  ancestors: ancestors.optional(),
  hlc,
  origin: shortName(64),
  head: z.boolean().optional(),
  captured_at: maybe(time),
  /** Null once pruned. */
  snapshot: z
    .object({
      session_id: shortName(limits.sessionIdBytesMax),
      type: maybe(shortName(limits.typeBytesMax)),
      title: maybe(longText),
      content: longText,
      tool_name: maybe(longText),
      project: maybe(longText),
      scope: z.string().nullish(),
      topic_key: maybe(longText),
      review_after: maybe(time),
      expires_at: maybe(time),
      deleted_at: maybe(time),
      author,
      confidence: z.number().min(0).max(1).nullish(),
      provenance: z.record(z.string(), z.unknown()).nullish(),
      revision_count: whole.optional(),
      created_at: maybe(time),
      updated_at: maybe(time),
    })
    .nullable(),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional()
    .catch(undefined),
})

export type ArrivedVersion = z.output<typeof versionRow>

// ── the plain case, without the schema ──

type Plain = (value: unknown) => boolean
type PlainFields = ReadonlyMap<string, Plain>
const plainFields = (fields: Readonly<Record<string, Plain>>): PlainFields => new Map(Object.entries(fields))

const plainText = (charactersMax: number): Plain => {
  return (value) => typeof value === 'string' && value !== '' && value.length <= charactersMax
}
const plainName = (bytesMax: number): Plain => {
  // A character is three bytes at most.
  const isShort = plainText(Math.floor(bytesMax / 3))
  return (value) => isShort(value) && typeof value === 'string' && value.trim() !== '' && !value.includes('\0')
}
const plainTime = plainText(64)
const plainCount: Plain = (value) => Number.isSafeInteger(value) && Number(value) >= 0

const plainExtFields = plainFields({
  version: (value) => typeof value === 'string' && versionPattern.test(value),
  ancestors: (value) =>
    Array.isArray(value) &&
    value.length <= limits.versionAncestorsMax &&
    value.every((name) => typeof name === 'string' && versionPattern.test(name)),
  hlc: (value) => typeof value === 'string' && hlcPattern.test(value) && value.slice(0, 12) < hlcMax,
  origin: plainName(64),
  author: plainText(limits.authorBytesMax),
  expires_at: plainTime,
  confidence: (value) => typeof value === 'number' && value >= 0 && value <= 1,
})

const plainObservationFields = plainFields({
  // The number of a row where it comes from; nobody reads it.
  id: () => true,
  sync_id: plainName(limits.syncIdBytesMax),
  session_id: plainName(limits.sessionIdBytesMax),
  type: plainName(limits.typeBytesMax),
  title: plainText(textCharsMax),
  content: plainText(textCharsMax),
  tool_name: plainText(textCharsMax),
  project: plainText(textCharsMax),
  scope: (value) => typeof value === 'string',
  topic_key: plainText(textCharsMax),
  revision_count: plainCount,
  duplicate_count: plainCount,
  last_seen_at: plainTime,
  review_after: plainTime,
  created_at: plainTime,
  updated_at: plainTime,
  deleted_at: plainTime,
  pinned: (value) => typeof value === 'boolean',
  ext: (value) => fits(value, plainExtFields),
})

function fits(value: unknown, fields: PlainFields): boolean {
  if (!isObject(value)) return false
  for (const key of Object.keys(value)) if (fields.get(key)?.(value[key]) !== true) return false
  return true
}

/** As we write it: every field known, none to be changed, so that the schema would give it back as it is. */
const isPlainObservation = (value: unknown): value is ArrivedObservation =>
  fits(value, plainObservationFields) &&
  typeof value === 'object' &&
  value !== null &&
  'session_id' in value &&
  'content' in value

/** An observation through its schema; one that is as we write it is spared the way, which costs as much as its SQL. */
export const readObservation = (value: unknown): RowReading<ArrivedObservation> =>
  isPlainObservation(value) ? { ok: true, row: value } : readRow(observationRow, value)

export type RowReading<T> = { readonly ok: true; readonly row: T } | { readonly ok: false; readonly reason: string }

/** One row through its schema; the reason names the field that does not fit, never its text. */
export function readRow<T>(schema: z.ZodType<T>, value: unknown): RowReading<T> {
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, row: result.data }
  const issue = result.error.issues[0]
  const field = issue?.path.join('.') ?? ''
  return { ok: false, reason: `${field === '' ? 'the row' : field}: ${issue?.message ?? 'does not fit'}` }
}
