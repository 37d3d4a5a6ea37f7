/**
 * For tests of programs that embed Engram: time and chance that are turned by hand, files that fail on demand, vectors
 * without a model.
 */
export { SimulatedClock, type Clock } from './platform/clock.ts'
export { FaultyFiles } from './platform/faulty-files.ts'
export { seededRandom, type Random } from './platform/random.ts'
export { hashingEmbedder } from './search/embedders/hashing.ts'
export type { Embedder } from './search/embedder.ts'
