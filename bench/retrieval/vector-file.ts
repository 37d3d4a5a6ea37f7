import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createHash } from 'node:crypto'
import type { Embedder } from '../../src/search/embedder.ts'

const keyBytes = 16

/**
 * The embedder with a file behind it: what was embedded once is read the next time. Each entry is 16 bytes of the hash of
 * model and text, then the vector; a half-written last one is ignored.
 */
export function withVectorFile(embedder: Embedder, path: string): Embedder {
  const entryBytes = keyBytes + embedder.dimensions * 4
  const known = new Map<string, Float32Array>()
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
    const vector = new Float32Array(embedder.dimensions)
    Buffer.from(vector.buffer).set(bytes.subarray(at + keyBytes, at + entryBytes))
    known.set(bytes.toString('hex', at, at + keyBytes), vector)
  }
  const file = openSync(path, existsSync(path) ? 'r+' : 'w')
  let end = known.size * entryBytes
  const keyOf = (text: string): Buffer =>
    createHash('sha256').update(`${embedder.id}\0${text}`).digest().subarray(0, keyBytes)
  const vectorOf = async (text: string, signal?: AbortSignal): Promise<Float32Array> => {
    const key = keyOf(text)
    const kept = known.get(key.toString('hex'))
    if (kept !== undefined) return kept
    const [vector = new Float32Array(embedder.dimensions)] = await embedder.embed([text], signal)
    known.set(key.toString('hex'), vector)
    writeSync(file, Buffer.concat([key, Buffer.from(vector.buffer)]), 0, entryBytes, end)
    end += entryBytes
    return vector
  }
  return {
    id: embedder.id,
    dimensions: embedder.dimensions,
    start: () => embedder.start(),
    embed: async (texts, signal) => {
      const vectors: Float32Array[] = []
      for (const text of texts) vectors.push(await vectorOf(text, signal))
      return vectors
    },
    close: async () => {
      closeSync(file)
      await embedder.close()
    },
  }
}
