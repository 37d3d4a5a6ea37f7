import type { Migration } from '../migrate.ts'
import { records } from './0001-records.ts'
import { index } from './0002-index.ts'
import { ingest } from './0003-ingest.ts'
import { merging } from './0004-merging.ts'
import { vectors } from './0005-vectors.ts'
import { live } from './0006-live.ts'
import { chunks } from './0007-chunks.ts'
import { kinds } from './0008-kinds.ts'
import { sharedWrites } from './0009-shared-writes.ts'
import { largerSegments } from './0010-larger-segments.ts'
import { shortHashes } from './0011-short-hashes.ts'

/** All schema steps in order; forward only. A released step is never edited: a change is a new step. */
export const migrations: readonly Migration[] = [
  records,
  index,
  ingest,
  merging,
  vectors,
  live,
  chunks,
  kinds,
  sharedWrites,
  largerSegments,
  shortHashes,
]
