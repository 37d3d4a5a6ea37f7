import { join } from 'node:path'
import type { SaveResult } from '../api/observations.ts'
import type { OperationName, Output, Parsed } from '../api/operations.ts'
import { EngramError, toEngramError, type ErrorCode } from '../model/errors.ts'
import { isBlank } from '../model/text.ts'
import type { Clock } from '../platform/clock.ts'
import { writeAtomic } from '../platform/files.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { sessionById } from '../store/sessions.ts'
import type { WriteTx } from '../store/transaction.ts'
import { saveOfAdd } from './extracted.ts'
import type { EngineDeps } from './handler.ts'
import { keptDirectory, recogniseProject, type Place } from './places.ts'
import { detectProject, usableName } from './project-detection.ts'
import { suggestTopicKey } from './rules/topic.ts'
import { contextOfSave, prepareSave, type SaveContext, type SaveInput } from './save.ts'
import { operationOf, rememberedSave, rememberSave } from './save-operations.ts'
import { saveOnce } from './save-once.ts'
import { decodeSpooled, encodeSpooled, type SpooledSave } from './spooled-save.ts'

/**
 * Saves that cannot be written now wait as files (MEM-111): `spool/<ulid>.json`, redacted, fsynced. Whoever can write
 * next takes them in name order, each once: the file's name is its operation id.
 *
 *   save ──▶ store ──▶ created │ repeated │ revised
 *     └─ cannot write now ──▶ spool/ ──▶ queued … drain ──▶ store
 *                                                   └─ no save at all ──▶ <name>.bad
 */

/** What stands in the way of writing but not of saving. A full disk is not among them: the spool lies on it too. */
export const queueable: readonly ErrorCode[] = [
  'storage_busy',
  'lock_timeout',
  'newer_schema',
  'database_generation_changed',
  'storage_failed',
  'database_corrupt',
  'not_a_database',
  'foreign_database',
  'read_only',
]

/** The code of a failure after which a save waits; null for every other. */
const queueableCode = (error: unknown): ErrorCode | null =>
  error instanceof EngramError && queueable.includes(error.code) ? error.code : null

export const spoolDirectory = (deps: Pick<EngineDeps, 'dataDir'>): string => join(deps.dataDir, 'spool')

/** Queues a failed save and answers `queued`, or null when the failure must be told. */
export async function spoolSave<N extends OperationName>(
  deps: EngineDeps,
  name: N,
  input: Parsed<N>,
  error: unknown,
): Promise<Output<N> | null> {
  const reason = queueableCode(error)
  const save = reason === null ? null : saveIn(deps, name, input)
  if (save === null || reason === null) return null
  const prepared = prepareSave(deps, save)
  const spooled: SpooledSave = {
    kind: 'observation',
    at_ms: deps.clock.nowMs(),
    prepared,
    context: await contextWithoutStore(deps, save),
    operation: operationOf(save, prepared),
  }
  const id = deps.ids.ulid()
  try {
    await deps.files.makeDirectory(spoolDirectory(deps), 0o700)
    const path = join(spoolDirectory(deps), `${id}.json`)
    await writeAtomic(deps.files, path, encodeSpooled(spooled), { permissions: 0o600, unique: id })
  } catch {
    // The first failure says more than that the spool could not be written either.
    return null
  }
  deps.log.warn('a save was queued', { reason, file: `${id}.json` })
  // Both operations that save answer with a SaveResult.
  return queuedResult(spooled, id, reason) as Output<N>
}

function saveIn<N extends OperationName>(deps: EngineDeps, name: N, input: Parsed<N>): SaveInput | null {
  if (name === 'observation.save') return input as SaveInput
  return name === 'memory.add' ? saveOfAdd(deps, input as Parsed<'memory.add'>) : null
}

/** As {@link contextOfSave}; where the store cannot even be read, the project is what the caller or the directory says. */
async function contextWithoutStore(deps: EngineDeps, input: SaveInput): Promise<SaveContext> {
  const lenient = { ...input, strict: false }
  try {
    return await contextOfSave(deps, lenient)
  } catch {
    const place = await placeWithoutStore(deps, input)
    return {
      place,
      sessionId: isBlank(input.session_id) ? undefined : input.session_id,
      directory: keptDirectory(deps, input.directory),
      agentPid: input.agent_pid,
      strict: false,
    }
  }
}

async function placeWithoutStore(deps: EngineDeps, input: SaveInput): Promise<Place> {
  const place = { project: null, path: '', available: [], known: false, warnings: [] }
  const [explicit, override] = [usableName(input.project ?? ''), usableName(input.project_override ?? '')]
  if (explicit !== null) return { ...place, project: explicit, source: 'explicit_override' }
  if (override !== null) return { ...place, project: override, source: 'process_override' }
  if (isBlank(input.directory)) return { ...place, source: 'stored_project' }
  const found = await detectProject(deps, input.directory ?? '', { remember: false })
  return { ...place, project: found.project, source: found.source, path: found.path, available: found.available }
}

