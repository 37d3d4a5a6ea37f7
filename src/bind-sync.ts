import { hostname } from 'node:os'
import type { EngineDeps, Handlers } from './engine/handler.ts'
import { placeOfRead } from './engine/places.ts'
import { EngramError } from './model/errors.ts'
import type { CallContext } from './model/operation.ts'
import { systemRandom } from './platform/random.ts'
import { findSyncDir } from './sync/locate.ts'
import { installMergeDriver, mergeManifestFiles, removeMergeDriver } from './sync/merge-driver.ts'
import { Syncer, type SyncOptions } from './sync/syncer.ts'
import { usernameOf } from './sync/username.ts'
import { syncDoors } from './sync-doors.ts'

type Environment = Readonly<Record<string, string | undefined>>

type SyncName =
  | 'sync.export'
  | 'sync.import'
  | 'sync.status'
  | 'sync.verify'
  | 'sync.rebuild-manifest'
  | 'sync.squash'
  | 'sync.merge-driver'
  | 'sync.merge-manifest'

/** Operations on sync dirs: projects are found as for every read, the work is the `Syncer`'s. */
export function bindSync(environment: Environment): Handlers<SyncName> {
  const author = (given: string | undefined): string => given ?? usernameOf(environment, hostname())
  return {
    'sync.export': async (deps, input, context) => {
      const { syncer, sync_dir } = await open(deps, input)
      const { project } = await placeOfRead(deps, input)
      const options = { ...optionsOf(input, context), manifestVersion: input.manifest_version }
      return { ...(await syncer.export(author(input.created_by), project ?? '', options)), project, sync_dir }
    },
    'sync.import': async (deps, input, context) => {
      await refuseAbsent(deps, input.sync_dir)
      const { syncer, sync_dir } = await open(deps, input)
      const retryQuarantined = input.retry_quarantined
      return { ...(await syncer.import({ ...optionsOf(input, context), retryQuarantined })), sync_dir }
    },
    'sync.status': async (deps, input, context) => {
      await refuseAbsent(deps, input.sync_dir)
      const { syncer, sync_dir } = await open(deps, input)
      const { project } = await placeOfRead(deps, input)
      return { ...(await syncer.status(project ?? '', optionsOf(input, context))), sync_dir }
    },
    'sync.verify': async (deps, input, context) => {
      await refuseAbsent(deps, input.sync_dir)
      const { syncer, sync_dir } = await open(deps, input)
      const { project } = await placeOfRead(deps, input)
      const { emptyStore } = await import('./empty-store.ts')
      const empty = await emptyStore(deps)
      try {
        return { ...(await syncer.verify(empty.store, project ?? '', optionsOf(input, context))), sync_dir }
      } finally {
        await empty.close()
      }
    },
    'sync.rebuild-manifest': async (deps, input) => {
      const { syncer, sync_dir } = await open(deps, input)
      const { version, chunks } = await syncer.rebuildManifest()
      return { path: `${sync_dir}/manifest.json`, chunks: chunks.length, version }
    },
    'sync.squash': async (deps, input, context) => {
      const { project } = await placeOfRead(deps, input)
      await refuseFilled(deps, input.target)
      const syncer = new Syncer({ sync: async () => syncDoors(deps) }, input.target)
      const made = await syncer.export(author(input.created_by), project ?? '', optionsOf(input, context))
      return { ...made, project, sync_dir: input.target }
    },
    'sync.merge-driver': async (deps, input) => {
      const doors = { ...deps, random: systemRandom }
      const directory = input.directory ?? input.sync_dir
      if (directory === undefined) throw noDirectory()
      return input.remove === true
        ? removeMergeDriver(doors, directory)
        : installMergeDriver(doors, directory, 'engram')
    },
    'sync.merge-manifest': ({ files }, input) => mergeManifestFiles({ files, random: systemRandom }, input),
  }
}

type Where = { readonly directory?: string | undefined; readonly sync_dir?: string | undefined }

async function open(deps: EngineDeps, input: Where): Promise<{ readonly syncer: Syncer; readonly sync_dir: string }> {
  const found =
    input.sync_dir ??
    (input.directory === undefined ? undefined : await findSyncDir(deps.files, deps.git, input.directory))
  if (found === undefined) throw noDirectory()
  return { syncer: new Syncer({ sync: async () => syncDoors(deps) }, found), sync_dir: found }
}

const noDirectory = (): EngramError =>
  new EngramError('invalid_request', 'Expected a working directory or a sync dir.', { details: { field: 'directory' } })

type Asked = {
  readonly include_personal?: boolean | undefined
  readonly with_auto?: SyncOptions['withAuto']
  readonly dry_run?: boolean | undefined
}

function optionsOf(input: Asked, { signal, onProgress }: CallContext): SyncOptions {
  return {
    signal,
    includePersonal: input.include_personal,
    withAuto: input.with_auto,
    dryRun: input.dry_run,
    onProgress:
      onProgress === undefined
        ? undefined
        : ({ percentage }) => onProgress({ done: percentage, total: 100, what: 'reading chunks' }),
  }
}

/** A folder somebody names to read from must be there: silence about a misspelt one would pass for nothing new. */
async function refuseAbsent(deps: EngineDeps, named: string | undefined): Promise<void> {
  if (named === undefined || (await deps.files.facts(named)) !== null) return
  throw new EngramError('not_found', `There is no folder ${named}.`, { details: { field: 'sync_dir' } })
}

/** A fresh sync dir is made beside the old one, never in it (CHK-705). */
async function refuseFilled(deps: EngineDeps, target: string): Promise<void> {
  const entries = await deps.files.list(target)
  if (entries === null || entries.length === 0) return
  throw new EngramError('invalid_request', `Expected an empty folder at ${target}.`, { details: { field: 'target' } })
}
