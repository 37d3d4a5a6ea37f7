import { EngramError } from '../model/errors.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { errorCodeOf, systemFiles } from '../platform/files.ts'
import type { Files } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { exactNames, isNoTime, isRecord, isTime, wrongField } from './fields.ts'
import { comparable, decideImport } from './import-session.ts'
import type { ImportOutcome, ImportedSession, SessionImporter } from './import-session.ts'
import type { TranscriptMessage, TranscriptStore } from './store.ts'

/** What became of one file of a migration. `reason` says why, or what went wrong beside it; never any content. */
export type MigratedFile = {
  readonly file: string
  readonly key?: string
  readonly outcome: 'migrated' | 'skipped' | 'conflict'
  readonly reason?: string
  readonly messages: number
}

export type MigrateOptions = {
  readonly onFile?: (file: MigratedFile) => void
  /** Only tells what would come of it. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
  readonly files?: Files
}

/**
 * Imports old one-file sessions, `{key, messages, summary?, created, updated}` in `<name>.json`, and renames each to
 * `<name>.json.migrated` (TRN-1101). Answers how many sessions were migrated; a second run answers 0.
 *
 * - What cannot be read is reported and skipped; a session with other messages is a conflict and left as it is.
 * - A failing store stops the run with its error; `details.migrated` is the count so far (TRN-1102).
 */
export async function migrateFromJson(
  sessionsDirectory: string,
  store: TranscriptStore,
  options: MigrateOptions = {},
): Promise<number> {
  const files = options.files ?? systemFiles
  const run = { files, directory: sessionsDirectory, store, options }
  let migrated = 0
  for (const { name, kind } of (await files.list(sessionsDirectory)) ?? []) {
    if (kind !== 'file' || !name.endsWith('.json') || name.endsWith('.meta.json')) continue
    if (options.signal?.aborted === true)
      throw stopped(new EngramError('aborted', 'the migration was given up'), migrated)
    const told = await migrateFile(run, name).catch((error: unknown) => {
      throw stopped(error, migrated)
    })
    if (told.outcome === 'migrated') migrated++
    options.onFile?.(told)
  }
  return migrated
}

function stopped(error: unknown, migrated: number): unknown {
  if (!(error instanceof EngramError)) return error
  return new EngramError(error.code, error.message, { details: { ...error.details, migrated }, cause: error })
}

type Run = {
  readonly files: Files
  readonly directory: string
  readonly store: TranscriptStore
  readonly options: MigrateOptions
}

async function migrateFile(run: Run, name: string): Promise<MigratedFile> {
  const read = await readLegacy(run, name)
  if (typeof read === 'string') return { file: name, outcome: 'skipped', reason: read, messages: 0 }
  const { key, session } = read
  const about = { file: name, key, messages: session.messages.length }
  let outcome: ImportOutcome
  try {
    outcome = await take(run, key, session)
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { ...about, outcome: 'skipped', reason: error.message }
  }
  if (outcome === 'conflict') return { ...about, outcome, reason: 'the store has other messages under this key' }
  const left = run.options.dryRun === true ? null : await setAside(run, name)
  return { ...about, outcome: 'migrated', ...(left === null ? {} : { reason: left }) }
}

/** The session itself is refused, not the store in trouble. */
const isRefusal = (error: unknown): error is EngramError =>
  error instanceof EngramError && ['invalid_request', 'invalid_key', 'payload_too_large'].includes(error.code)

const isImporter = (store: TranscriptStore): store is TranscriptStore & SessionImporter =>
  'importSession' in store && typeof store.importSession === 'function'

async function take(run: Run, key: string, session: ImportedSession): Promise<ImportOutcome> {
  const dryRun = run.options.dryRun === true
  if (isImporter(run.store)) return run.store.importSession(key, session, { dryRun })
  const there = (await run.store.getHistory(key)).map(comparable)
  const outcome = decideImport(there, session.messages.map(comparable), false)
  if (outcome !== 'imported' || dryRun) return outcome
  const created = session.created ?? undefined
  await run.store.setHistory(
    key,
    session.messages.map((one) =>
      created !== undefined && isNoTime(one.created_at) ? { ...one, created_at: created } : one,
    ),
  )
  if (session.summary !== '') await run.store.setSummary(key, session.summary)
  return outcome
}

/** Renames the file; the answer says what went wrong. An earlier file of that name is never overwritten. */
async function setAside({ files, directory }: Run, name: string): Promise<string | null> {
  const path = `${directory}/${name}`
  try {
    let target = `${path}.migrated`
    for (let again = 2; (await files.facts(target)) !== null; again++) target = `${path}.${again}.migrated`
    await files.rename(path, target)
    await files.syncDirectory(directory)
    return null
  } catch (error) {
    return `imported, but not renamed: ${errorCodeOf(error)}`
  }
}

/** The session of a file, or why it has none. */
async function readLegacy(
  { files, directory }: Run,
  name: string,
): Promise<{ readonly key: string; readonly session: ImportedSession } | string> {
  let bytes: Uint8Array | null
  try {
    const facts = await files.facts(`${directory}/${name}`)
    if (facts !== null && facts.size > bounds.historyBytesMax) return 'too long'
    bytes = await files.readBytes(`${directory}/${name}`)
  } catch (error) {
    return `not readable: ${errorCodeOf(error)}`
  }
  if (bytes === null) return 'not readable: gone'
  const value = parse(Buffer.from(bytes).toString('utf8'))
  if (!isRecord(value)) return 'not a JSON object'
  const legacy = legacyOf(value)
  if (typeof legacy === 'string') return legacy
  const { key, ...session } = legacy
  const from = { file: name, sha256: sha256Hex(bytes) }
  return { key: key === '' ? name.slice(0, -'.json'.length) : key, session: { ...session, from } }
}

type Legacy = Omit<ImportedSession, 'from'> & { readonly key: string }

/** As picoclaw decodes it: one field of another type makes the whole unreadable. */
function legacyOf(value: Readonly<Record<string, unknown>>): Legacy | string {
  const text = (name: string): string | null => {
    const found = value[name] ?? ''
    return typeof found === 'string' ? found : null
  }
  const [key, summary, created, updated] = [text('key'), text('summary'), text('created'), text('updated')]
  if (key === null || summary === null) return 'field key or summary: not text'
  if (created === null || updated === null || !isTime(created) || !isTime(updated)) {
    return 'field created or updated: not a time'
  }
  const list: unknown = value['messages'] ?? []
  if (!Array.isArray(list)) return 'field messages: not a list'
  const messages: TranscriptMessage[] = []
  for (const [index, one] of list.entries()) {
    const named = one === null ? {} : isRecord(one) ? exactNames(one) : null
    if (named === null) return `messages[${index}]: not an object`
    const wrong = wrongField(named)
    if (wrong !== null) return `messages[${index}].${wrong}: not of the type this field has`
    const known = Object.fromEntries(Object.entries(named).filter(([, inner]) => inner !== null))
    messages.push({ role: '', content: '', ...known })
  }
  const timeOf = (given: string): string | null => (isNoTime(given) ? null : given)
  return { key, summary, created: timeOf(created), updated: timeOf(updated), messages }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text)
  } catch {
    return undefined
  }
}
