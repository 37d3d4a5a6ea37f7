import { isMissing, sha256OfFile } from '../platform/files.ts'
import type { Files, OpenFile } from '../platform/files.ts'
import type { Meta, Pending } from './meta.ts'
import { saveMeta } from './meta-file.ts'
import { temporaryPath } from './store-context.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'

/**
 * What a replacement under way means (TRN-703).
 *
 *   file there, size and sum right  → `take`: it is the transcript
 *   file there, wrong               → `restore`: as before the replacement
 *   file gone, transcript begins with its bytes → `done`
 *   file gone, otherwise            → `restore`
 */
export type Verdict = 'take' | 'done' | 'restore'

export async function judgePending(store: StoreContext, paths: SessionPaths, pending: Pending): Promise<Verdict> {
  const path = temporaryPath(store.directory, pending.file)
  const waiting = await openOrNull(store.files, path)
  if (waiting !== null) return (await hasSum(waiting, pending, true)) ? 'take' : 'restore'
  const transcript = await openOrNull(store.files, paths.transcript)
  return transcript !== null && (await hasSum(transcript, pending, false)) ? 'done' : 'restore'
}

async function openOrNull(files: Files, path: string): Promise<OpenFile | null> {
  try {
    return await files.open(path, 'read')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

async function hasSum(file: OpenFile, pending: Pending, isWhole: boolean): Promise<boolean> {
  try {
    const { size } = await file.facts()
    if (isWhole && size !== pending.bytes) return false
    return (await sha256OfFile(file, pending.bytes)) === pending.sha256
  } finally {
    await file.close()
  }
}

/** The meta once the verdict is carried out: new counts, or those of before. */
export const settledMeta = (meta: Meta, verdict: Verdict): Meta =>
  verdict === 'restore' ? { ...meta, ...meta.pending?.previous, pending: null } : { ...meta, pending: null }

/** Carries the verdict out, under the session lock. Doing it again after a crash gives the same. */
export async function settlePending(store: StoreContext, paths: SessionPaths, meta: Meta): Promise<Meta> {
  if (meta.pending === null) return meta
  const verdict = await judgePending(store, paths, meta.pending)
  const waiting = temporaryPath(store.directory, meta.pending.file)
  if (verdict === 'take') {
    await store.files.rename(waiting, paths.transcript)
    await store.files.syncDirectory(store.directory)
  } else if (verdict === 'restore') {
    store.log('replacement_undone', { session: paths.name })
    const isThere = (await store.files.facts(waiting)) !== null
    if (isThere) await store.files.rename(waiting, `${paths.quarantine}.pending.${store.random.hex(8)}`)
  }
  return saveMeta(store, paths, settledMeta(meta, verdict))
}
