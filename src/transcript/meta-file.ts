import { EngramError } from '../model/errors.ts'
import { errorCodeOf, writeAtomic } from '../platform/files.ts'
import type { FileFacts, Files } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { emptyMeta, formatMeta, parseMeta } from './meta.ts'
import type { Meta } from './meta.ts'
import { forEachLine, readFully } from './scan.ts'
import { permissionsOf, temporaryPath } from './store-context.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'

/** A meta file as found. `facts` tell whether it was replaced since. */
export type MetaRead =
  | { readonly state: 'ok'; readonly meta: Meta; readonly facts: FileFacts }
  | { readonly state: 'missing' }
  | { readonly state: 'damaged'; readonly reason: string }

/** Reads a meta file. Refuses what is no regular file (TRN-1403); rejects only when the disk fails. */
export async function readMeta(files: Files, path: string): Promise<MetaRead> {
  const facts = await regularFacts(files, path)
  if (facts === null) return { state: 'missing' }
  if (facts.size > bounds.metaBytesMax) return { state: 'damaged', reason: 'too long' }
  let file
  try {
    file = await files.open(path, 'read')
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return { state: 'missing' }
    throw error
  }
  try {
    const opened = await file.facts()
    const bytes = await readFully(file, Buffer.allocUnsafe(Math.min(opened.size, bounds.metaBytesMax)), 0)
    const meta = parseMeta(bytes.toString('utf8'))
    return typeof meta === 'string' ? { state: 'damaged', reason: meta } : { state: 'ok', meta, facts: opened }
  } finally {
    await file.close()
  }
}

/** Facts of a regular file, null when nothing is there; anything else is refused. */
export async function regularFacts(files: Files, path: string): Promise<FileFacts | null> {
  const facts = await files.facts(path)
  if (facts !== null && facts.kind !== 'file') {
    throw new EngramError('storage_failed', `${path}: expected a regular file, found a ${facts.kind}`)
  }
  return facts
}

/** Replaces the meta file in one step, keeping the old one as `previous` (TRN-403, TRN-406). Answers what was written. */
export async function saveMeta(store: StoreContext, paths: SessionPaths, meta: Meta): Promise<Meta> {
  const next = store.layout.hasOwnFields ? { ...meta, rev: meta.rev + 1 } : withoutOwn(meta)
  await keepPrevious(store, paths)
  const unique = store.random.hex(8)
  await writeAtomic(store.files, paths.meta, Buffer.from(formatMeta(next, store.layout), 'utf8'), {
    permissions: await permissionsOf(store, paths.meta),
    unique,
    temporary: temporaryPath(store.directory, `${paths.own}.meta.${unique}`),
  })
  return next
}

/** What a layout of others has no place for: picoclaw would drop it at its next write. */
const withoutOwn = (meta: Meta): Meta => ({
  ...meta,
  rev: 0,
  base: 0,
  cuts: 0,
  title: null,
  project: null,
  sessionId: null,
})

/** Best effort: a file system without hard links only loses this second chance. */
async function keepPrevious(store: StoreContext, paths: SessionPaths): Promise<void> {
  const linked = temporaryPath(store.directory, `${paths.own}.previous.${store.random.hex(8)}`)
  try {
    await store.files.link(paths.meta, linked)
    await store.files.rename(linked, paths.previousMeta)
    // Renaming one name of a file over another of the same file does nothing at all.
    await store.files.remove(linked)
  } catch {
    return
  }
}

/**
 * A meta in place of one that cannot be read (TRN-405): from the one before it, else from the transcript. The bad file
 * is kept in quarantine. Under the session lock, unless `isDry`: then nothing is written.
 */
export async function rebuildMeta(
  store: StoreContext,
  paths: SessionPaths,
  key: string,
  options: { readonly reason: string; readonly isDry: boolean },
): Promise<Meta> {
  const previous = await readMeta(store.files, paths.previousMeta)
  const fromPrevious =
    previous.state === 'ok' && store.layout.isSameSession(previous.meta.key, key) ? previous.meta : null
  const meta = fromPrevious ?? (await metaFromTranscript(store, paths, key))
  const from = fromPrevious === null ? 'transcript' : 'previous'
  store.log('meta_rebuilt', { session: paths.name, reason: options.reason, from, lost: lossOf(from) })
  if (options.isDry) return meta
  // A second name, not a move: the target is never missing.
  await store.files.link(paths.meta, `${paths.quarantine}.meta.${store.random.hex(8)}`).catch(() => undefined)
  return saveMeta(store, paths, meta)
}

const lossOf = (from: 'previous' | 'transcript'): string =>
  from === 'previous' ? 'changes since the previous write of it' : 'summary, notes and what was hidden'

export async function metaFromTranscript(store: StoreContext, paths: SessionPaths, key: string): Promise<Meta> {
  const facts = await regularFacts(store.files, paths.transcript)
  if (facts === null) return emptyMeta(key)
  const changed = new Date(Number(facts.mtimeNs / 1_000_000n)).toISOString()
  let createdAt: string | null = null
  let count = 0
  const file = await store.files.open(paths.transcript, 'read')
  try {
    await forEachLine(file, { offset: 0, line: 1 }, facts.size, (line) => {
      count++
      const decoded = createdAt === null ? store.layout.decode(line.bytes) : null
      if (decoded?.kind === 'message') createdAt = decoded.message.created_at ?? changed
    })
  } finally {
    await file.close()
  }
  return { ...emptyMeta(key), count, createdAt: createdAt ?? changed, updatedAt: changed }
}
