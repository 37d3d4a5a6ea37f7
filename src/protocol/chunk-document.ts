import { limits } from '../model/limits.ts'
import { encodeGoJson, type GoJson } from './go-json.ts'
import { shapeFault } from './json-shape.ts'

/** The document of a chunk (CHK-300): rows stay unread here, so that a bad one is set aside alone (CHK-608). */
export type ChunkDocument = {
  readonly sessions: readonly unknown[]
  readonly observations: readonly unknown[]
  readonly prompts: readonly unknown[]
  readonly mutations: readonly unknown[]
  /** CHK-301; empty when there is none. */
  readonly ext: Readonly<Record<string, unknown>>
}

/** What is written: Go's three lists, its mutations when there are any, and our extras last. */
export type ChunkData = {
  readonly sessions: GoJson
  readonly observations: GoJson
  readonly prompts: GoJson
  readonly mutations?: GoJson | undefined
  readonly ext?: GoJson | undefined
}

/** Why a document is none (CHK-701). */
export type DocumentFault = 'not_json' | 'bad_schema' | 'too_large'

export type DocumentReading =
  | { readonly ok: true; readonly document: ChunkDocument }
  | { readonly ok: false; readonly reason: DocumentFault; readonly detail: string }

export type DocumentLimits = { readonly rowsMax: number; readonly depthMax: number }

const documentLimits: DocumentLimits = { rowsMax: limits.chunkRowsMax, depthMax: limits.chunkJsonDepthMax }

/** The uncompressed bytes of a chunk, whose hash names it (CHK-101, CHK-102). */
export function encodeDocument({ sessions, observations, prompts, mutations, ext }: ChunkData): Uint8Array {
  return new TextEncoder().encode(encodeGoJson({ sessions, observations, prompts, mutations, ext }))
}

/** Rows that are encoded already, as the bytes they stand in a document in. */
type RowBytes = readonly Uint8Array[]

/** The same from rows that are encoded already: no row is encoded twice. */
export function encodeParts(parts: {
  readonly sessions: RowBytes
  readonly observations: RowBytes
  readonly prompts: RowBytes
  readonly mutations: RowBytes
  readonly ext: string
}): Uint8Array {
  const text = (piece: string): RowBytes => [new TextEncoder().encode(piece)]
  const mutations = parts.mutations.length === 0 ? [] : [text('],"mutations":['), parts.mutations]
  return joined([
    text('{"sessions":['),
    parts.sessions,
    text('],"observations":['),
    parts.observations,
    text('],"prompts":['),
    parts.prompts,
    ...mutations,
    text(`],"ext":${parts.ext}}`),
  ])
}

/** Rows of one list with commas between them. */
function joined(lists: readonly RowBytes[]): Uint8Array {
  const commas = (rows: RowBytes): number => Math.max(0, rows.length - 1)
  const total = lists.reduce((sum, rows) => rows.reduce((all, row) => all + row.length, sum + commas(rows)), 0)
  const bytes = new Uint8Array(total)
  let at = 0
  for (const rows of lists) {
    for (const [index, row] of rows.entries()) {
      if (index > 0) bytes[at++] = comma
      bytes.set(row, at)
      at += row.length
    }
  }
  return bytes
}

const comma = 0x2c

const fault = (reason: DocumentFault, detail: string): DocumentReading => ({ ok: false, reason, detail })

/** Reads a document of any era (CHK-205): a list may be null or missing, white space may stand around it. */
export function decodeDocument(bytes: Uint8Array, bounds: DocumentLimits = documentLimits): DocumentReading {
  const shape = shapeFault(bytes, { depthMax: bounds.depthMax, valuesMin: bounds.rowsMax })
  if (shape === 'deep') return fault('too_large', `nested deeper than ${bounds.depthMax} levels`)
  if (shape === 'dense') return fault('too_large', 'more values than its size has room for')
  const value = parsed(bytes)
  if (value === undefined) return fault('not_json', 'not one JSON document in UTF-8')
  if (!isObject(value)) return fault('bad_schema', 'not an object')
  const keys = ['sessions', 'observations', 'prompts', 'mutations'] as const
  if (keys.every((key) => !Object.hasOwn(value, key))) return fault('bad_schema', 'none of the lists of a chunk')
  const wrong = keys.find((key) => value[key] !== undefined && value[key] !== null && !Array.isArray(value[key]))
  if (wrong !== undefined) return fault('bad_schema', `${wrong} is not a list`)
  const [sessions = [], observations = [], prompts = [], mutations = []] = keys.map((key) => listOf(value[key]))
  const rows = sessions.length + observations.length + prompts.length + mutations.length
  if (rows > bounds.rowsMax) return fault('too_large', `${rows} rows`)
  const ext = isObject(value['ext']) ? value['ext'] : {}
  return { ok: true, document: { sessions, observations, prompts, mutations, ext } }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A JSON object, and no list. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
