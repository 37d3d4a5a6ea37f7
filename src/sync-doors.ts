import { chunkPreparer } from './chunk-preparer.ts'
import type { EngineDeps } from './engine/handler.ts'
import { createSyncStore } from './engine/sync-store.ts'
import { systemLocks } from './platform/file-lock.ts'
import { systemRandom } from './platform/random.ts'
import { realPath } from './platform/real-path.ts'
import type { SyncDoors } from './sync/syncer.ts'

/** What carries chunks, made of what the engine has (CHK-903). */
export const syncDoors = (deps: EngineDeps): SyncDoors => ({
  store: createSyncStore(deps),
  files: deps.files,
  locks: systemLocks,
  clock: deps.clock,
  random: systemRandom,
  dataDir: deps.dataDir,
  realPath,
  preparer: chunkPreparer(deps.redactor),
})
