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
import { notesOf } from './obsidian-notes.ts'

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
    const { rows, sessions } = deps.store.read((tx) => recordsOf(tx, deps, input, project))
    const notes = notesOf(rows, sessions)
    const root = join(input.vault, 'engram')
    const known = await readState(deps, root)
    const written = await writeNotes(
      deps,
      root,
      new Map([...notes.observations, ...notes.sessions, ...notes.topics]),
      known,
      input.force === true,
    )
    // A part of the memory says nothing of the rest: only a whole export takes files away.
    const isWhole = input.limit === undefined && input.since === undefined
    const removed = isWhole ? await removeGone(deps, root, known, written.hashes) : []
    await writeState(deps, root, notes, written.hashes)
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

function recordsOf(tx: ReadTx, deps: EngineDeps, input: Parsed<'project.export-obsidian'>, project: string | null) {
  const rows = tx.all<ObservationRow>(
    `SELECT * FROM observations WHERE deleted_at IS NULL AND scope <> 'personal' AND (?1 IS NULL OR project = ?1)
       AND (?2 IS NULL OR updated_at >= ?2)
     ORDER BY updated_at DESC, id DESC LIMIT ?3`,
    project,
    sinceOf(deps, input.since),
    input.limit ?? Number.MAX_SAFE_INTEGER,
  )
  const wanted = new Set(rows.map((row) => row.session_id))
  const sessions = tx.all<SessionRow>('SELECT * FROM sessions').filter((row) => wanted.has(row.id))
  return { rows: rows.toSorted((a, b) => a.id - b.id), sessions: new Map(sessions.map((row) => [row.id, row])) }
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
  present: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const gone = [...known.keys()].filter((path) => !present.has(path))
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

async function writeState(
  deps: EngineDeps,
  root: string,
  notes: ReturnType<typeof notesOf>,
  hashes: ReadonlyMap<string, string>,
): Promise<void> {
  const hashed = (part: ReadonlyMap<string, string>): Record<string, string> =>
    Object.fromEntries([...part.keys()].map((path) => [path, hashes.get(path) ?? '']))
  const state: SyncState = {
    last_export_at: formatTime(deps.clock.nowMs()),
    files: hashed(notes.observations),
    session_hubs: hashed(notes.sessions),
    topic_hubs: hashed(notes.topics),
    version: 1,
  }
  await writeNote(deps, join(root, stateName), `${JSON.stringify(state, null, 2)}\n`)
}
