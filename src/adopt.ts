import { join } from 'node:path'
import type { AdoptResult } from './api/backup.ts'
import type { Config } from './cli/config.ts'
import { EngramError } from './model/errors.ts'
import { formatTime } from './model/times.ts'
import { openEngine } from './open-engine.ts'
import { systemClock } from './platform/clock.ts'
import { systemFiles } from './platform/files.ts'
import { systemRandom } from './platform/random.ts'
import { putAdoptedChunks } from './store/chunk-index.ts'
import { copyDatabase, newBackupPath } from './store/database-copy.ts'
import { databaseKindOf } from './store/database-kind.ts'
import { sqliteCodeOf } from './store/driver.ts'
import { readGoDatabase, type GoContents } from './store/go-database.ts'

/**
 * Moves a database of the Go program in (MEM-106): locked, backed up, read, written as a new file beside it, counted,
 * and only then renamed. Nothing of the old file is changed or deleted.
 *
 *   engram.db (Go) ──copy──▶ backups/…        read ──▶ .adopt-<id>/engram.db ──counts──▶ engram.db
 *        └────────────rename──▶ engram-go-<UTC>.db
 */
export async function adopt(
  config: Config,
  options: { readonly dryRun: boolean; readonly path: string | undefined },
): Promise<AdoptResult> {
  const path = options.path ?? join(config.dataDir.value, 'engram.db')
  const kind = databaseKindOf(path).kind
  if (kind === 'ours' || kind === 'absent' || kind === 'empty') return nothingToDo(options.dryRun, kind)
  if (kind !== 'go') throw new EngramError('foreign_database', `${path} is no database of the Go program.`)
  const contents = read(path)
  const report = { dry_run: options.dryRun, era: contents.era, counts: countsOf(contents), cut: [], skipped: [] }
  if (options.dryRun) return { ...report, adopted: false, reason: 'dry run' }
  return move(config, path, contents)
}

const noCounts = { sessions: 0, observations: 0, prompts: 0, relations: 0, tombstones: 0 }

const nothingToDo = (dryRun: boolean, kind: string): AdoptResult => ({
  dry_run: dryRun,
  adopted: false,
  reason: kind === 'ours' ? 'the database is already ours' : 'there is no database of the Go program here',
  era: '',
  counts: noCounts,
  cut: [],
  skipped: [],
})

function read(path: string): GoContents {
  try {
    return readGoDatabase(path)
  } catch (error) {
    if (!/^SQLITE_(BUSY|LOCKED)/.test(sqliteCodeOf(error))) throw error
    throw new EngramError('database_in_use', `${path} is used by another program.`, { cause: error })
  }
}

const countsOf = (contents: GoContents): AdoptResult['counts'] => ({
  sessions: contents.sessions.length,
  observations: contents.observations.length,
  prompts: contents.prompts.length,
  relations: contents.relations.length,
  tombstones: contents.tombstones.length + contents.promptTombstones.length,
})

async function move(config: Config, path: string, contents: GoContents): Promise<AdoptResult> {
  const dataDir = config.dataDir.value
  const place = join(dataDir, 'engram.db')
  if (path !== place && databaseKindOf(place).kind !== 'absent') {
    throw new EngramError('conflict', `${place} exists already; a database from elsewhere is not put over it.`, {
      hint: 'Choose an empty --data-dir, export there, and import the backup here.',
    })
  }
  const unique = systemRandom.hex(8)
  const backupPath = newBackupPath(dataDir, 0, systemClock.nowMs())
  await systemFiles.makeDirectory(join(dataDir, 'backups'), 0o700)
  copyDatabase(path, backupPath, unique)
  const workshop = join(dataDir, `.adopt-${unique}`)
  const written = await writeNew(config, workshop, contents)
  checkCounts(contents, written.counts, written.skipped)
  // A database from elsewhere stays where it is; one in our place steps aside.
  const oldPath = path === place ? join(dataDir, `engram-go-${stampOf(systemClock.nowMs())}.db`) : path
  if (oldPath !== path) await stepAside(path, oldPath)
  await takePlace(workshop, dataDir)
  return {
    dry_run: false,
    adopted: true,
    era: contents.era,
    counts: written.counts,
    cut: written.cut,
    skipped: written.skipped,
    old_path: oldPath,
    backup_path: backupPath,
  }
}

const stampOf = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')

/** A new data dir beside the old file, filled through the same path as every backup. */
async function writeNew(config: Config, workshop: string, contents: GoContents) {
  const opened = await openEngine({
    dataDir: workshop,
    settings: config.settings,
    allowNetworkFs: config.allowNetworkFs.value,
  })
  try {
    const result = await opened.caller.call('backup.import', { backup: toBackup(contents) })
    const at = formatTime(systemClock.nowMs())
    await opened.deps.store.write((tx) => putAdoptedChunks(tx, contents.chunks, at))
    const count = (sql: string): number => opened.deps.store.read((tx) => tx.get<{ n: number }>(sql)?.n ?? 0)
    return {
      cut: result.cut,
      skipped: result.skipped,
      counts: {
        sessions: count('SELECT count(*) AS n FROM sessions'),
        observations: count('SELECT count(*) AS n FROM observations'),
        prompts: count('SELECT count(*) AS n FROM prompts'),
        relations: count('SELECT count(*) AS n FROM relations') + count('SELECT count(*) AS n FROM deferred'),
        tombstones: count('SELECT count(*) AS n FROM tombstones'),
      },
    }
  } finally {
    await opened.close()
  }
}

const toBackup = (contents: GoContents) => ({
  version: '0.2.0' as const,
  exported_at: formatTime(systemClock.nowMs()),
  sessions: contents.sessions,
  observations: contents.observations,
  prompts: contents.prompts,
  relations: contents.relations,
  prompt_tombstones: contents.promptTombstones,
  ext: { tombstones: contents.tombstones },
})

/** Nothing may be missing that is not named: a count that does not add up leaves the old file in place. */
function checkCounts(contents: GoContents, written: AdoptResult['counts'], skipped: AdoptResult['skipped']): void {
  const wanted = countsOf(contents)
  for (const key of ['observations', 'prompts'] as const) {
    const named = skipped.filter((one) => `${one.entity}s` === key).length
    if (written[key] + named >= wanted[key]) continue
    throw new EngramError(
      'storage_failed',
      `Expected ${wanted[key]} ${key}, wrote ${written[key]}; the old database stays as it is.`,
      {
        details: { wanted, written, skipped },
      },
    )
  }
}

/** With its WAL: a crash in between leaves old and new under clear names. */
async function stepAside(oldFile: string, aside: string): Promise<void> {
  for (const suffix of ['-wal', '-shm']) {
    if ((await systemFiles.facts(oldFile + suffix)) !== null) await systemFiles.rename(oldFile + suffix, aside + suffix)
  }
  await systemFiles.rename(oldFile, aside)
}

async function takePlace(workshop: string, dataDir: string): Promise<void> {
  for (const entry of (await systemFiles.list(workshop)) ?? []) {
    if (entry.kind === 'file' && entry.name.startsWith('engram.db')) {
      await systemFiles.rename(join(workshop, entry.name), join(dataDir, entry.name))
    }
  }
  await systemFiles.syncDirectory(dataDir)
  await removeWorkshop(workshop)
}

async function removeWorkshop(workshop: string): Promise<void> {
  for (const entry of (await systemFiles.list(workshop)) ?? []) {
    const path = join(workshop, entry.name)
    if (entry.kind === 'directory') await removeWorkshop(path)
    else await systemFiles.remove(path)
  }
  await systemFiles.removeDirectory(workshop)
}
