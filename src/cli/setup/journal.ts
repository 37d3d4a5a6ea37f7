import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withoutChange, type Change } from './edit.ts'
import type { PlannedEdit } from './plan.ts'
import { sha256Hex } from '../../platform/bytes.ts'

/** One edit as it was made (MEM-1504). */
export type JournalEntry = {
  readonly at: string
  readonly agent: string
  readonly path: string
  readonly kind: 'made' | 'changed'
  readonly before_sha256: string
  readonly after_sha256: string
  /** The whole file as it was; null where there was none. */
  readonly before: string | null
  readonly changes: readonly Change[]
  /** Folders that had to be made, the outermost first. */
  readonly folders: readonly string[]
}

export type Undo = {
  readonly path: string
  readonly agent: string
  /** `restored`: the very bytes · `removed`: the file was ours · `cleaned`: changed since, only ours is out · `gone`. */
  readonly how: 'restored' | 'removed' | 'cleaned' | 'gone'
}

const journalPath = (dataDir: string): string => join(dataDir, 'setup', 'journal.jsonl')

/** Notes an edit, then makes it: a crash between the two leaves a note whose undoing changes nothing. */
export function applyEdit(dataDir: string, edit: PlannedEdit, at: string): void {
  const folders = missingFolders(dirname(edit.path))
  mkdirSync(join(dataDir, 'setup'), { recursive: true, mode: 0o700 })
  const entry: JournalEntry = {
    at,
    agent: edit.agent,
    path: edit.path,
    kind: edit.before === null ? 'made' : 'changed',
    before_sha256: sha256Hex(edit.before ?? ''),
    after_sha256: sha256Hex(edit.after),
    before: edit.before,
    changes: edit.changes,
    folders,
  }
  const entries = readJournal(dataDir)
  writeJournal(dataDir, withEntry(entries, entry))
  try {
    mkdirSync(dirname(edit.path), { recursive: true })
    replaceFile(edit.path, edit.after)
  } catch (error) {
    writeJournal(dataDir, entries)
    throw error
  }
}

/** What follows upon our own last edit of the same file, and nobody's in between, is one edit with it. */
function withEntry(entries: readonly JournalEntry[], entry: JournalEntry): readonly JournalEntry[] {
  const last = entries.findLast(({ path }) => path === entry.path)
  const isOneWith = last?.agent === entry.agent && last.after_sha256 === entry.before_sha256
  if (last === undefined || !isOneWith) return [...entries, entry]
  const { kind, before, before_sha256, folders } = last
  return entries.map((one) => (one === last ? { ...entry, kind, before, before_sha256, folders } : one))
}

function missingFolders(directory: string): readonly string[] {
  if (existsSync(directory)) return []
  return [...missingFolders(dirname(directory)), directory]
}

/** The whole file or none of it, with the permissions it had. */
function replaceFile(path: string, text: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0o600
  const next = `${path}.engram-${process.pid}`
  try {
    writeFileSync(next, text, { mode: mode & 0o777, flag: 'wx', flush: true })
    renameSync(next, path)
  } catch (error) {
    rmSync(next, { force: true })
    throw error
  }
}

export function readJournal(dataDir: string): readonly JournalEntry[] {
  if (!existsSync(journalPath(dataDir))) return []
  const lines = readFileSync(journalPath(dataDir), 'utf8').split('\n')
  // Written by `applyEdit` alone, each line whole.
  return lines.flatMap((line) => (line === '' ? [] : [JSON.parse(line) as JournalEntry]))
}

function writeJournal(dataDir: string, entries: readonly JournalEntry[]): void {
  if (entries.length === 0) return rmSync(journalPath(dataDir), { force: true })
  replaceFile(journalPath(dataDir), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
}

/** Undoes these edits, the newest first (MEM-1504). */
export function undoSetup(
  dataDir: string,
  isWanted: (entry: JournalEntry) => boolean,
  options: { readonly dryRun: boolean },
): readonly Undo[] {
  const entries = readJournal(dataDir)
  const pending = new Map<string, string | null>()
  const undone = entries.filter(isWanted).toReversed()
  const results = undone.map((entry) => undoEntry(entry, pending))
  if (options.dryRun) return results
  for (const [path, text] of pending) {
    if (text === null) rmSync(path, { force: true })
    else replaceFile(path, text)
  }
  for (const entry of undone) removeFolders(entry.folders)
  writeJournal(
    dataDir,
    entries.filter((entry) => !isWanted(entry)),
  )
  return results
}

/** What undoing leaves is kept in `pending`, so that the edits of one file are undone one after the other. */
function undoEntry(entry: JournalEntry, pending: Map<string, string | null>): Undo {
  const { path, agent, before } = entry
  const now = pending.has(path) ? pending.get(path) : existsSync(path) ? readFileSync(path, 'utf8') : null
  if (now === null || now === undefined) return { path, agent, how: 'gone' }
  const isUntouched = sha256Hex(now) === entry.after_sha256
  if (isUntouched || sha256Hex(now) === entry.before_sha256) {
    pending.set(path, before)
    return { path, agent, how: before === null ? 'removed' : 'restored' }
  }
  const cleaned = entry.changes.toReversed().reduce((text, change) => cleanedOf(text, change, before ?? ''), now)
  const isOnlyOurs = before === null && ['', '{}'].includes(cleaned.trim())
  pending.set(path, isOnlyOurs ? null : cleaned)
  return { path, agent, how: isOnlyOurs ? 'removed' : 'cleaned' }
}

function cleanedOf(text: string, change: Change, before: string): string {
  try {
    return withoutChange(text, change, before)
  } catch {
    // Broken since: whoever broke it repairs it, and nothing is made worse.
    return text
  }
}

function removeFolders(folders: readonly string[]): void {
  for (const folder of folders.toReversed()) {
    try {
      rmdirSync(folder)
    } catch {
      // Somebody else's files lie in it.
    }
  }
}
