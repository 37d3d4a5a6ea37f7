import { foldText, gramsOf, wordsOf } from '../../store/index-text.ts'
import { unitVector, type Embedder } from '../embedder.ts'

const dimensions = 384

/**
 * An embedder without a model: each word, and each triple of its letters, adds to a place its hash names. Texts that share
 * words are near; it knows nothing of meaning. Deterministic and at once: for tests and for trying things out.
 */
export function hashingEmbedder(): Embedder {
  return {
    id: 'hashing-1',
    dimensions,
    start: () => Promise.resolve(),
    embed: (texts, signal) =>
      new Promise((resolve) => {
        signal?.throwIfAborted()
        resolve(texts.map(hashed))
      }),
    close: () => Promise.resolve(),
  }
}

function hashed(text: string): Float32Array {
  const sums = new Float32Array(dimensions)
  for (const word of wordsOf(foldText(text))) {
    add(sums, word, 1)
    for (const gram of gramsOf(word, 3)) add(sums, gram, 0.3)
  }
  return unitVector(sums)
}

function add(sums: Float32Array, piece: string, weight: number): void {
  const hash = fnv1a(piece)
  const place = hash % dimensions
  sums[place] = (sums[place] ?? 0) + (hash & 0x10000 ? weight : -weight)
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
