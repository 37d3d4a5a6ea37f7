import { sha256Hex } from '../platform/bytes.ts'
import type { OpenFile } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { isRecord } from './fields.ts'
import { storageError } from './storage-error.ts'
import { temporaryPath } from './store-context.ts'
import type { StoreContext } from './store-context.ts'
import type { SessionListing } from './store.ts'
import { factsMark, grow, nothingThere } from './touched.ts'

/**
 * What a list found, kept in `.engram/index/sessions` so that a store just opened need not read every meta file (TRN-901).
 * Derived: whoever reads it compares it with the files as it would what it remembers itself, and whatever is wrong with
 * it (cut, altered, of another version, of an earlier start of the machine) makes it nothing at all.
 *
 *   <sum> {"version":1,"boot":…,"verifiedAtMs":…,"directory":…,"isSettled":true,"touched":[…],"purged":…,"unsure":[…],"rows":50000}
 *   <sum> [[name, mark, key, createdAt, updatedAt, bytes, aliases, summary, title], …]     a thousand rows a line
 *
 * No sync: what a power cut loses is of another start of the machine, and not looked at.
 */
export type Seen = {
  readonly known: ReadonlyMap<string, Known>
  /** How the directory stood before its names were read. */
  readonly directory: string
  /** That any later change makes it look different. */
  readonly isSettled: boolean
  /** How the shares of {@link touchMarks} stood before the files were looked at. */
  readonly touched: readonly string[]
  /** How {@link purgeMark} stood: with another one it holds what was to leave no trace. */
  readonly purged: string
  /** Sessions somebody was writing meanwhile. */
  readonly unsure: ReadonlySet<string>
  /** When every single file was last looked at. */
  readonly verifiedAtMs: number
}

export type Known = {
  /** Null for a session that is going, and for what is none. */
  readonly listing: SessionListing | null
  /** What would tell that its files are others by now. */
  readonly mark: string
}

const version = 1
const rowsPerLine = 1_000
const newline = 0x0a
/** A sum and a space. */
const sumChars = 65

const pathOf = ({ directory }: StoreContext): string => `${directory}/.engram/index/sessions`

const temporaryPrefix = 'list.'

const purgesPath = ({ directory }: StoreContext): string => `${directory}/.engram/index/purges`

/** Differs after each purge, and when the folder was removed and made anew: then touches are missing. */
export const purgeMark = async (store: StoreContext): Promise<string> =>
  factsMark(await store.files.facts(purgesPath(store)))

/** Lets go of all that lists keep: summaries and titles stand there too. Whoever is about to keep an older one sees the mark. */
export async function purgeLists(store: StoreContext): Promise<void> {
  if (store.layout.isOpenToOthers) return
  await grow(store, purgesPath(store))
  const temporary = `${store.directory}/.engram/tmp`
  for (const { name } of (await store.files.list(temporary)) ?? []) {
    if (name.startsWith(temporaryPrefix)) await store.files.remove(`${temporary}/${name}`)
  }
  await store.files.remove(pathOf(store))
}

/** Null when there is none to be used. */
export async function loadSeen(store: StoreContext): Promise<Seen | null> {
  const [file] = await store.files.readMany([pathOf(store)], bounds.listIndexBytesMax)
  if (file?.bytes == null) return null
  const bytes = Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.length)
  const seen = parseSeen(bytes, { boot: store.bootId, purged: await purgeMark(store) })
  if (seen === 'damaged') store.log('list_index_damaged', { directory: store.directory })
  return seen === 'damaged' || seen === 'old' ? null : seen
}

function parseSeen(bytes: Buffer, now: Pick<Head, 'boot' | 'purged'>): Seen | 'damaged' | 'old' {
  const lines = checkedLines(bytes)
  const head = lines.next().value
  if (!isHead(head)) return 'damaged'
  if (head.version !== version || head.boot !== now.boot || head.purged !== now.purged) return 'old'
  const known = new Map<string, Known>()
  for (const rows of lines) {
    if (!Array.isArray(rows)) return 'damaged'
    for (const row of rows) {
      const read = readRow(row)
      if (read === null) return 'damaged'
      known.set(read.name, read.known)
    }
  }
  const { directory, isSettled, touched, purged, unsure, verifiedAtMs } = head
  if (known.size !== head.rows) return 'damaged'
  return { known, directory, isSettled, touched, purged, unsure: new Set(unsure), verifiedAtMs }
}

/** What each line holds; null for one that is not what was written, and then no more. */
function* checkedLines(bytes: Buffer): Generator<unknown, null> {
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline, start)
    const text = bytes.subarray(start + sumChars, Math.max(end, start + sumChars))
    if (bytes.toString('latin1', start, start + sumChars - 1) !== sha256Hex(text)) yield null
    yield parse(text.toString('utf8'))
    start = end + 1
  }
  return null
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

