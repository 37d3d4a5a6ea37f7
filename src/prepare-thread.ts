import { parentPort, workerData } from 'node:worker_threads'
import { createRedactor, type RedactOptions } from './engine/rules/redact.ts'
import type { PreparedChunk } from './model/sync.ts'
import { prepareFile, unpackFile } from './prepare-file.ts'
import type { PackedFile } from './sync/preparer.ts'

/**
 * A thread that makes chunks ready for the store, in the order it is asked (CHK-613). It tells null of those that whoever
 * asks has to read himself.
 */

const redactor = createRedactor(workerData as RedactOptions)
let last = Promise.resolve()

parentPort?.on('message', (file: PackedFile) => {
  // Unpacked while the one before is made ready.
  const unpacked = unpackFile(file)
  last = last.then(async () => tell(prepareFile(redactor, file, await unpacked)))
})

const tell = (chunk: PreparedChunk | null): void =>
  parentPort?.postMessage(chunk, chunk === null ? [] : [chunk.observations.rows.buffer])
