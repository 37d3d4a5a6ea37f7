import { EngramError } from '../model/errors.ts'
import { errorCodeOf, writeAtomic } from '../platform/files.ts'
import type { Files } from '../platform/files.ts'
import type { Random } from '../platform/random.ts'
import { trashTime } from './deletion.ts'
import { formatText } from './layout.ts'
import type { Layout } from './layout.ts'
import { readMeta } from './meta-file.ts'
import { bounds } from './bounds.ts'
import { pathsOf } from './store-context.ts'
import type { StoreContext } from './store-context.ts'

const parentOf = (path: string): string => {
  const cut = path.lastIndexOf('/')
  return cut < 0 ? '.' : cut === 0 ? '/' : path.slice(0, cut)
}

/** Makes the directory and its parents, and puts their entries on the disk (TRN-106). */
export async function createDirectory(files: Files, directory: string, permissions: number): Promise<void> {
  try {
    const made: string[] = []
    for (let path = directory; (await files.facts(path)) === null; path = parentOf(path)) {
      made.push(path)
      if (path === parentOf(path)) break
    }
    await files.makeDirectory(directory, permissions)
    for (const path of made) await files.syncDirectory(parentOf(path))
  } catch (error) {
    throw new EngramError('storage_failed', `create directory ${directory}: ${errorCodeOf(error)}`, { cause: error })
  }
}

const folders = ['index', 'locks', 'previous', 'quarantine', 'tmp', 'trash']

/** What must be there before the first write; done once, and again after a failure (TRN-302, TRN-304). */
export function createPrepare(files: Files, directory: string, layout: Layout, random: Random): () => Promise<void> {
  let prepared: Promise<void> | null = null
  const own = `${directory}/.engram`
  const prepare = async (): Promise<void> => {
    for (const folder of folders) await files.makeDirectory(`${own}/${folder}`, layout.directoryPermissions)
    if ((await files.facts(`${own}/format.json`)) === null) {
      await writeAtomic(files, `${own}/format.json`, Buffer.from(formatText(layout), 'utf8'), {
        permissions: layout.filePermissions,
        unique: random.hex(8),
      })
    }
    await files.syncDirectory(own)
    await files.syncDirectory(directory)
  }
  return () => {
    prepared ??= prepare().catch((error: unknown) => {
      prepared = null
      throw error
    })
    return prepared
  }
}

/** Removes stray temporary files and old trash at open (TRN-704, TRN-1303). Never fails: upkeep waits for the next open. */
export async function sweep(store: StoreContext): Promise<void> {
  try {
    await sweepTemporary(store)
    await sweepTrash(store)
  } catch (error) {
    store.log('sweep_failed', { directory: store.directory, reason: errorCodeOf(error) })
  }
}

async function sweepTemporary(store: StoreContext): Promise<void> {
  const directory = `${store.directory}/.engram/tmp`
  for (const { name, kind } of (await store.files.list(directory)) ?? []) {
    const facts = kind === 'file' ? await store.files.facts(`${directory}/${name}`) : null
    if (facts === null || store.clock.nowMs() - Number(facts.mtimeNs / 1_000_000n) < bounds.sweepAfterMs) continue
    const session = store.layout.nameOfOwn(name.slice(0, Math.max(name.indexOf('.'), 0)))
    if (session === null) continue
    const meta = await readMeta(store.files, pathsOf(store, session).meta)
    if (meta.state === 'ok' && meta.meta.pending?.file === name) continue
    // A damaged meta may have named it.
    if (meta.state !== 'damaged') await store.files.remove(`${directory}/${name}`)
  }
}

async function sweepTrash(store: StoreContext): Promise<void> {
  const directory = `${store.directory}/.engram/trash`
  for (const { name, kind } of (await store.files.list(directory)) ?? []) {
    const atMs = kind === 'directory' ? trashTime(name) : null
    if (atMs === null || store.clock.nowMs() - atMs < bounds.trashKeptMs) continue
    for (const file of (await store.files.list(`${directory}/${name}`)) ?? []) {
      await store.files.remove(`${directory}/${name}/${file.name}`)
    }
    await store.files.removeDirectory(`${directory}/${name}`)
  }
}
