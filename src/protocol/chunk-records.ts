import type { IncomingEntity, IncomingRecord, RefusedRow } from '../model/sync.ts'
import { isObject, type ChunkDocument } from './chunk-document.ts'

/**
 * The records of a chunk in the order they are best taken in: sessions, observations, versions, prompts, relations,
 * tombstones. A mutation wins over the row of the same record, the last one over those before it; the row lends it what
 * it does not say (CHK-304). Rows are not read here but for their keys.
 */
export type ChunkRecords = {
  readonly records: readonly IncomingRecord[]
  readonly refused: readonly RefusedRow[]
}

type Row = Readonly<Record<string, unknown>>
type Named = 'session' | 'observation' | 'prompt'

type Work = {
  /** By entity, by key; rows without a key stand in `nameless`. */
  readonly rows: Readonly<Record<Named, Map<string, Row>>>
  readonly nameless: IncomingRecord[]
  readonly relations: Map<string, Row>
  readonly tombstones: Map<string, Row>
  readonly refused: RefusedRow[]
}

/** @param createdAt of the manifest's entry: when nothing else says when something was deleted (CHK-607) */
export function recordsOf(document: ChunkDocument, createdAt: string): ChunkRecords {
  const work: Work = {
    rows: { session: new Map(), observation: new Map(), prompt: new Map() },
    nameless: [],
    relations: new Map(),
    tombstones: new Map(),
    refused: [],
  }
  for (const [index, value] of document.sessions.entries()) takeRow(work, 'session', value, index)
  for (const [index, value] of document.observations.entries()) takeRow(work, 'observation', value, index)
  for (const [index, value] of document.prompts.entries()) takeRow(work, 'prompt', value, index)
  for (const [index, value] of document.mutations.entries()) takeMutation(work, document.ext, value, index, createdAt)
  return { records: [...inOrder(work, document)], refused: work.refused }
}

function* inOrder(work: Work, document: ChunkDocument): Generator<IncomingRecord> {
  yield* named('session', work.rows.session)
  yield* named('observation', work.rows.observation)
  yield* work.nameless.filter((record) => record.entity === 'observation')
  for (const value of listIn(document.ext, 'versions'))
    yield { entity: 'version', key: textIn(value, 'sync_id'), value }
  yield* named('prompt', work.rows.prompt)
  yield* work.nameless.filter((record) => record.entity === 'prompt')
  yield* named('relation', work.relations)
  yield* named('tombstone', work.tombstones)
}

function* named(entity: IncomingEntity, rows: ReadonlyMap<string, Row>): Generator<IncomingRecord> {
  for (const [key, value] of rows) yield { entity, key, value }
}

const listIn = (ext: Row, key: string): readonly unknown[] => {
  const list = ext[key]
  return Array.isArray(list) ? list : []
}

const textIn = (value: unknown, key: string): string => {
  const text = isObject(value) ? value[key] : undefined
  return typeof text === 'string' ? text : ''
}

const refuse = (work: Work, entity: IncomingEntity, key: string, value: unknown, reason: string): void => {
  work.refused.push({ entity, key, value, reason })
}

/** Go's own codes for a row whose name is blank (CHK-608). */
const blankReasons: Readonly<Record<Named, string>> = {
  session: 'sync_session_identity_invalid',
  observation: 'sync_observation_identity_invalid',
  prompt: 'sync_prompt_identity_invalid',
}

const keyField = (entity: string): string => (entity === 'session' ? 'id' : 'sync_id')

function takeRow(work: Work, entity: Named, value: unknown, index: number): void {
  const place = `${entity} ${index + 1}`
  if (!isObject(value)) return refuse(work, entity, place, value, 'not an object')
  const key = textIn(value, keyField(entity))
  if (key.trim() !== '') {
    work.rows[entity].set(key, value)
    return
  }
  if (entity === 'session') return refuse(work, entity, place, value, blankReasons.session)
  // Rows of old programs have no name: the store gives them theirs (CHK-604).
  work.nameless.push({ entity, key: place, value: { ...value, sync_id: undefined } })
}

type Mutation = { readonly entity: string; readonly op: string; readonly key: string; readonly payload: Row }

