/**
 * Turns texts into vectors of which near ones mean the like (RET-601).
 * - Vectors have unit length and `dimensions` numbers; the same text gives the same vector under one `id`.
 * - `embed` answers in the order given and never computes on the thread that calls it for long.
 * - `start` resolves once texts can be embedded at once, and may be called again; it rejects where there is no model.
 *   `embed` starts what is not started.
 * - `close` ends everything; calls under way reject. A closed embedder may be started again.
 */
export interface Embedder {
  /** Names the model: vectors of different ids are never compared. */
  readonly id: string
  readonly dimensions: number
  start(): Promise<void>
  embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]>
  close(): Promise<void>
}

/** The product of two unit vectors: their cosine. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0)
  return sum
}

/** The vector at length 1; zeros stay as they are. */
export function unitVector(values: ArrayLike<number>): Float32Array {
  const vector = Float32Array.from(values)
  const length = Math.sqrt(cosine(vector, vector))
  return length === 0 ? vector : vector.map((value) => value / length)
}