function queuedResult(spooled: SpooledSave, id: string, reason: ErrorCode): SaveResult {
  const { prepared, context } = spooled
  const message = `The store cannot be written now (${reason}); the save is kept in spool/${id}.json and written later.`
  const named = prepared.topic_key === null ? { suggested_topic_key: suggestTopicKey(prepared, sha256Hex) } : {}
  return {
    id: null,
    sync_id: spooledSyncId(id),
    outcome: 'queued',
    type: prepared.type,
    title: prepared.title,
    project: context.place.project ?? '',
    project_source: context.place.source,
    session_id: context.sessionId ?? '',
    state: 'active',
    revision_count: 1,
    duplicate_count: 1,
    ...(prepared.expires_at === null ? {} : { expires_at: prepared.expires_at }),
    ...(prepared.truncation === undefined ? {} : { truncation: prepared.truncation }),
    redacted: prepared.redacted,
    warnings: [...prepared.warnings, { code: 'queued', message }],
    ...named,
    candidates: [],
    judgment_required: false,
  }
}

/** The sync id a queued save will have, so that its caller can already name it. */
const spooledSyncId = (id: string): string => `obs-${sha256Hex(`spool/1\n${id}`).slice(0, 16)}`

export type Drained = { readonly written: number; readonly failed: number; readonly left: number }

/**
 * Writes what waits, in name order. A file that holds no save, or one that is refused, is set aside as `.bad` and never
 * dropped; while the store cannot be written, or once `withinMs` are over, what is left waits on.
 */
export async function drainSpool(deps: EngineDeps, withinMs = Number.POSITIVE_INFINITY): Promise<Drained> {
  const names = await spoolNames(deps)
  const untilMs = deps.clock.monotonicMs() + withinMs
  const counts = { written: 0, failed: 0, gone: 0 }
  for (const name of names) {
    if (deps.clock.monotonicMs() > untilMs) break
    const outcome = await drainFile(deps, name)
    if (outcome === 'later') break
    counts[outcome]++
  }
  const left = names.length - counts.written - counts.failed - counts.gone
  return { written: counts.written, failed: counts.failed, left }
}

async function drainFile(deps: EngineDeps, name: string): Promise<'written' | 'failed' | 'gone' | 'later'> {
  const path = join(spoolDirectory(deps), name)
  const bytes = await deps.files.readBytes(path)
  if (bytes === null) return 'gone'
  const spooled = decodeSpooled(bytes)
  if (spooled === null) return setAside(deps, name, 'it holds no save')
  try {
    await deps.store.write((tx) => writeSpooled(tx, deps, name, spooled))
  } catch (error) {
    const { code } = toEngramError(error)
    const isForNow = queueableCode(error) !== null || code === 'storage_full' || code === 'store_closed'
    return isForNow ? 'later' : setAside(deps, name, code)
  }
  await deps.files.remove(path)
  return 'written'
}

async function setAside(deps: EngineDeps, name: string, reason: string): Promise<'failed'> {
  const path = join(spoolDirectory(deps), name)
  await deps.files.rename(path, `${path}.bad`)
  deps.log.error('a queued save cannot be written and is set aside', { file: `${name}.bad`, reason })
  return 'failed'
}

/** Names of waiting files, oldest first. */
export const spoolNames = (deps: Pick<EngineDeps, 'files' | 'dataDir'>): Promise<readonly string[]> =>
  namesLike(deps, /^[0-9A-Z]{26}\.json$/)

/** Names of files that were set aside. */
export const badSpoolNames = (deps: Pick<EngineDeps, 'files' | 'dataDir'>): Promise<readonly string[]> =>
  namesLike(deps, /^[0-9A-Z]{26}\.json\.bad$/)

async function namesLike(deps: Pick<EngineDeps, 'files' | 'dataDir'>, shape: RegExp): Promise<readonly string[]> {
  const entries = (await deps.files.list(spoolDirectory(deps))) ?? []
  return entries.filter((entry) => entry.kind === 'file' && shape.test(entry.name)).map((entry) => entry.name)
}

/** The operation id is the file's name: two processes that drain at once write one record. */
function writeSpooled(tx: WriteTx, deps: EngineDeps, name: string, spooled: SpooledSave): void {
  const id = `spool:${name}`
  if (rememberedSave(tx, id) !== undefined) return
  const syncId = spooledSyncId(name.slice(0, -'.json'.length))
  const then: EngineDeps = {
    ...deps,
    ids: { ...deps.ids, record: (prefix) => (prefix === 'obs' ? syncId : deps.ids.record(prefix)) },
    clock: stoppedAt(deps.clock, Math.min(spooled.at_ms, deps.clock.nowMs())),
  }
  const context = { ...spooled.context, place: placeAtDrain(tx, spooled.context) }
  const isKnown = spooled.operation !== null && rememberedSave(tx, spooled.operation.id) !== undefined
  const result = isKnown ? null : saveOnce(tx, then, spooled.operation, spooled.prepared, context)
  if (result !== null) rememberSave(tx, { id, fingerprint: '' }, result, deps.clock.nowMs())
}

/** It was saved when its caller was answered, not when the store could be written again. */
const stoppedAt = (clock: Clock, nowMs: number): Clock => ({
  nowMs: () => nowMs,
  monotonicMs: () => clock.monotonicMs(),
  sleep: (ms, signal) => clock.sleep(ms, signal),
})

/** Names may have been merged since, and a session's project could not be asked while the store was away (MEM-804). */
function placeAtDrain(tx: WriteTx, context: SaveContext): Place {
  const { place, sessionId } = context
  const session = sessionId === undefined ? undefined : sessionById(tx, sessionId)
  const isNamed = place.source === 'explicit_override'
  const given = isNamed || session === undefined || session.project === '' ? place.project : session.project
  const name = usableName(given ?? '')
  return name === null ? { ...place, project: null } : { ...place, project: recogniseProject(tx, name).name }
}
