import { epochAfterUnreadable, nextEpoch } from '../store/log-meta.ts'
import type { BackupFile } from '../api/backup.ts'
import { EngramError } from '../model/errors.ts'
import { formatTime } from '../model/times.ts'
import {
  backupPaths,
  bytesOfCopy,
  copyDatabase,
  inspectCopy,
  newBackupPath,
  replaceDatabase,
  schemaOfCopy,
} from '../store/database-copy.ts'
import { newestSchema } from '../store/migrate.ts'
import { migrations } from '../store/migrations/index.ts'
import type { EngineDeps, Handlers } from './handler.ts'

/** Copies of the database file itself (MEM-1004). */
export const backupFileHandlers: Handlers<'backup.create' | 'backup.list' | 'backup.verify' | 'backup.restore'> = {
  'backup.create': async (deps, input) => {
    await deps.store.drain()
    // What cannot be opened cannot be copied as a database, and says so itself.
    deps.store.read(() => undefined)
    const { schema } = deps.store.stats()
    const path = input.path ?? newBackupPath(deps.dataDir, schema, deps.clock.nowMs())
    copyDatabase(deps.store.path, path, deps.ids.ulid())
    return { path, bytes: bytesOfCopy(path), created_at: formatTime(deps.clock.nowMs()), schema }
  },
  'backup.list': async (deps) => {
    const files = await Promise.all(backupPaths(deps.dataDir).map((path) => fileOf(deps, path)))
    return files.toReversed()
  },
  'backup.verify': async (deps, input) => {
    const { problems, ...report } = inspectCopy(input.path)
    const file = await fileOf(deps, input.path)
    return { ...file, ...report, ok: problems.length === 0, problems }
  },
  'backup.restore': (deps, input) => restore(deps, input.path, input.confirmed === true),
}

async function fileOf(deps: EngineDeps, path: string): Promise<BackupFile> {
  const facts = await deps.files.facts(path)
  const createdAt = facts === null ? '' : formatTime(Number(facts.mtimeNs / 1_000_000n))
  return { path, bytes: bytesOfCopy(path), created_at: createdAt, schema: schemaOfCopy(path) }
}

/**
 * Puts a verified copy in place of the database; the present one is kept beside the other copies. It closes the store,
 * since a file that is open cannot be replaced: whoever asked opens the data dir anew. It asks nothing of the present
 * database, which may be the one that cannot be opened (MEM-1104).
 */
async function restore(deps: EngineDeps, path: string, isConfirmed: boolean) {
  const { problems, schema } = inspectCopy(path)
  if (problems.length > 0) {
    throw new EngramError('database_corrupt', `${path} cannot be restored: ${problems[0]}.`, {
      details: { path, problems },
      hint: 'Choose another copy: `engram backup list`.',
    })
  }
  if (schema > newestSchema(migrations)) {
    throw new EngramError('newer_schema', `${path} has schema ${schema}, newer than this program's.`, {
      details: { path },
    })
  }
  if (!isConfirmed) {
    throw new EngramError('confirmation_required', `The database will be replaced by ${path}; the present one is kept.`)
  }
  const present = deps.store.hasOpened ? deps.store.stats().schema : 'unreadable'
  const previous = newBackupPath(deps.dataDir, present, deps.clock.nowMs())
  const next = deps.store.hasOpened
    ? deps.store.read((tx) => nextEpoch(tx, deps.clock.nowMs()))
    : epochAfterUnreadable(deps.clock.nowMs())
  await deps.store.close()
  replaceDatabase(deps.store.path, path, previous, deps.ids.ulid(), next)
  return { restored_from: path, previous }
}
