import type { ChunkEntry, Manifest } from '../model/sync.ts'
import { isObject, type ChunkDocument } from '../protocol/chunk-document.ts'
import { unionById } from '../protocol/manifest.ts'
import { decodeNamedChunk } from './chunk.ts'
import { planImport } from './plan.ts'
import type { ChunkRemote } from './remote.ts'

/**
 * The manifest as the chunks themselves tell it (CHK-406): what is listed stays in its order, what is not follows, and the
 * counts are those of the documents. Entries whose chunk is not there stay as they are; chunks that cannot be read are
 * not listed anew.
 */
export async function rebuiltManifest(remote: ChunkRemote, known: Manifest): Promise<Manifest> {
  const entries: ChunkEntry[] = []
  for (const { entry, isListed } of planImport(known, await remote.listChunks(), new Map()).pending) {
    const rebuilt = await rebuiltEntry(remote, entry)
    if (rebuilt !== null || isListed) entries.push(rebuilt ?? entry)
  }
  return { version: known.version, chunks: unionById(entries) }
}

async function rebuiltEntry(remote: ChunkRemote, entry: ChunkEntry): Promise<ChunkEntry | null> {
  const file = await remote.readChunk(entry.id)
  if (file.kind !== 'file') return null
  const reading = await decodeNamedChunk(file.packed, entry.id, undefined)
  if (!reading.ok) return null
  const { document, hash, bytes } = reading
  const { origin, written_at: writtenAt } = document.ext
  const isOurs = typeof origin === 'string' && typeof writtenAt === 'string'
  return {
    ...entry,
    created_at: entry.created_at === '' ? createdAtOf(document) : entry.created_at,
    sessions: document.sessions.length,
    memories: document.observations.length,
    prompts: document.prompts.length,
    ...(isOurs ? { ext: { written_at: writtenAt, ...entry.ext, hash, bytes, origin } } : {}),
  }
}

/** Our documents say when they were made; of others the newest row tells it as well as anything can. */
function createdAtOf(document: ChunkDocument): string {
  const written = document.ext['written_at']
  if (typeof written === 'string') return `${written.slice(0, 19)}Z`
  const times = [...document.sessions, ...document.observations, ...document.prompts].flatMap((row) =>
    ['started_at', 'created_at', 'updated_at'].flatMap((key) => {
      const time = isObject(row) ? row[key] : undefined
      return typeof time === 'string' && /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/.test(time) ? [time.slice(0, 19)] : []
    }),
  )
  const newest = times.sort().at(-1)
  return newest === undefined ? '1970-01-01T00:00:00Z' : `${newest.replace(' ', 'T')}Z`
}
