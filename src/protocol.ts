/** The pure half of chunks: documents and manifests as bytes and back, in any runtime; no file and no store (CHK-906). */
export { decodeDocument, encodeDocument } from './protocol/chunk-document.ts'
export type {
  ChunkData,
  ChunkDocument,
  DocumentFault,
  DocumentLimits,
  DocumentReading,
} from './protocol/chunk-document.ts'
export { recordsOf, type ChunkRecords } from './protocol/chunk-records.ts'
export { encodeGoJson, type GoJson, type GoJsonOptions } from './protocol/go-json.ts'
export {
  decodeManifest,
  encodeManifest,
  manifestSummary,
  mergeManifests,
  type ManifestReading,
} from './protocol/manifest.ts'
export type { ChunkEntry, Manifest } from './model/sync.ts'
