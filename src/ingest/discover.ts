import { errorCodeOf } from '../platform/files.ts'
import type { FileFacts, Files } from '../platform/files.ts'
import type { Environment, FileMatch, Reader, SkipReason } from './readers/reader.ts'

export type TranscriptFile = {
  readonly agent: string
  readonly path: string
  readonly facts: FileFacts
  readonly sidechainOf: string | null
  readonly agentId: string | null
}

export type SkippedFile = { readonly path: string; readonly reason: SkipReason; readonly detail: string }

export type Discovered = {
  /** In the order they are to be read (ING-DIS-5). */
  readonly files: readonly TranscriptFile[]
  readonly skipped: readonly SkippedFile[]
  /** Where it looked, and which of these exist (ING-CLI-4). */
  readonly looked: readonly string[]
  readonly found: readonly string[]
}

/** Where to look: each reader's own folders, or the given files and folders instead (ING-CLI-2). */
export type Where =
  | { readonly kind: 'roots'; readonly env: Environment; readonly home: string }
  | { readonly kind: 'paths'; readonly paths: readonly string[] }

type Found = { readonly file: TranscriptFile; readonly folder: string }

/** Deeper folders are none of any agent's; it also bounds a hostile tree. */
const depthMax = 12

/**
 * The transcript files of all readers (ING-DIS-1..5). Links are not followed. What cannot be read is named and left out;
 * it never ends the search.
 */
export async function discover(files: Files, readers: readonly Reader[], where: Where): Promise<Discovered> {
  const search = createSearch(files)
  if (where.kind === 'roots') {
    for (const reader of readers) {
      for (const root of reader.roots(where.env, where.home)) await search.look(root, [reader])
    }
  } else {
    for (const path of where.paths) await search.look(path, readers)
  }
  return {
    files: inOrder([...search.found.values()]),
    skipped: search.skipped,
    looked: search.looked,
    found: search.exist,
  }
}

/** Folders with the newest activity first, inside a folder the oldest file first (ING-DIS-5). */
function inOrder(found: readonly Found[]): readonly TranscriptFile[] {
  const newest = new Map<string, bigint>()
  for (const { file, folder } of found) {
    const seen = newest.get(folder)
    if (seen === undefined || file.facts.mtimeNs > seen) newest.set(folder, file.facts.mtimeNs)
  }
  const compare = (a: Found, b: Found): number =>
    descending(newest.get(a.folder) ?? 0n, newest.get(b.folder) ?? 0n) ||
    byText(a.folder, b.folder) ||
    descending(b.file.facts.mtimeNs, a.file.facts.mtimeNs) ||
    byText(a.file.path, b.file.path)
  return [...found].sort(compare).map(({ file }) => file)
}

const descending = (a: bigint, b: bigint): number => (a === b ? 0 : a > b ? -1 : 1)

const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/** The reader whose name pattern it is, else the first that takes it. */
function matchOf(
  readers: readonly Reader[],
  path: string,
): { readonly reader: Reader; readonly match: FileMatch } | null {
  let first: { readonly reader: Reader; readonly match: FileMatch } | null = null
  for (const reader of readers) {
    const match = reader.matches(path)
    if (match === null) continue
    if (match.kind === 'skip' || match.isCertain) return { reader, match }
    first ??= { reader, match }
  }
  return first
}

type Search = {
  readonly found: Map<string, Found>
  readonly skipped: SkippedFile[]
  readonly looked: string[]
  readonly exist: string[]
  look(path: string, readers: readonly Reader[]): Promise<void>
}

function createSearch(files: Files): Search {
  const found = new Map<string, Found>()
  const skipped: SkippedFile[] = []
  const looked: string[] = []
  const exist: string[] = []
  const skip = (path: string, reason: SkipReason, detail = ''): void => {
    skipped.push({ path, reason, detail })
  }
  const isRead = async <T>(path: string, work: () => Promise<T | null>): Promise<T | null> => {
    try {
      return await work()
    } catch (error) {
      skip(path, 'unreadable', errorCodeOf(error))
      return null
    }
  }
  const takeFile = async (path: string, readers: readonly Reader[]): Promise<void> => {
    const matched = matchOf(readers, path)
    if (matched === null || found.has(path)) return
    const { reader, match } = matched
    if (match.kind === 'skip') return skip(path, match.reason)
    const facts = await isRead(path, () => files.facts(path))
    if (facts === null) return
    if (facts.kind === 'symlink') return skip(path, 'symlink')
    if (facts.kind !== 'file') return
    const { sidechainOf, agentId, folder } = match
    found.set(path, { file: { agent: reader.agent, path, facts, sidechainOf, agentId }, folder })
  }
  const walk = async (directory: string, readers: readonly Reader[], depth: number): Promise<void> => {
    const entries = await isRead(directory, () => files.list(directory))
    for (const entry of entries ?? []) {
      const path = `${directory}/${entry.name}`
      const entering = entry.kind === 'directory' ? readers.filter((reader) => reader.enters(entry.name)) : []
      if (entering.length > 0 && depth < depthMax) await walk(path, entering, depth + 1)
      if (entry.kind === 'file' || entry.kind === 'symlink') await takeFile(path, readers)
    }
  }
  const look = async (given: string, readers: readonly Reader[]): Promise<void> => {
    const path = given.length > 1 ? given.replace(/[/\\]$/, '') : given
    looked.push(path)
    const facts = await isRead(path, () => files.facts(path))
    if (facts === null) return
    exist.push(path)
    if (facts.kind === 'file' && matchOf(readers, path) === null) skip(path, 'no-transcript')
    else if (facts.kind === 'file') await takeFile(path, readers)
    // A root may itself be a link (a home kept elsewhere); links below it are not followed.
    else await walk(path, readers, 0)
  }
  return { found, skipped, looked, exist, look }
}
