import { parentPort, workerData } from 'node:worker_threads'
import { prepareChunk } from './engine/prepare-chunk.ts'
import { createRedactor, type RedactOptions } from './engine/rules/redact.ts'
import { limits } from './model/limits.ts'
import type { PreparedChunk } from './model/sync.ts'
import { gunzip, type Gunzipped } from './platform/gzip.ts'
import { sha256Hex } from './platform/bytes.ts'
import { splitDocument } from './protocol/split-document.ts'
import { isNamed } from './sync/chunk.ts'
import type { PackedFile } from './sync/preparer.ts'

/**
 * A thread that makes chunks ready for the store, in the order it is asked (CHK-613). It tells null of those that whoever
 * asks has to read himself.
 */

/** What our own chunks hold, and a little. */
const documentBytesMax = limits.chunkPartBytes + 1024 * 1024

const redactor = createRedactor(workerData as RedactOptions)
let last = Promise.resolve()

parentPort?.on('message', (file: PackedFile) => {
  // Unpacked by a thread of its own while the one before is made ready.
  const unpacked = gunzip(file.packed, documentBytesMax)
  last = last.then(async () => tell(prepared(file, await unpacked)))
})

const tell = (chunk: PreparedChunk | null): void =>
  parentPort?.postMessage(chunk, chunk === null ? [] : [chunk.observations.rows.buffer])

function prepared({ id, hash: told, createdAt }: PackedFile, unpacked: Gunzipped): PreparedChunk | null {
  if (!unpacked.ok) return null
  const hash = sha256Hex(unpacked.bytes)
  const split = isNamed(hash, id, told) ? splitDocument(unpacked.bytes) : null
  return split && prepareChunk({ redactor }, hash, split, createdAt)
}
