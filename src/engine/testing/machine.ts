import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineDeps } from '../handler.ts'
import { createRedactor } from '../rules/redact.ts'
import { SqliteLog } from '../../live/sqlite-log.ts'
import { defaultSettings } from '../../model/settings.ts'
import { SimulatedClock } from '../../platform/clock.ts'
import { simulatedMachine } from '../../platform/machine-clock.ts'
import { systemFiles } from '../../platform/files.ts'
import { systemGit } from '../../platform/git.ts'
import { createIds } from '../../platform/ids.ts'
import { silentLog } from '../../platform/log.ts'
import { seededRandom } from '../../platform/random.ts'
import { setMeta } from '../../store/change-clock.ts'
import { migrations } from '../../store/migrations/index.ts'
import { Store } from '../../store/store.ts'

/** One machine of a simulation: a real store in a folder of its own, a clock that is turned by hand, chance from a seed. */
export type Machine = {
  readonly deps: EngineDeps & { readonly clock: SimulatedClock }
  readonly store: Store
  close(): Promise<void>
}

export async function openMachine(seed: number, options: { readonly startMs?: number } = {}): Promise<Machine> {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-machine-'))
  const clock = new SimulatedClock(options.startMs ?? Date.UTC(2026, 5, 1))
  const random = seededRandom(seed + 1)
  const store = Store.open({ dataDir, migrations, clock, random, durability: 'normal' })
  await store.write((tx) => setMeta(tx, 'origin', random.hex(8)))
  const deps = {
    store,
    contextLog: new SqliteLog({ store, clock, machine: simulatedMachine(clock), durability: 'normal' }),
    clock,
    ids: createIds(clock, random),
    files: systemFiles,
    git: systemGit({}),
    log: silentLog,
    redactor: createRedactor(),
    settings: defaultSettings,
    archive: { messages: () => Promise.resolve([]), remove: () => Promise.resolve(false) },
    conversations: null,
    meaning: null,
    embedding: null,
    dataDir,
    homeDir: dataDir,
    version: '0.0.0',
  }
  return {
    deps,
    store,
    close: async () => {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
