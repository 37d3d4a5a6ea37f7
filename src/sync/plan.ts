import type { ChunkEntry, KnownChunk, Manifest } from '../model/sync.ts'
import { compareUtf8 } from '../protocol/go-json.ts'
import { isIn, type KnownChunks } from './chunk-state.ts'

/** What an import does, decided before anything is read (CHK-601). Pure. */

export type PendingChunk = {
  readonly entry: ChunkEntry
  /** What is known of it; null when it was never seen. */
  readonly known: KnownChunk | null
  readonly isListed: boolean
}

export type ImportPlan = {
  /** In the order of the manifest, then those it does not list, in the order of their ids (CHK-406c). */
  readonly pending: readonly PendingChunk[]
  readonly known: number
  /** Known by their ids alone, from another program: their hashes are still to be learned (CHK-803). */
  readonly unread: readonly ChunkEntry[]
}

export function planImport(manifest: Manifest, files: readonly string[], known: KnownChunks): ImportPlan {
  const listed = new Set(manifest.chunks.map(({ id }) => id))
  const unlisted = files.filter((id) => !listed.has(id)).sort(compareUtf8)
  const all = [
    ...manifest.chunks.map((entry) => ({ entry, isListed: true })),
    ...unlisted.map((id) => ({ entry: unlistedEntry(id), isListed: false })),
  ]
  const pending = all.flatMap(({ entry, isListed }): readonly PendingChunk[] => {
    const found = known.get(entry.id) ?? []
    if (found.some((chunk) => isKnown(chunk, entry))) return []
    return [{ entry, isListed, known: found.find((chunk) => chunk.hash === '') ?? null }]
  })
  const unread = all.flatMap(({ entry }) => {
    const found = known.get(entry.id) ?? []
    return found.some(isIn) && found.filter(isIn).every(({ hash }) => hash === '') ? [entry] : []
  })
  return { pending, known: all.length - pending.length, unread }
}

/** Known is what was taken in under its full hash, where the manifest tells it; else under its id. */
export const isKnown = (chunk: KnownChunk, entry: ChunkEntry): boolean =>
  isIn(chunk) && (entry.ext?.hash === undefined || chunk.hash === '' || entry.ext.hash === chunk.hash)

/** A chunk nobody listed says nothing of its author or its time. */
const unlistedEntry = (id: string): ChunkEntry => ({
  id,
  created_by: 'unknown',
  created_at: '',
  sessions: 0,
  memories: 0,
  prompts: 0,
})
