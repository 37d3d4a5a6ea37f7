import { dirname, join } from 'node:path'
import type { EngineDeps } from './engine/handler.ts'
import { createRedactor, type RedactOptions } from './engine/rules/redact.ts'
import { EngramError } from './model/errors.ts'
import { defaultSettings, type Settings } from './model/settings.ts'
import { SqliteLog } from './live/sqlite-log.ts'
import { systemClock } from './platform/clock.ts'
import { writeAtomic } from './platform/files.ts'
import { filesAtOnce } from './platform/files-at-once.ts'
import { systemGit } from './platform/git.ts'
import { createIds } from './platform/ids.ts'
import { silentLog } from './platform/log.ts'
import { systemRandom } from './platform/random.ts'
import { databaseKindOf } from './store/database-kind.ts'
import { migrations } from './store/migrations/index.ts'
import { databasePath } from './store/open-database.ts'
import { Store } from './store/store.ts'
import { programVersion } from './version.ts'

export type HookSurroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly homeDir: string
  /** The agent: hooks and its MCP server are both its children. */
  readonly agentPid: number
  /** All that was given to the process; throws over so many bytes. */
  readonly input: (bytesMax: number) => Uint8Array
  /** How the program itself is started. */
  readonly executable: readonly string[]
}

/** The doors of an engine, but for the store. */
export type HookDoors = Omit<EngineDeps, 'store' | 'contextLog'>

/** The doors of an engine without the engine: a hook calls two or three handlers, and has no time to read the others. */
export async function hookDoors(dataDir: string, around: HookSurroundings): Promise<HookDoors> {
  const [clock, random] = [systemClock, systemRandom]
  const config = await configOf(dataDir, around)
  return {
    clock,
    ids: createIds(clock, random),
    files: filesAtOnce,
    git: systemGit(around.environment),
    log: silentLog,
    redactor: createRedactor(config.redact),
    settings: config.settings,
    archive: null,
    conversations: null,
    meaning: null,
    embedding: null,
    dataDir,
    homeDir: around.homeDir,
    version: programVersion(),
  }
}

/** Opens the store. Throws where it cannot be opened in a moment, as behind a change of the schema that is due. */
export function openHookStore(doors: HookDoors): EngineDeps {
  const kind = databaseKindOf(databasePath(doors.dataDir, 'engram.db'))
  if (kind.kind === 'ours' && kind.schema < migrations.length) {
    throw new EngramError('storage_busy', 'The memory is of an older version; the next command or server brings it up.')
  }
  const store = Store.open({
    dataDir: doors.dataDir,
    migrations,
    clock: doors.clock,
    random: systemRandom,
    durability: 'normal',
    program: `engram ${doors.version}`,
    allowNetworkFs: false,
    readOnly: false,
  })
  const contextLog = new SqliteLog({ store, clock: doors.clock, durability: doors.settings.durability })
  return { ...doors, store, contextLog }
}

type HookConfig = { readonly settings: Settings; readonly redact: RedactOptions }

/**
 * Most data dirs hold no `config.yaml`; where one is, its redaction counts here too. What it says is kept beside the hooks
 * until the file changes: to read YAML costs more than most hooks do.
 */
async function configOf(dataDir: string, around: HookSurroundings): Promise<HookConfig> {
  const facts = await filesAtOnce.facts(join(dataDir, 'config.yaml'))
  if (facts === null) return { redact: {}, settings: defaultSettings }
  const state = `${programVersion()} ${facts.mtimeNs} ${facts.size} ${facts.inode}`
  const path = join(dataDir, 'hooks', 'config.json')
  const known = await knownConfig(path, state)
  if (known !== null) return known
  const { readConfig } = await import('./cli/config.ts')
  const terminal = { environment: around.environment, homeDir: around.homeDir, directory: dataDir }
  const { settings, redact } = await readConfig(terminal, { dataDir }, { forServer: false })
  // The facts of a link say nothing of the file it leads to.
  if (facts.kind === 'file') await keepConfig(path, { state, settings, redact })
  return { settings, redact }
}

async function knownConfig(path: string, state: string): Promise<HookConfig | null> {
  try {
    const bytes = await filesAtOnce.readBytes(path)
    // Written by `keepConfig` alone, whole or not at all.
    const kept = bytes === null ? null : (JSON.parse(new TextDecoder().decode(bytes)) as HookConfig & { state: string })
    if (kept?.state !== state) return null
    return { settings: { ...defaultSettings, ...kept.settings }, redact: kept.redact }
  } catch {
    return null
  }
}

async function keepConfig(path: string, config: HookConfig & { readonly state: string }): Promise<void> {
  try {
    await filesAtOnce.makeDirectory(dirname(path), 0o700)
    const options = { permissions: 0o600, unique: String(systemClock.monotonicMs()), isSynced: false }
    await writeAtomic(filesAtOnce, path, new TextEncoder().encode(JSON.stringify(config)), options)
  } catch {
    // Then the next hook reads the file itself again.
  }
}
