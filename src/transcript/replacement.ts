import { sha256OfFile } from '../platform/files.ts'
import { BlockWriter } from './block-writer.ts'
import type { Meta } from './meta.ts'
import { saveMeta } from './meta-file.ts'
import { permissionsOf, temporaryPath } from './store-context.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'
import { storageError } from './storage-error.ts'

/**
 * Puts a new transcript in place of the old one, under the session lock (TRN-702). `meta` is the present state, `fill`
 * writes the new content, `next` says the state after it. The write of meta (S3) is the commit: before it nothing
 * changed, after it the new content counts, whatever happens.
 */
export async function replaceTranscript(
  store: StoreContext,
  paths: SessionPaths,
  meta: Meta,
  fill: (writer: BlockWriter) => Promise<void>,
  next: () => Meta,
): Promise<Meta> {
  const file = `${paths.own}.${meta.rev}.${store.random.hex(8)}`
  const path = temporaryPath(store.directory, file)
  let sum: { readonly bytes: number; readonly sha256: string }
  try {
    sum = await writeNew(store, path, await permissionsOf(store, paths.transcript), fill)
  } catch (error) {
    await store.files.remove(path).catch(() => undefined)
    throw storageError(error, 'write the new transcript')
  }
  const previous = { skip: meta.skip, count: meta.count, base: meta.base }
  try {
    const committed = await saveMeta(store, paths, { ...next(), pending: { file, ...sum, previous } })
    await store.files.rename(path, paths.transcript)
    await store.files.syncDirectory(store.directory)
    return await dropPending(store, paths, committed)
  } catch (error) {
    throw storageError(error, 'replace the transcript', 'unknown')
  }
}

/** S1 and S2. The directory entry is synced too, so that what S3 names is there after a power cut. */
async function writeNew(
  store: StoreContext,
  path: string,
  permissions: number,
  fill: (writer: BlockWriter) => Promise<void>,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const file = await store.files.open(path, 'create', permissions)
  try {
    const writer = new BlockWriter((block) => file.write(block))
    await fill(writer)
    await writer.flush()
    await file.sync()
    await store.files.syncDirectory(temporaryPath(store.directory, '').slice(0, -1))
    const { size } = await file.facts()
    // Read back: the sum is of what the file holds.
    return { bytes: size, sha256: (await sha256OfFile(file, size)) ?? '' }
  } finally {
    await file.close()
  }
}

/** S5. The new state is in force already; if this fails, the next write of meta does it. */
async function dropPending(store: StoreContext, paths: SessionPaths, meta: Meta): Promise<Meta> {
  try {
    return await saveMeta(store, paths, { ...meta, pending: null })
  } catch (error) {
    store.log('replacement_note_left', { session: paths.name, reason: storageError(error, 'write meta').message })
    return meta
  }
}
