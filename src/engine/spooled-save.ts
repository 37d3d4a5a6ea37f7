import { projectSources, scopes, type Redacted, type Truncation, type Warning } from '../model/records.ts'
import type { Place } from './places.ts'
import type { PreparedSave, SaveContext } from './save.ts'
import type { SaveOperation } from './save-operations.ts'

/** A save as it waits in a file: redacted, and with the time it was made (MEM-111). */
export type SpooledSave = {
  readonly kind: 'observation'
  readonly at_ms: number
  readonly prepared: PreparedSave
  readonly context: SaveContext
  readonly operation: SaveOperation | null
}

export const encodeSpooled = (spooled: SpooledSave): Uint8Array => new TextEncoder().encode(JSON.stringify(spooled))

/** The save a file holds, or null when it holds none: files can be cut short, and be put there by anybody. */
export function decodeSpooled(bytes: Uint8Array): SpooledSave | null {
  const value = parsed(bytes)
  const { at_ms: atMs, prepared, context, operation } = value ?? {}
  const save = isObject(prepared) ? preparedOf(prepared) : null
  const where = isObject(context) ? contextOf(context) : null
  if (value?.['kind'] !== 'observation' || !isNumber(atMs) || save === null || where === null) return null
  return { kind: 'observation', at_ms: atMs, prepared: save, context: where, operation: operationIn(operation) }
}

type Fields = Readonly<Record<string, unknown>>

function parsed(bytes: Uint8Array): Fields | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value)
const isText = (value: unknown): value is string => typeof value === 'string'
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value)
const textsOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter(isText) : [])

function preparedOf(value: Fields): PreparedSave | null {
  const { type, title, content, tool_name, topic_key, author, expires_at, truncation } = value
  const scope = scopes.find((one) => one === value['scope'])
  if (!isText(type) || !isText(title) || !isText(content) || content.trim() === '' || scope === undefined) return null
  if (!isTextOrNull(tool_name) || !isTextOrNull(topic_key) || !isTextOrNull(author) || !isTextOrNull(expires_at))
    return null
  return {
    type,
    title,
    content,
    tool_name,
    scope,
    topic_key,
    author,
    expires_at,
    redacted: redactedOf(value['redacted']),
    ...(isTruncation(truncation) ? { truncation } : {}),
    warnings: warningsOf(value['warnings']),
  }
}

const redactedOf = (value: unknown): Redacted =>
  isObject(value) && isNumber(value['count'])
    ? { count: value['count'], kinds: textsOf(value['kinds']) }
    : { count: 0, kinds: [] }

const isTruncation = (value: unknown): value is Truncation =>
  isObject(value) && isNumber(value['original_bytes']) && isNumber(value['limit_bytes']) && value['truncated'] === true

const warningsOf = (value: unknown): readonly Warning[] =>
  (Array.isArray(value) ? value : []).flatMap((one: unknown) => {
    if (!isObject(one) || !isText(one['code']) || !isText(one['message'])) return []
    return [
      { code: one['code'], message: one['message'], ...(isObject(one['details']) ? { details: one['details'] } : {}) },
    ]
  })

function contextOf(value: Fields): SaveContext | null {
  const { place, sessionId, directory, agentPid } = value
  const where = isObject(place) ? placeIn(place) : null
  if (where === null || !isText(directory)) return null
  return {
    place: where,
    sessionId: isText(sessionId) ? sessionId : undefined,
    directory,
    agentPid: isNumber(agentPid) ? agentPid : undefined,
    strict: false,
  }
}

export function placeIn(value: Fields): Place | null {
  const { project, path, available, known } = value
  const source = projectSources.find((one) => one === value['source'])
  if (!isTextOrNull(project) || source === undefined) return null
  return {
    project,
    source,
    path: isText(path) ? path : '',
    available: textsOf(available),
    known: known === true,
    warnings: warningsOf(value['warnings']),
  }
}

const operationIn = (value: unknown): SaveOperation | null =>
  isObject(value) && isText(value['id']) && isText(value['fingerprint'])
    ? { id: value['id'], fingerprint: value['fingerprint'] }
    : null
