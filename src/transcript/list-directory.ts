import { rebuildMeta, readMeta } from './meta-file.ts'
import { laterTime } from './listing.ts'
import type { Meta } from './meta.ts'
import { pathsOf } from './store-context.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'
import type { SessionListing } from './store.ts'

const atOnce = 16

/** Every session of the directory, also those without a meta file or with a damaged one (TRN-1301). */
export async function listDirectory(store: StoreContext): Promise<SessionListing[]> {
  const entries = (await store.files.list(store.directory)) ?? []
  const names = new Set<string>()
  for (const { name, kind } of entries) {
    const match = /^(.*?)(?:\.meta\.json|\.jsonl)$/.exec(name)
    if (kind === 'file' && match?.[1] !== undefined && store.layout.isName(match[1])) names.add(match[1])
  }
  const all: SessionListing[] = []
  const waiting = [...names]
  const work = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const listing = await listingOf(store, pathsOf(store.directory, name))
      if (listing !== null) all.push(listing)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return all
}

async function listingOf(store: StoreContext, paths: SessionPaths): Promise<SessionListing | null> {
  const meta = await metaOf(store, paths)
  if (meta === 'deleted') return null
  const transcript = await store.files.facts(paths.transcript)
  const facts = transcript ?? (await store.files.facts(paths.meta))
  // It went while we looked.
  if (facts === null) return null
  const changed = new Date(Number(facts.mtimeNs / 1_000_000n)).toISOString()
  const createdAt = meta?.createdAt ?? ''
  return {
    key: meta?.key ?? store.layout.keyOf(paths.name) ?? paths.name,
    createdAt: createdAt === '' ? changed : laterTime(createdAt, ''),
    updatedAt:
      transcript === null && (meta?.updatedAt ?? '') !== ''
        ? laterTime(meta?.updatedAt ?? '', '')
        : laterTime(meta?.updatedAt ?? '', changed),
    bytes: transcript?.size ?? 0,
    ...(meta === null || meta.summary === '' ? {} : { summary: meta.summary }),
    ...(meta?.title == null ? {} : { title: meta.title }),
    aliases: meta?.aliases ?? [],
  }
}

async function metaOf(store: StoreContext, paths: SessionPaths): Promise<Meta | 'deleted' | null> {
  const read = await readMeta(store.files, paths.meta)
  if (read.state === 'missing') return null
  if (read.state === 'ok') return read.meta.deleting === null ? read.meta : 'deleted'
  const key = store.layout.keyOf(paths.name) ?? paths.name
  return rebuildMeta(store, paths, key, { reason: read.reason, isDry: true })
}