type Head = {
  readonly version: number
  readonly boot: string
  readonly verifiedAtMs: number
  readonly directory: string
  readonly isSettled: boolean
  readonly touched: readonly string[]
  readonly purged: string
  readonly unsure: readonly string[]
  readonly rows: number
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')

const isHead = (value: unknown): value is Head =>
  isRecord(value) &&
  typeof value['version'] === 'number' &&
  typeof value['boot'] === 'string' &&
  typeof value['verifiedAtMs'] === 'number' &&
  typeof value['rows'] === 'number' &&
  typeof value['directory'] === 'string' &&
  typeof value['isSettled'] === 'boolean' &&
  typeof value['purged'] === 'string' &&
  isTexts(value['touched']) &&
  isTexts(value['unsure'])

/** Most keys are their file's name; what is left out is 0. */
function rowOf(name: string, { listing, mark }: Known): readonly unknown[] {
  if (listing === null) return [name, mark]
  const { key, createdAt, updatedAt, bytes, aliases, summary, title } = listing
  const isNamed = name === `s-${key}`
  return [
    name,
    mark,
    isNamed ? 0 : key,
    createdAt,
    updatedAt === createdAt ? 0 : updatedAt,
    bytes,
    aliases.length === 0 ? 0 : aliases,
    summary ?? 0,
    title ?? 0,
  ]
}

const noAliases: readonly string[] = []

function readRow(row: unknown): { readonly name: string; readonly known: Known } | null {
  if (!Array.isArray(row)) return null
  const [name, mark, key, createdAt, updatedAt, bytes, aliases, summary, title]: readonly unknown[] = row
  if (typeof name !== 'string' || typeof mark !== 'string') return null
  if (row.length === 2) return { name, known: { listing: null, mark } }
  if (typeof createdAt !== 'string' || typeof bytes !== 'number') return null
  const listing: SessionListing = {
    key: typeof key === 'string' ? key : name.slice(2),
    createdAt,
    updatedAt: typeof updatedAt === 'string' ? updatedAt : createdAt,
    bytes,
    ...(typeof summary === 'string' ? { summary } : {}),
    ...(typeof title === 'string' ? { title } : {}),
    aliases: isTexts(aliases) ? aliases : noAliases,
  }
  return { name, known: { listing, mark } }
}

/**
 * Keeps it for the next store, in one step; several may do so at once. Answers what is kept, null when it could not be:
 * without it lists are only slower.
 */
export async function storeSeen(store: StoreContext, seen: Seen): Promise<Seen | null> {
  const temporary = temporaryPath(store.directory, `${temporaryPrefix}${store.random.hex(8)}`)
  try {
    await store.prepare()
    const kept = seen.purged === nothingThere ? { ...seen, purged: await firstMark(store) } : seen
    const file = await store.files.open(temporary, 'create', store.layout.filePermissions)
    try {
      await writeLines(file, kept, store.bootId)
    } finally {
      await file.close()
    }
    if ((await purgeMark(store)) === kept.purged) {
      await store.files.rename(temporary, pathOf(store))
      if ((await purgeMark(store)) === kept.purged) return kept
      await store.files.remove(pathOf(store))
    }
  } catch (error) {
    store.log('list_index_not_kept', { directory: store.directory, reason: storageError(error, 'write').message })
  }
  await store.files.remove(temporary).catch(() => undefined)
  return null
}

/** Rejects when somebody else makes it, who may be purging. */
async function firstMark(store: StoreContext): Promise<string> {
  const file = await store.files.open(purgesPath(store), 'create', store.layout.filePermissions)
  try {
    return factsMark(await file.facts())
  } finally {
    await file.close()
  }
}

/** Each line is written for itself: others get their turn in between. */
async function writeLines(file: OpenFile, seen: Seen, bootId: string): Promise<void> {
  const { known, unsure, ...rest } = seen
  const head: Head = { version, boot: bootId, ...rest, unsure: [...unsure], rows: known.size }
  await writeLine(file, head)
  let rows: (readonly unknown[])[] = []
  for (const [name, one] of newestFirst(known)) {
    rows.push(rowOf(name, one))
    if (rows.length < rowsPerLine) continue
    await writeLine(file, rows)
    rows = []
  }
  if (rows.length > 0) await writeLine(file, rows)
}

/** As lists mostly show them: putting in order what is in order takes a moment. */
function newestFirst(known: Seen['known']): (readonly [string, Known])[] {
  const updatedAt = ({ listing }: Known): string => listing?.updatedAt ?? ''
  return [...known].sort(([, a], [, b]) => (updatedAt(a) < updatedAt(b) ? 1 : updatedAt(a) > updatedAt(b) ? -1 : 0))
}

async function writeLine(file: OpenFile, value: unknown): Promise<void> {
  const text = JSON.stringify(value)
  await file.write(Buffer.from(`${sha256Hex(text)} ${text}\n`, 'utf8'))
}
