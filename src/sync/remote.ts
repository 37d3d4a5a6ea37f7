import type { Manifest } from '../model/sync.ts'
import type { ManifestReading } from '../protocol/manifest.ts'
import type { ChunkFault } from './chunk.ts'

/** The file of a chunk, or why there is none to read. `mark` changes when the file does. */
export type ChunkFile =
  | { readonly kind: 'file'; readonly packed: Uint8Array; readonly mark: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly reason: ChunkFault; readonly mark: string }

/**
 * A place chunks lie in.
 * - A chunk that exists is never written again (CHK-103).
 * - `writeChunk` and `writeManifest` are durable when they resolve: old or new, never between.
 * - Ids that are no chunk ids are refused, not looked up (CHK-105).
 */
export interface ChunkRemote {
  /** The same for the same place, whatever way leads there. */
  readonly name: string
  readManifest(): Promise<ManifestReading>
  writeManifest(manifest: Manifest): Promise<void>
  /** Ids of the chunk files there are, in the order of their names; those of other kinds are in it too. */
  listChunks(): Promise<readonly string[]>
  hasChunk(id: string): Promise<boolean>
  /** As in {@link ChunkFile}; null when nothing is there. */
  markOf(id: string): Promise<string | null>
  readChunk(id: string): Promise<ChunkFile>
  writeChunk(id: string, packed: Uint8Array): Promise<void>
}
