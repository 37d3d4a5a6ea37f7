import { prepareChunk } from './engine/prepare-chunk.ts'
import type { Redactor } from './engine/rules/redact.ts'
import { limits } from './model/limits.ts'
import type { PreparedChunk } from './model/sync.ts'
import { sha256Hex } from './platform/bytes.ts'
import { gunzip, type Gunzipped } from './platform/gzip.ts'
import { splitDocument } from './protocol/split-document.ts'
import { isNamed } from './sync/chunk.ts'
import type { PackedFile } from './sync/preparer.ts'

/** What our own chunks hold, and a little. */
const documentBytesMax = limits.chunkPartBytes + 1024 * 1024

/** Another thread does the work. */
export const unpackFile = ({ packed }: PackedFile): Promise<Gunzipped> => gunzip(packed, documentBytesMax)

/** Makes a chunk ready for the store (CHK-613); null where it has to be read record by record. */
export function prepareFile(redactor: Redactor, file: PackedFile, unpacked: Gunzipped): PreparedChunk | null {
  if (!unpacked.ok) return null
  const hash = sha256Hex(unpacked.bytes)
  const split = isNamed(hash, file.id, file.hash) ? splitDocument(unpacked.bytes) : null
  return split && prepareChunk({ redactor }, hash, split, file.createdAt)
}
