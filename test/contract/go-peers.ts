import { gunzipSync } from 'node:zlib'
import type { Manifest } from '../../src/model/sync.ts'

/** Programs of the Go eras as the rules describe them: what they read, select and refuse. No text of theirs is used. */

type Row = Readonly<Record<string, unknown>>
type Mutation = { readonly entity: string; readonly entity_key: string; readonly op: string; readonly payload: string }
export type GoDocument = {
  readonly sessions: readonly Row[] | null
  readonly observations: readonly Row[] | null
  readonly prompts: readonly Row[] | null
  readonly mutations?: readonly Mutation[]
}

/** Documents in the order of the manifest; a file that is missing is passed over. */
export function readAll(manifest: Manifest, files: ReadonlyMap<string, Uint8Array>): readonly GoDocument[] {
  return manifest.chunks.flatMap(({ id }) => {
    const packed = files.get(id)
    return packed === undefined ? [] : [JSON.parse(gunzipSync(packed).toString('utf8')) as GoDocument]
  })
}

const textOf = (row: Row, key: string): string => {
  const value = row[key]
  if (typeof value !== 'string') throw new Error(`${key}: expected text, got ${JSON.stringify(value)}`)
  return value
}

const filled = (row: Row, ...keys: readonly string[]): void => {
  for (const key of keys) if (textOf(row, key).trim() === '') throw new Error(`${key} is blank`)
}

const relationKeys = [
  'sync_id',
  'source_id',
  'target_id',
  'relation',
  'judgment_status',
  'marked_by_actor',
  'marked_by_kind',
]

/** What v2 and v3 check of every listed chunk before they export (CHK-509, CHK-1103). Throws what they would report. */
export function validate(documents: readonly GoDocument[]): void {
  const deletedSessions = new Set<string>()
  const live = new Map<string, string>()
  for (const document of documents) {
    const here = new Set<string>()
    for (const row of document.sessions ?? []) {
      filled(row, 'id')
      textOf(row, 'directory')
      here.add(textOf(row, 'id'))
      deletedSessions.delete(textOf(row, 'id'))
    }
    for (const row of [...(document.observations ?? []), ...(document.prompts ?? [])]) {
      filled(row, 'sync_id', 'session_id', 'content')
      if (!here.has(textOf(row, 'session_id')))
        throw new Error(`session ${textOf(row, 'session_id')} is not in the chunk`)
    }
    for (const row of document.observations ?? []) {
      filled(row, 'type', 'title', 'scope')
      if (row['deleted_at'] === undefined) live.set(textOf(row, 'sync_id'), textOf(row, 'session_id'))
      else live.delete(textOf(row, 'sync_id'))
    }
    for (const mutation of document.mutations ?? []) validateMutation(mutation, deletedSessions, live)
  }
}

function validateMutation(mutation: Mutation, deletedSessions: Set<string>, live: Map<string, string>): void {
  const payload = JSON.parse(mutation.payload) as Row
  const key = textOf(payload, mutation.entity === 'session' ? 'id' : 'sync_id')
  if (key !== mutation.entity_key || key.trim() === '') throw new Error(`key ${mutation.entity_key} is not ${key}`)
  switch (`${mutation.entity}/${mutation.op}`) {
    case 'relation/upsert':
      return filled(payload, ...relationKeys)
    case 'observation/delete':
      live.delete(key)
      return
    case 'prompt/delete':
      return
    case 'session/delete':
      if ([...live.values()].includes(key)) throw new Error(`session ${key} is deleted while observations live`)
      deletedSessions.add(key)
      return
    default:
      throw new Error(`unsupported mutation ${mutation.entity}/${mutation.op}`)
  }
}

/** What v3 holds after it took every chunk in: live observations by id (CHK-1104). Arrival order wins. */
export function importAsV3(documents: readonly GoDocument[]): ReadonlyMap<string, string> {
  const sessions = new Set<string>()
  const rows = new Map<string, { readonly content: string; readonly isLive: boolean }>()
  const gone = new Set<string>()
  let left = [...documents]
  for (let passes = 1; left.length > 0; passes++) {
    const stuck = left.filter((document) => !takeChunk(document, sessions, rows, gone))
    if (stuck.length === left.length) throw new Error(`dependency-safe local import stalled after ${passes} pass(es)`)
    left = stuck
  }
  return new Map([...rows].flatMap(([key, { content, isLive }]) => (isLive ? [[key, content] as const] : [])))
}

/** One transaction: all of it, or nothing when an end of a relation or a session is not there. */
function takeChunk(
  document: GoDocument,
  sessions: Set<string>,
  rows: Map<string, { readonly content: string; readonly isLive: boolean }>,
  gone: Set<string>,
): boolean {
  const here = new Set([...sessions, ...(document.sessions ?? []).map((row) => textOf(row, 'id'))])
  const ids = new Set([...rows.keys(), ...(document.observations ?? []).map((row) => textOf(row, 'sync_id'))])
  const relations = (document.mutations ?? []).filter(({ entity }) => entity === 'relation')
  const ends = relations.flatMap(({ payload }) => {
    const row = JSON.parse(payload) as Row
    return [textOf(row, 'source_id'), textOf(row, 'target_id')]
  })
  if (ends.some((end) => !ids.has(end) && !gone.has(end))) return false
  if ((document.observations ?? []).some((row) => !here.has(textOf(row, 'session_id')))) return false
  for (const id of here) sessions.add(id)
  for (const row of document.observations ?? []) {
    if (gone.has(textOf(row, 'sync_id'))) continue
    rows.set(textOf(row, 'sync_id'), { content: textOf(row, 'content'), isLive: row['deleted_at'] === undefined })
  }
  for (const { entity, op, entity_key: key } of document.mutations ?? []) {
    if (op !== 'delete' || entity !== 'observation') continue
    rows.delete(key)
    gone.add(key)
  }
  return true
}

/** Local rows of a Go program, and which of them it exports beside what the manifest says (CHK-1103). */
export type GoRow = {
  readonly kind: 'session' | 'observation' | 'prompt'
  readonly created: string
  readonly updated: string
}

export const exporters: Readonly<Record<'v1.7' | 'v1.14', (row: GoRow, cut: string) => boolean>> = {
  'v1.7': (row, cut) => row.created > cut,
  'v1.14': (row, cut) => row.created > cut || (row.kind === 'observation' && row.updated > cut),
}

/** The newest time in the manifest, as those programs compare it; '' when there is none. */
export const cutOf = (manifest: Manifest): string =>
  manifest.chunks
    .map(({ created_at: at }) => new Date(at).toISOString().replace('T', ' ').slice(0, 19))
    .sort()
    .at(-1) ?? ''
