import type { ChangedRecord, Manifest } from '../model/sync.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { isObject } from '../protocol/chunk-document.ts'
import { recordsOf } from '../protocol/chunk-records.ts'
import { encodeGoJson, type GoJson } from '../protocol/go-json.ts'
import { decodeNamedChunk } from './chunk.ts'
import { planImport } from './plan.ts'
import type { ChunkRemote } from './remote.ts'

/** What the chunks of a remote hold by now: asked only when the cursor cannot be trusted (CHK-504). */
export type Held = { has(record: ChangedRecord): boolean }

export const holdsNothing: Held = { has: () => false }

/** Reads every chunk once. What cannot be read holds nothing. */
export async function readHeld(remote: ChunkRemote, manifest: Manifest): Promise<Held> {
  const states = new Set<string>()
  const keys = new Set<string>()
  const { pending } = planImport(manifest, await remote.listChunks(), new Map())
  for (const { entry } of pending) {
    const file = await remote.readChunk(entry.id)
    if (file.kind !== 'file') continue
    const reading = await decodeNamedChunk(file.packed, entry.id, entry.ext?.hash)
    if (!reading.ok) continue
    for (const { entity, key, value } of recordsOf(reading.document, entry.created_at).records) {
      keys.add(`${entity}\n${key}`)
      states.add(entity === 'version' ? headName(key, versionOf(value)) : stateName(entity, key, value))
      if (entity === 'observation') states.add(headName(key, versionOf(isObject(value) ? value['ext'] : undefined)))
    }
  }
  // What stands in no chunk at all is not worth a name.
  return { has: (record) => keys.has(`${record.entity}\n${keyOf(record)}`) && isHeld(states, record) }
}

const isHeld = (states: ReadonlySet<string>, record: ChangedRecord): boolean =>
  hasState(states, record) &&
  (record.entity !== 'observation' || record.heads.every((head) => states.has(headName(head.sync_id, head.version))))

/** A name for a record in its present state, the same in every store that holds it. */
export const nameOfRecord = (record: ChangedRecord): string => stateName(record.entity, keyOf(record), record.row)

const keyOf = (record: ChangedRecord): string => {
  if (record.entity === 'session') return record.row.id
  return record.entity === 'tombstone' ? `${record.row.entity}:${record.row.entity_key}` : record.row.sync_id
}

/** As we write it, or as a program without our extras does. */
const hasState = (states: ReadonlySet<string>, record: ChangedRecord): boolean => {
  const { entity, row } = record
  const bare = entity === 'tombstone' ? { ...row, hlc: undefined, origin: undefined } : { ...row, ext: undefined }
  return states.has(nameOfRecord(record)) || states.has(stateName(entity, keyOf(record), bare))
}

const versionOf = (value: unknown): string =>
  isObject(value) && typeof value['version'] === 'string' ? value['version'] : ''

const headName = (syncId: string, version: string): string => `head\n${syncId}\n${version}`

/** Fields of a relation that a chunk carries; the rest of its row is filled in where it is read. */
const relationFields = [
  'source_id',
  'target_id',
  'relation',
  'judgment_status',
  'reason',
  'evidence',
  'updated_at',
] as const

/**
 * A name for one state of a record: everything that travels, but for row numbers. Who said it and when is part of it, since
 * of two equal states the later counts.
 */
function stateName(entity: string, key: string, value: unknown): string {
  if (!isObject(value)) return ''
  if (entity === 'tombstone') return hashed(entity, key, stampOf(value) ?? [value['deleted_at']])
  const stamp = stampOf(value['ext']) ?? []
  if (entity === 'relation')
    return hashed(entity, key, [...relationFields.map((name) => value[name] ?? null), ...stamp])
  const { id: _local, ext: _stamp, ...fields } = value
  return hashed(entity, key, [fields, ...stamp])
}

function stampOf(ext: unknown): readonly unknown[] | null {
  if (!isObject(ext) || typeof ext['hlc'] !== 'string') return null
  return [ext['version'] ?? '', ext['hlc'], ext['origin'] ?? '']
}

// Rows are JSON, read or about to be written.
const hashed = (entity: string, key: string, state: unknown): string =>
  `${entity}\n${key}\n${sha256Hex(encodeGoJson(state as GoJson, { sortKeys: true })).slice(0, 32)}`
