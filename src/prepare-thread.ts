import { parentPort, workerData } from 'node:worker_threads'
import { prepareChunk } from './engine/prepare-chunk.ts'
import { createRedactor, type RedactOptions } from './engine/rules/redact.ts'
import { limits } from './model/limits.ts'
import type { PreparedChunk } from './model/sync.ts'
import { gunzip, type Gunzipped } from './platform/gzip.ts'
import { recordsOf } from './protocol/chunk-records.ts'
import { decodeNamedChunk } from './sync/chunk.ts'
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
  last = last.then(async () => tell(await prepared(file, await unpacked)))
})

const tell = (chunk: PreparedChunk | null): void =>
  parentPort?.postMessage(chunk, chunk === null ? [] : [chunk.observations.rows.buffer])

async function prepared(
  { packed, id, hash, createdAt }: PackedFile,
  unpacked: Gunzipped,
): Promise<PreparedChunk | null> {
  if (!unpacked.ok) return null
  const reading = await decodeNamedChunk(packed, id, hash, Promise.resolve(unpacked))
  return reading.ok ? prepareChunk({ redactor }, reading.hash, recordsOf(reading.document, createdAt)) : null
}
