import { dirname, join } from 'node:path'
import type { ObsidianExport } from '../../api/system.ts'
import type { Parsed } from '../../api/operations.ts'
import { EngramError } from '../../model/errors.ts'
import { formatTime, parseDuration, parseTime } from '../../model/times.ts'
import { sha256Hex } from '../../platform/bytes.ts'
import { writeAtomic } from '../../platform/files.ts'
import type { ObservationRow, SessionRow } from '../../store/rows.ts'
import type { ReadTx } from '../../store/transaction.ts'
import type { EngineDeps, Handlers } from '../handler.ts'
import { placeOfRead } from '../places.ts'
import { notePath, notesOf, projectFolder } from './obsidian-notes.ts'

/** What was written last time: path below `engram/` → hash of the note (MEM-1403). */
type SyncState = {
  readonly last_export_at: string
  readonly files: Readonly<Record<string, string>>
  readonly session_hubs: Readonly<Record<string, string>>
  readonly topic_hubs: Readonly<Record<string, string>>
  readonly version: 1
}

const stateName = '.engram-sync-state.json'

export const obsidianHandlers: Handlers<'project.export-obsidian'> = {
  'project.export-obsidian': async (deps, input): Promise<ObsidianExport> => {
    const { project } = await placeOfRead(deps, input)
    await checkVault(deps, input.vault)
    const root = join(input.vault, 'engram')
    const known = await readState(deps, root)
    const { chosen, rows, sessions } = deps.store.read((tx) => recordsOf(tx, deps, input, project, known))
    const notes = notesOf(rows, sessions)
    const own = [...notes.observations].filter(([path]) => chosen.has(path))
    const wanted = new Map([...own, ...notes.sessions, ...notes.topics])
    const written = await writeNotes(deps, root, wanted, known, input.force === true)
    const all = new Set([...notes.observations.keys(), ...wanted.keys()])
    const removed = await removeGone(deps, root, known, (path) => !all.has(path) && isToGo(path, input, project))
    const kept = [...known].filter(([path]) => !removed.includes(path))
    await writeState(deps, root, new Map([...kept, ...written.hashes]))
    return {
      written: written.paths.length,
      unchanged: written.unchanged,
      removed: removed.length,
      files: written.paths,
    }
  },
}

async function checkVault(deps: EngineDeps, vault: string): Promise<void> {
  if ((await deps.files.facts(vault))?.kind === 'directory') return
  throw new EngramError('invalid_request', `Expected the folder of a vault, got ${JSON.stringify(vault)}.`, {
    details: { field: 'vault' },
  })
}

type Input = Parsed<'project.export-obsidian'>

/**
 * A part of the memory says nothing of the rest: of another project nothing is taken away, and of records that were not
 * looked at neither. Pages of sessions and topics go when nothing in the vault is on them.
 */
function isToGo(path: string, input: Input, project: string | null): boolean {
  if (input.limit !== undefined || input.since !== undefined) return false
  return project === null || folderOf(path) !== '' || path.startsWith(projectFolder(project))
}

/** `chosen`: paths of the notes asked for; `rows`: those and what the vault has already, which share their pages. */
function recordsOf(
  tx: ReadTx,
  deps: EngineDeps,
  input: Input,
  project: string | null,
  known: ReadonlyMap<string, string>,
) {
  const since = sinceOf(deps, input.since)
  const all = tx.all<ObservationRow>(
    `SELECT * FROM observations WHERE deleted_at IS NULL AND scope <> 'personal' ORDER BY updated_at DESC, id DESC`,
  )
  const isAsked = (row: ObservationRow): boolean =>
    (project === null || row.project === project) && (since === null || row.updated_at >= since)
  const chosen = new Set(all.filter(isAsked).slice(0, input.limit).map(notePath))
  const rows = all.filter((row) => chosen.has(notePath(row)) || known.has(notePath(row)))
  const wanted = new Set(rows.map((row) => row.session_id))
  const sessions = tx.all<SessionRow>('SELECT * FROM sessions').filter((row) => wanted.has(row.id))
  return {
    chosen,
    rows: rows.toSorted((a, b) => a.id - b.id),
    sessions: new Map(sessions.map((row) => [row.id, row])),
  }
}

function sinceOf(deps: EngineDeps, text: string | undefined): string | null {
  if (text === undefined) return null
  const duration = parseDuration(text)
  const at = duration === null ? parseTime(text) : deps.clock.nowMs() - duration
  if (at !== null) return formatTime(at)
  throw new EngramError('invalid_request', 'Expected a duration such as 30d or a date.', {
    details: { field: 'since' },
  })
}

async function writeNotes(
  deps: EngineDeps,
  root: string,
  notes: ReadonlyMap<string, string>,
  known: ReadonlyMap<string, string>,
  force: boolean,
) {
  const hashes = new Map<string, string>()
  const paths: string[] = []
  for (const [path, text] of notes) {
    const hash = sha256Hex(text)
    hashes.set(path, hash)
    const isThere = known.get(path) === hash && (await deps.files.facts(join(root, path))) !== null
    if (isThere && !force) continue
    await writeNote(deps, join(root, path), text)
    paths.push(path)
  }
  return { hashes, paths, unchanged: notes.size - paths.length }
}

async function writeNote(deps: EngineDeps, path: string, text: string): Promise<void> {
  await deps.files.makeDirectory(dirname(path), 0o755)
  await writeAtomic(deps.files, path, new TextEncoder().encode(text), { permissions: 0o644, unique: deps.ids.ulid() })
}

async function removeGone(
  deps: EngineDeps,
  root: string,
  known: ReadonlyMap<string, string>,
  isGone: (path: string) => boolean,
): Promise<readonly string[]> {
  const gone = [...known.keys()].filter(isGone)
  for (const path of gone) await deps.files.remove(join(root, path))
  return gone
}

/** Paths of an edited state file must not lead out of our folder. */
const isInside = (path: string): boolean =>
  path.endsWith('.md') &&
  !path.includes('\\') &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')

async function readState(deps: EngineDeps, root: string): Promise<ReadonlyMap<string, string>> {
  const bytes = await deps.files.readBytes(join(root, stateName))
  if (bytes === null) return new Map()
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes))
    const parts = ['files', 'session_hubs', 'topic_hubs'].map((key) => Object(parsed)[key] as unknown)
    const entries = parts.flatMap((part) => Object.entries(typeof part === 'object' && part !== null ? part : {}))
    return new Map(
      entries.filter((entry): entry is [string, string] => isInside(entry[0]) && typeof entry[1] === 'string'),
    )
  } catch {
    return new Map()
  }
}

async function writeState(deps: EngineDeps, root: string, hashes: ReadonlyMap<string, string>): Promise<void> {
  const below = (folder: string): Record<string, string> =>
    Object.fromEntries(
      [...hashes].filter(([path]) => folderOf(path) === folder).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    )
  const state: SyncState = {
    last_export_at: formatTime(deps.clock.nowMs()),
    files: below(''),
    session_hubs: below('_sessions'),
    topic_hubs: below('_topics'),
    version: 1,
  }
  await writeNote(deps, join(root, stateName), `${JSON.stringify(state, null, 2)}\n`)
}

/** The folder of pages a path lies in; '' for a note. */
const folderOf = (path: string): string => /^_(?:sessions|topics)(?=\/)/.exec(path)?.[0] ?? ''
