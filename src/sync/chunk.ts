import { limits } from '../model/limits.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { gunzip, gzip, type Gunzipped } from '../platform/gzip.ts'
import { decodeDocument, type ChunkDocument } from '../protocol/chunk-document.ts'

/** Why a chunk is set aside (CHK-701). */
export type ChunkFault =
  | 'unreadable_gzip'
  | 'truncated'
  | 'not_json'
  | 'bad_schema'
  | 'hash_mismatch'
  | 'too_large'
  | 'bad_chunk_id'
  | 'not_a_file'

export type ChunkReading =
  | { readonly ok: true; readonly hash: string; readonly bytes: number; readonly document: ChunkDocument }
  | { readonly ok: false; readonly reason: ChunkFault }

/** Only such an id may become a path (CHK-105). */
export const isChunkId = (id: string): boolean => /^[0-9a-f]{8,64}$/.test(id)

export type PackedChunk = { readonly hash: string; readonly packed: Uint8Array }

/** The file of a chunk; its name is the beginning of the hash of the document (CHK-101, CHK-102). */
export async function encodeChunk(document: Uint8Array): Promise<PackedChunk> {
  const packed = gzip(document)
  return { hash: sha256Hex(document), packed: await packed }
}

/** A larger document is not unpacked while another one is held. */
const aheadBytesMax = 16 * 1024 * 1024

/** Begins to unpack a chunk's file, which another thread does; for {@link decodeNamedChunk}. Null when it must wait. */
export function unpackAhead(packed: Uint8Array): Promise<Gunzipped> | null {
  return packed.length > aheadBytesMax ? null : gunzip(packed, aheadBytesMax)
}

/** Reads a chunk's file; no more than the limits are ever held (CHK-703). */
export async function decodeChunk(packed: Uint8Array, ahead: Promise<Gunzipped> | null = null): Promise<ChunkReading> {
  if (packed.length > limits.chunkFileBytesMax) return { ok: false, reason: 'too_large' }
  const first = await ahead
  const isOver = first === null || (!first.ok && first.reason === 'too_large')
  const unpacked = isOver ? await gunzip(packed, limits.chunkDocumentBytesMax) : first
  if (!unpacked.ok) return unpacked
  const reading = decodeDocument(unpacked.bytes)
  if (!reading.ok) return { ok: false, reason: reading.reason }
  return { ok: true, hash: sha256Hex(unpacked.bytes), bytes: unpacked.bytes.length, document: reading.document }
}

/** The document behind an id: that its hash begins with the id is checked here, which Go does not do (CHK-102). */
export async function decodeNamedChunk(
  packed: Uint8Array,
  id: string,
  hash: string | undefined,
  ahead: Promise<Gunzipped> | null = null,
): Promise<ChunkReading> {
  const reading = await decodeChunk(packed, ahead)
  if (!reading.ok) return reading
  return isNamed(reading.hash, id, hash) ? reading : { ok: false, reason: 'hash_mismatch' }
}

/** @param told what the manifest says of the hash */
export const isNamed = (hash: string, id: string, told: string | undefined): boolean =>
  hash.startsWith(id) && (told === undefined || told === hash)

/** Lengths an id may have, the shortest first (CHK-102). */
const idLengths = [8, 16, 32, 64] as const

export const idsOf = (hash: string): readonly string[] => idLengths.map((length) => hash.slice(0, length))
