import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineDeps } from './engine/handler.ts'
import { createSyncStore } from './engine/sync-store.ts'
import type { SyncStore } from './model/ports.ts'
import { systemRandom } from './platform/random.ts'
import { migrations } from './store/migrations/index.ts'
import { Store } from './store/store.ts'

/** A store that holds nothing, for a while: to see what chunks make of it (CHK-704). */
export async function emptyStore(deps: EngineDeps): Promise<{ readonly store: SyncStore; close(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'engram-verify-'))
  const { clock } = deps
  const store = Store.open({ dataDir, migrations, clock, random: systemRandom, durability: 'normal' })
  return {
    store: createSyncStore({ ...deps, store }),
    close: async () => {
      await store.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
