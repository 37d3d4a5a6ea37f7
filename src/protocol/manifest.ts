import { limits } from '../model/limits.ts'
import type { ChunkEntry, Manifest } from '../model/sync.ts'
import { isObject } from './chunk-document.ts'
import { compareUtf8, encodeGoJson, type GoJson } from './go-json.ts'

/**
 * The index of all chunks (CHK-401). Two branches grow it side by side, so it is read by what can be found in it: every
 * well-formed entry counts, whatever stands around it (CHK-406).
 */

export type ManifestReading = {
  readonly manifest: Manifest
  /** It is JSON of the right shape, and every entry can be read. */
  readonly isSound: boolean
  /** Nothing could be made of it at all: what there is must be found by its chunks (CHK-406d). */
  readonly isLost: boolean
}

export const emptyManifest: Manifest = { version: 1, chunks: [] }

/** Two spaces a level, no newline at the end (CHK-206). */
export const encodeManifest = (manifest: Manifest): string =>
  encodeGoJson({ version: manifest.version, chunks: manifest.chunks.map(entryRow) }, { indent: 2 })

const entryRow = ({ id, created_by, created_at, sessions, memories, prompts, ext }: ChunkEntry): GoJson => ({
  id,
  created_by,
  created_at,
  sessions,
  memories,
  prompts,
  // It came from JSON, or we made it.
  ext: ext as GoJson | undefined,
})

/** Whatever can be read of a manifest (CHK-406). */
export function decodeManifest(text: string): ManifestReading {
  if (text.trim() === '') return { manifest: emptyManifest, isSound: text === '', isLost: false }
  const value = parsed(text)
  const list = isObject(value) ? value['chunks'] : undefined
  if (isObject(value) && (list === null || Array.isArray(list))) {
    const found = (list ?? []).map(toEntry)
    const entries = found.filter((entry) => entry !== null)
    const isSound = entries.length === found.length && isVersion(value['version'])
    return { manifest: { version: versionOf(value['version']), chunks: unionById(entries) }, isSound, isLost: false }
  }
  const entries = scanEntries(text)
  const isLost = entries.length === 0 && !/"chunks"/.test(text)
  return { manifest: { version: greatestVersion(text), chunks: unionById(entries) }, isSound: false, isLost }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isVersion = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1

const versionOf = (value: unknown): number => (isVersion(value) ? value : 1)

const greatestVersion = (text: string): number =>
  [...text.matchAll(/"version"\s*:\s*(\d{1,6})/g)].reduce((most, [, digits]) => Math.max(most, Number(digits)), 1)

/** Null for what is no entry; missing fields of one that has an id are filled. */
function toEntry(value: unknown): ChunkEntry | null {
  if (!isObject(value) || typeof value['id'] !== 'string' || value['id'] === '') return null
  const ext = value['ext']
  return {
    id: value['id'].slice(0, 256),
    created_by: shortText(value['created_by']) || 'unknown',
    created_at: shortText(value['created_at']),
    sessions: countOf(value['sessions']),
    memories: countOf(value['memories']),
    prompts: countOf(value['prompts']),
    ...(isObject(ext) ? { ext: toEntryExt(ext) } : {}),
  }
}

/** What a newer version put there stays; what does not fit is left out. */
function toEntryExt({
  hash,
  bytes,
  origin,
  written_at,
  ...others
}: Readonly<Record<string, unknown>>): ChunkEntry['ext'] {
  return {
    ...(typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash) ? { hash } : {}),
    ...(typeof bytes === 'number' ? { bytes: countOf(bytes) } : {}),
    ...(typeof origin === 'string' ? { origin: shortText(origin) } : {}),
    ...(typeof written_at === 'string' ? { written_at: shortText(written_at) } : {}),
    ...others,
  }
}

const shortText = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 256) : '')

const countOf = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0

/** The first of several entries with one id stays; the one with our extras tells the counts (CHK-406a). */
export function unionById(entries: readonly ChunkEntry[]): readonly ChunkEntry[] {
  const byId = new Map<string, ChunkEntry>()
  for (const entry of entries) {
    const known = byId.get(entry.id)
    if (known === undefined) byId.set(entry.id, entry)
    else if (known.ext === undefined && entry.ext !== undefined) {
      const { sessions, memories, prompts, ext } = entry
      byId.set(entry.id, { ...known, sessions, memories, prompts, ext })
    }
  }
  return [...byId.values()].slice(0, limits.manifestEntriesMax)
}

/** Entries of the common past first, then ours, then theirs (CHK-407); a version is never lowered (CHK-402). */
export const mergeManifests = (...manifests: readonly Manifest[]): Manifest => ({
  version: Math.max(1, ...manifests.map((manifest) => manifest.version)),
  chunks: unionById(manifests.flatMap((manifest) => manifest.chunks)),
})

// ── what is left of a broken one ──

/** An entry with its extras is two levels; a document of them is one more, and it is no entry. */
const heightMax = 4
const entryCharsMax = 64 * 1024

/** Lines git leaves in a file it could not merge. */
const conflictMarkers = /^(?:<{7}|\|{7}|={7}|>{7})(?:[ \t].*)?\r?$/gm

/** Every object in the text that is an entry by itself, in one pass (CHK-406b). */
function scanEntries(text: string): readonly ChunkEntry[] {
  const clean = text.replace(conflictMarkers, '')
  const entries: ChunkEntry[] = []
  const open: { readonly from: number; height: number }[] = []
  for (let at = 0; at < clean.length; at++) {
    const character = clean[at]
    if (character === '"') at = endOfString(clean, at + 1)
    else if (character === '{') open.push({ from: at, height: 1 })
    else if (character === '}') {
      const object = open.pop()
      if (object === undefined) continue
      const parent = open.at(-1)
      if (parent !== undefined) parent.height = Math.max(parent.height, object.height + 1)
      const entry = object.height > heightMax ? null : entryIn(clean, object.from, at + 1)
      if (entry !== null) entries.push(entry)
    }
  }
  return entries
}

/** Also where the line ends: no JSON string goes on in the next. */
function endOfString(text: string, from: number): number {
  let at = from
  while (at < text.length && text[at] !== '"' && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1
  return at
}

const entryIn = (text: string, from: number, to: number): ChunkEntry | null =>
  to - from > entryCharsMax ? null : toEntry(parsed(text.slice(from, to).replace(/,(?=\s*\})/g, '')))

/** What a manifest holds, in one line (CHK-905). */
export function manifestSummary(manifest: Manifest): string {
  const { chunks } = manifest
  if (chunks.length === 0) return 'No chunks synced yet.'
  const sum = (count: (entry: ChunkEntry) => number): number => chunks.reduce((total, entry) => total + count(entry), 0)
  const people = new Map<string, number>()
  for (const { created_by } of chunks) people.set(created_by, (people.get(created_by) ?? 0) + 1)
  const named = [...people].sort(([a], [b]) => compareUtf8(a, b)).map(([name, count]) => `${name} (${count} chunks)`)
  const memories = sum((entry) => entry.memories)
  const sessions = sum((entry) => entry.sessions)
  return `${chunks.length} chunks, ${memories} memories, ${sessions} sessions — contributors: ${named.join(', ')}`
}
