import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caller } from '../../api/caller.ts'
import { SqliteLog } from '../../live/sqlite-log.ts'
import { EngramError } from '../../model/errors.ts'
import type { ConversationArchive, SearchedConversations } from '../../model/ports.ts'
import { defaultSettings, type Settings } from '../../model/settings.ts'
import { SimulatedClock } from '../../platform/clock.ts'
import { simulatedMachine } from '../../platform/machine-clock.ts'
import { systemFiles } from '../../platform/files.ts'
import { systemGit } from '../../platform/git.ts'
import { createIds } from '../../platform/ids.ts'
import { silentLog } from '../../platform/log.ts'
import { seededRandom } from '../../platform/random.ts'
import type { Embedder } from '../../search/embedder.ts'
import { migrations } from '../../store/migrations/index.ts'
import { Store } from '../../store/store.ts'
import { Engine, type BoundHandlers } from '../engine.ts'
import type { EngineDeps } from '../handler.ts'
import { meaningDeps } from '../search-index.ts'
import { createRedactor } from '../rules/redact.ts'

/** A real engine over a real file in a directory of its own, on a clock that is turned by hand. */
export type TestEngine = {
  readonly engine: Caller
  readonly deps: EngineDeps
  readonly clock: SimulatedClock
  readonly directory: string
  close(): Promise<void>
}

export type TestEngineOptions = {
  readonly settings?: Partial<Settings>
  readonly seed?: number
  readonly bound?: Partial<BoundHandlers>
  readonly archive?: ConversationArchive
  readonly conversations?: SearchedConversations
  /** A data dir of the test's own: it is there already, and stays. */
  readonly dataDir?: string
  /** What git sees of the environment; a search path alone when not given. */
  readonly environment?: Readonly<Record<string, string>>
  readonly embedder?: Embedder
  /** Where time stands at first; the first of January 2026 when not given. */
  readonly nowMs?: number
}

const notBound = (): never => {
  throw new EngramError('not_built', 'Not bound in this test.')
}
const unbound: BoundHandlers = {
  'ingest.run': notBound,
  'transcript.list': notBound,
  'transcript.show': notBound,
  'transcript.append': notBound,
  'transcript.replace': notBound,
  'transcript.update': notBound,
  'transcript.truncate': notBound,
  'transcript.compact': notBound,
  'transcript.delete': notBound,
  'transcript.migrate': notBound,
  'transcript.verify': notBound,
  'sync.export': notBound,
  'sync.import': notBound,
  'sync.status': notBound,
  'sync.verify': notBound,
  'sync.rebuild-manifest': notBound,
  'sync.squash': notBound,
  'sync.merge-driver': notBound,
  'sync.merge-manifest': notBound,
}

export function openTestEngine(options: TestEngineOptions = {}): TestEngine {
  const directory = options.dataDir ?? mkdtempSync(join(tmpdir(), 'engram-engine-'))
  const clock = new SimulatedClock(options.nowMs)
  const random = seededRandom(options.seed ?? 1)
  const settings = { ...defaultSettings, ...options.settings }
  // Tests do not wait for the disk; what durability means is tested where it is made.
  const store = Store.open({ dataDir: directory, migrations, clock, random, durability: 'normal' })
  const deps: EngineDeps = {
    store,
    contextLog: new SqliteLog({ store, clock, machine: simulatedMachine(clock), durability: 'normal' }),
    clock,
    ids: createIds(clock, random),
    files: systemFiles,
    git: systemGit({ PATH: '/usr/bin:/bin', ...options.environment }),
    log: silentLog,
    redactor: createRedactor(),
    settings: { ...settings, durability: 'normal' },
    archive: options.archive ?? null,
    conversations: options.conversations ?? null,
    ...meaningDeps(options.embedder ?? null, store, clock, settings),
    dataDir: directory,
    homeDir: join(directory, 'home'),
    version: 'test',
  }
  return {
    engine: new Engine(deps, { ...unbound, ...options.bound }),
    deps,
    clock,
    directory,
    close: async () => {
      await store.close()
      if (options.dataDir === undefined) rmSync(directory, { recursive: true, force: true })
    },
  }
}
