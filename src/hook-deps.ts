import type { EngineDeps } from './engine/handler.ts'
import { createRedactor } from './engine/rules/redact.ts'
import { defaultSettings } from './model/settings.ts'
import { SqliteLog } from './live/sqlite-log.ts'
import { systemClock } from './platform/clock.ts'
import { systemFiles } from './platform/files.ts'
import { systemGit } from './platform/git.ts'
import { createIds } from './platform/ids.ts'
import { silentLog } from './platform/log.ts'
import { systemRandom } from './platform/random.ts'
import { migrations } from './store/migrations/index.ts'
import { Store } from './store/store.ts'
import { programVersion } from './version.ts'

export type HookSurroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly homeDir: string
  /** The agent: hooks and its MCP server are both its children. */
  readonly agentPid: number
  readonly input: AsyncIterable<Uint8Array>
}

/** The doors of an engine without the engine: a hook calls two or three handlers, and has no time to read the others. */
export async function openHookDeps(dataDir: string, around: HookSurroundings): Promise<EngineDeps> {
  const [clock, random] = [systemClock, systemRandom]
  const config = await configOf(dataDir, around)
  const store = Store.open({
    dataDir,
    migrations,
    clock,
    random,
    durability: 'normal',
    program: `engram ${programVersion()}`,
    allowNetworkFs: false,
    readOnly: false,
  })
  return {
    store,
    contextLog: new SqliteLog({ store, clock, durability: config.settings.durability }),
    clock,
    ids: createIds(clock, random),
    files: systemFiles,
    git: systemGit(around.environment),
    log: silentLog,
    redactor: createRedactor(config.redact),
    settings: config.settings,
    archive: null,
    meaning: null,
    embedding: null,
    dataDir,
    homeDir: around.homeDir,
    version: programVersion(),
  }
}

/** Most data dirs hold no `config.yaml`; where one is, its redaction counts here too. */
async function configOf(dataDir: string, { environment, homeDir }: HookSurroundings) {
  const isThere = (await systemFiles.facts(`${dataDir}/config.yaml`)) !== null
  if (!isThere) return { redact: {}, settings: defaultSettings }
  const { readConfig } = await import('./cli/config.ts')
  return readConfig({ environment, homeDir, directory: dataDir }, { dataDir }, { forServer: false })
}