function takeMutation(work: Work, ext: Row, value: unknown, index: number, createdAt: string): void {
  const mutation = readMutation(value)
  if (typeof mutation === 'string') {
    const entity = toEntity(textIn(value, 'entity'))
    return refuse(work, entity, textIn(value, 'entity_key') || `mutation ${index + 1}`, value, mutation)
  }
  const { entity, op, key, payload } = mutation
  if (entity === 'relation') {
    if (op === 'upsert')
      work.relations.set(key, withExt(payload, isObject(ext['relations']) ? ext['relations'][key] : undefined))
    return
  }
  if (!isNamed(entity)) return
  if (op === 'upsert' && payload['deleted'] !== true) return takeUpsert(work, entity, key, payload)
  const occurredAt = textIn(value, 'occurred_at')
  takeDelete(work, ext, mutation, occurredAt === '' ? createdAt : occurredAt)
}

const isNamed = (entity: string): entity is Named =>
  entity === 'session' || entity === 'observation' || entity === 'prompt'

const toEntity = (entity: string): IncomingEntity => (isNamed(entity) || entity === 'relation' ? entity : 'tombstone')

/** What a payload says wins over the row; what it leaves out, the row says. A record that is made again lives. */
function takeUpsert(work: Work, entity: Named, key: string, payload: Row): void {
  const row = work.rows[entity].get(key)
  work.rows[entity].set(key, { ...row, ...payload, ...(row?.['ext'] === undefined ? {} : { ext: row['ext'] }) })
  work.tombstones.delete(`${entity}:${key}`)
}

/** A hard delete takes the row's place; a soft one marks it (CHK-305). */
function takeDelete(work: Work, ext: Row, { entity, key, payload }: Mutation, otherwise: string): void {
  if (!isNamed(entity)) return
  const deletedAt = textIn(payload, 'deleted_at') || otherwise
  const row = work.rows[entity].get(key)
  if (entity === 'observation' && payload['hard_delete'] !== true) {
    const soft = { ...row, ...payload, deleted_at: deletedAt, updated_at: textIn(payload, 'updated_at') || deletedAt }
    work.rows.observation.set(key, soft)
    return
  }
  work.rows[entity].delete(key)
  const name = `${entity}:${key}`
  const extras = isObject(ext['tombstones']) ? ext['tombstones'][name] : undefined
  work.tombstones.set(name, {
    entity,
    entity_key: key,
    project: payload['project'],
    session_id: payload['session_id'],
    source_inbox_id: payload['source_inbox_id'],
    deleted_at: deletedAt,
    hlc: textIn(extras, 'hlc') || undefined,
    origin: textIn(extras, 'origin') || undefined,
  })
}

const withExt = (payload: Row, ext: unknown): Row => (isObject(ext) ? { ...payload, ext } : payload)

/** The mutation, or why it is none. */
function readMutation(value: unknown): Mutation | string {
  if (!isObject(value)) return 'not an object'
  const [entity, op] = [textIn(value, 'entity'), textIn(value, 'op')]
  if (!isNamed(entity) && entity !== 'relation') return `unknown entity ${JSON.stringify(entity.slice(0, 40))}`
  if (op !== 'upsert' && (op !== 'delete' || entity === 'relation'))
    return `unknown op ${JSON.stringify(op.slice(0, 40))}`
  const payload = readPayload(value['payload'])
  if (payload === null) return 'undecodable payload'
  const given = textIn(value, 'entity_key').trim()
  // Deletes of sessions name their session either way.
  const own = (textIn(payload, keyField(entity)) || textIn(payload, 'sync_id') || textIn(payload, 'id')).trim()
  if (given === '' && own === '') return isNamed(entity) ? blankReasons[entity] : 'the key is blank'
  if (given !== '' && own !== '' && given !== own) return 'the key is not that of the payload'
  const key = own === '' ? given : own
  return { entity, op, key, payload: { ...payload, [keyField(entity)]: key } }
}

/** Text that holds JSON, text in text, or the object itself (CHK-303). */
function readPayload(value: unknown): Row | null {
  let payload = value
  for (let layer = 0; layer < 2 && typeof payload === 'string'; layer++) payload = parsed(payload)
  return isObject(payload) ? payload : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
