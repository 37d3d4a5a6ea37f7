import { writeAtomic } from '../platform/files.ts'
import { purgeLists } from './list-index.ts'
import { formatMeta } from './meta.ts'
import type { Meta } from './meta.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'

/** Where a deleted session goes, sortable by time. */
export const trashName = (store: StoreContext, paths: SessionPaths): string =>
  `${store.clock.nowMs().toString().padStart(15, '0')}-${store.random.hex(4)}-${paths.own}`

/** When a trash directory was made, or null when the name is not ours. */
export function trashTime(name: string): number | null {
  const match = /^(\d{15})-[0-9a-f]{8}-s-/.exec(name)
  return match === null ? null : Number(match[1])
}

/**
 * Finishes a deletion whose commit is `deleting` in the meta file: that file goes last, so doing it again after a crash
 * gives the same.
 */
export async function finishDeletion(store: StoreContext, paths: SessionPaths, meta: Meta): Promise<void> {
  if (meta.deleting === null) return
  if (meta.deleting === '') await purge(store, paths)
  else await moveToTrash(store, paths, meta, meta.deleting)
  await store.files.remove(paths.previousMeta)
  await store.files.remove(paths.meta)
  await store.files.syncDirectory(store.directory)
}

async function purge(store: StoreContext, paths: SessionPaths): Promise<void> {
  await purgeLists(store)
  await store.files.remove(paths.transcript)
  const directory = `${store.directory}/.engram/quarantine`
  for (const { name } of (await store.files.list(directory)) ?? []) {
    if (name.startsWith(`${paths.own}.`)) await store.files.remove(`${directory}/${name}`)
  }
  const temporary = `${store.directory}/.engram/tmp`
  for (const { name } of (await store.files.list(temporary)) ?? []) {
    if (name.startsWith(`${paths.own}.`)) await store.files.remove(`${temporary}/${name}`)
  }
}

async function moveToTrash(store: StoreContext, paths: SessionPaths, meta: Meta, trash: string): Promise<void> {
  const directory = `${store.directory}/.engram/trash/${trash}`
  await store.files.makeDirectory(directory, store.layout.directoryPermissions)
  if ((await store.files.facts(paths.transcript)) !== null) {
    await store.files.rename(paths.transcript, `${directory}/${paths.name}.jsonl`)
  }
  await writeAtomic(
    store.files,
    `${directory}/${paths.name}.meta.json`,
    Buffer.from(formatMeta({ ...meta, deleting: null }, store.layout), 'utf8'),
    { permissions: store.layout.filePermissions, unique: store.random.hex(8) },
  )
  await store.files.syncDirectory(`${store.directory}/.engram/trash`)
}
