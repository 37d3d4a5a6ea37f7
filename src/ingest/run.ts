import { join } from 'node:path'
import type { IngestReport, IngestSource } from '../api/ingest.ts'
import { EngramError, toEngramError } from '../model/errors.ts'
import type { CallContext } from '../model/operation.ts'
import { parseDuration } from '../model/times.ts'
import type { HeldLock } from '../platform/file-lock.ts'
import { discover } from './discover.ts'
import type { Discovered, TranscriptFile } from './discover.ts'
import type { IngestDoors, RunInput } from './doors.ts'
import { followFile } from './follow-file.ts'
import type { FollowOptions } from './follow-file.ts'
import { hopeless } from './hopeless.ts'
import { failedRow } from './manifest-row.ts'
import { createProjects } from './project.ts'
import { claudeCodeReader } from './readers/claude-code.ts'
import { codexReader } from './readers/codex.ts'
import type { Reader } from './readers/reader.ts'
import { createReport } from './report.ts'
import type { Report } from './report.ts'
import { longGone, needsVisit } from './select.ts'
import { presentRules } from './extract/extract.ts'
import { rowsBehind, sessionsOf, type BehindWanted } from './sessions-behind.ts'
import { upgrade } from './upgrade.ts'

/** The agents whose files are read (ING-DIS-3). */
export const readers: readonly Reader[] = [claudeCodeReader, codexReader]

const lockWaitMs = 30_000

/**
 * Agents' transcripts into archive and memory (ING-CLI-1). What is wrong with one file is in the report and in `status`,
 * and the file is tried again next time; the rest goes on.
 *
 * Throws `invalid_request` before any file is opened, `unknown_project`, `lock_timeout` when another run holds the data
 * dir for 30 s (with `no_wait` the report says `busy` at once), and what makes any further write pointless.
 */
export async function runIngest(doors: IngestDoors, input: RunInput, context: CallContext): Promise<IngestReport> {
  const startMs = doors.clock.monotonicMs()
  const wanted = parseWanted(doors.readers ?? readers, input)
  const lock = input.dry_run === true ? noLock : await takeLock(doors, input.no_wait === true)
  const ms = (): number => doors.clock.monotonicMs() - startMs
  if (lock === null) {
    return createReport(agentsOf(wanted), nothingDiscovered).done({ ms: ms(), dryRun: false, busy: true })
  }
  try {
    const report = await run(doors, wanted, input, context, lock)
    return report.done({ ms: ms(), dryRun: input.dry_run === true })
  } finally {
    await lock.release()
  }
}

const nothingDiscovered: Discovered = { files: [], skipped: [], looked: [], found: [] }

type Wanted = {
  readonly readers: readonly Reader[]
  readonly sinceMs: number | null
  readonly ttlMs: number | null
}

const agentsOf = (wanted: Wanted): readonly string[] => wanted.readers.map((reader) => reader.agent)

function parseWanted(known: readonly Reader[], input: RunInput): Wanted {
  if (input.upgrade === true) refuseFiles(input)
  return {
    readers: wantedReaders(known, input.agents),
    sinceMs: durationMs('since', input.since),
    ttlMs: durationMs('ttl', input.ttl),
  }
}

/** An upgrade reads the archive; what says how files are read would be left unheard. */
function refuseFiles({ paths, force, skip_knowledge: skipped, archive }: RunInput): void {
  const unheard = [
    ...(paths === undefined ? [] : ['paths']),
    ...(force === true ? ['force'] : []),
    ...(skipped === true ? ['skip_knowledge'] : []),
    ...(archive === false ? ['archive'] : []),
  ]
  const [field] = unheard
  if (field === undefined) return
  throw new EngramError('invalid_request', `${field}: an upgrade reads the archive alone, not the files of agents.`, {
    details: { field },
    hint: 'Run it without, or without the upgrade.',
  })
}

function wantedReaders(known: readonly Reader[], agents: readonly string[] | undefined): readonly Reader[] {
  if (agents === undefined || agents.length === 0 || agents.includes('all')) return known
  const unknown = agents.find((agent) => !known.some((reader) => reader.agent === agent))
  if (unknown === undefined) return known.filter((reader) => agents.includes(reader.agent))
  const names = [...known.map((reader) => reader.agent), 'all'].join(', ')
  throw new EngramError('invalid_request', `agents: expected one of ${names}, got ${JSON.stringify(unknown)}`, {
    details: { field: 'agents' },
  })
}

/** Integer and one of `m h d w`, positive (ING-CLI-1). */
function durationMs(field: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const ms = /^\d+[mhdw]$/.test(text) ? parseDuration(text) : null
  if (ms !== null) return ms
  throw new EngramError(
    'invalid_request',
    `${field}: expected a duration such as 90m, 12h, 30d or 2w, got ${JSON.stringify(text)}`,
    { details: { field } },
  )
}

const noLock: HeldLock = { lost: false, release: () => Promise.resolve() }

/** One ingest per data dir (ING-CLI-8). Null when it is taken and nobody wants to wait. */
async function takeLock(doors: IngestDoors, noWait: boolean): Promise<HeldLock | null> {
  const lock = await doors.locks.acquire(join(doors.dataDir, 'ingest'), noWait ? 0 : lockWaitMs)
  if (lock !== null || noWait) return lock
  throw new EngramError('lock_timeout', `Another ingest of ${doors.dataDir} is running.`)
}

async function run(
  doors: IngestDoors,
  wanted: Wanted,
  input: RunInput,
  context: CallContext,
  lock: HeldLock,
): Promise<Report> {
  const { caller } = doors
  const nowMs = doors.clock.nowMs()
  const isStopped = (): boolean => context.signal?.aborted === true || lock.lost
  const about: About = {
    project:
      input.project === undefined ? null : (await caller.call('project.resolve', { project: input.project })).project,
    sinceMs: wanted.sinceMs === null ? null : nowMs - wanted.sinceMs,
    dryRun: input.dry_run === true,
    ttlMs: wanted.ttlMs,
    nowMs,
    isStopped,
  }
  const anew = { ...about, readers: wanted.readers, limit: input.limit }
  if (input.upgrade === true) {
    const report = createReport(agentsOf(wanted), nothingDiscovered)
    await upgrade(doors, report, anew)
    return report
  }
  const report = await readFiles(doors, wanted, input, context, about)
  // What no file was read of, because it is gone, is read from the archive.
  const isWhole = (input.paths ?? []).length === 0 && input.skip_knowledge !== true && !about.dryRun
  if (input.force === true && isWhole && !isStopped()) await upgrade(doors, report, anew)
  return report
}

/** What holds for all a run does. */
type About = Pick<FollowOptions, 'dryRun' | 'ttlMs' | 'nowMs' | 'project' | 'isStopped'> & {
  readonly sinceMs: number | null
}

async function readFiles(
  doors: IngestDoors,
  wanted: Wanted,
  input: RunInput,
  context: CallContext,
  about: About,
): Promise<Report> {
  const { caller } = doors
  const { project, nowMs } = about
  const where =
    input.paths === undefined || input.paths.length === 0
      ? ({ kind: 'roots', env: doors.environment, home: doors.homeDir } as const)
      : ({ kind: 'paths', paths: input.paths } as const)
  const discovered = await discover(doors.files, wanted.readers, where)
  if (where.kind === 'paths') refuseMissing(discovered)
  const rows = await caller.call('ingest.sources', {})
  const byPath = new Map(rows.map((row) => [row.path, row]))
  const report = createReport(agentsOf(wanted), discovered)
  const knowledge = input.skip_knowledge !== true
  const force = input.force === true
  const due = discovered.files.filter((file) => needsVisit(file, byPath.get(file.path), { force, knowledge, ...about }))
  const options: FollowOptions = { ...about, force, knowledge, archive: input.archive !== false }
  const known = await readAll({ doors, readers: wanted.readers, due, byPath, report, options, context }, input.limit)
  if (project !== null && !known && !rows.some((row) => row.project === project)) {
    // Nobody knows it: memory says so, with names that are near.
    await caller.call('session.list', { project, limit: 1 })
  }
  if (where.kind === 'roots' && !force)
    report.behind(await countBehind(doors, rows, { ...about, readers: wanted.readers }))
  await forgetLongGone(doors, rows, longGone(rows, discovered.files, discovered.found, nowMs), options)
  return report
}

/** Sessions that earlier rules have seen and these have not, also when this run is over. @param rows as they were before it */
async function countBehind(doors: IngestDoors, rows: readonly IngestSource[], of: BehindWanted): Promise<number> {
  const { version } = doors.rules ?? presentRules
  const areBehind = (listed: readonly IngestSource[]): readonly IngestSource[] =>
    rowsBehind(listed, version, of).filter((row) => row.extractor_version > 0)
  return areBehind(rows).length === 0 ? 0 : sessionsOf(areBehind(await doors.caller.call('ingest.sources', {})))
}

/** Somebody named them: what is not there is no empty result (ING-CLI-2). */
function refuseMissing({ looked, found, skipped }: Discovered): void {
  const missing = looked.filter((path) => !found.includes(path) && !skipped.some((one) => one.path === path))
  const [first] = missing
  if (first === undefined) return
  throw new EngramError('not_found', `Nothing lies at ${missing.join(', ')}.`, {
    details: { path: first, missing },
    hint: 'Check --path. Nothing was read.',
  })
}

type Reading = {
  readonly doors: IngestDoors
  readonly readers: readonly Reader[]
  readonly due: readonly TranscriptFile[]
  readonly byPath: ReadonlyMap<string, IngestSource>
  readonly report: Report
  readonly options: FollowOptions
  readonly context: CallContext
}

/** Answers whether any file was of the project asked for. */
async function readAll(reading: Reading, limit: number | undefined): Promise<boolean> {
  const { doors, due, byPath, report, options, context } = reading
  const projects = createProjects(doors.caller)
  let sessions = 0
  let isAny = false
  for (const [index, file] of due.entries()) {
    const isFull = limit !== undefined && sessions >= limit
    if (isFull || options.isStopped()) {
      report.leave({ interrupted: options.isStopped(), ...leftOf(due.slice(index), byPath) })
      break
    }
    context.onProgress?.({ done: index, total: due.length, what: file.path })
    const isDone = await readOne(reading, projects, file)
    if (isDone === null) continue
    isAny = true
    if (file.agentId === null) sessions += 1
    if (!isDone) {
      const rest = leftOf(due.slice(index + 1), byPath)
      report.leave({ interrupted: true, files: rest.files + 1, bytes: rest.bytes })
      break
    }
  }
  return isAny
}

/** Whether the file was read to its end; null when nothing of it was wanted, or it failed. */
async function readOne(reading: Reading, projects: ReturnType<typeof createProjects>, file: TranscriptFile) {
  const { doors, report, options } = reading
  const reader = reading.readers.find((each) => each.agent === file.agent)
  if (reader === undefined) return null
  try {
    const followed = await followFile(doors, projects, file, reader, options)
    if (followed === null) return null
    report.add(followed)
    return followed.isDone
  } catch (error) {
    const failure = toEngramError(error)
    if (hopeless.has(failure.code)) throw failure
    report.fail(file.path, `${failure.code}: ${failure.message}`)
    doors.log.warn('a transcript could not be read', { path: file.path, code: failure.code })
    await noteFailure(reading, file, `${failure.code}: ${failure.message}`)
    return null
  }
}

async function noteFailure({ doors, options }: Reading, file: TranscriptFile, reason: string): Promise<void> {
  if (options.dryRun) return
  try {
    const [known = null] = await doors.caller.call('ingest.sources', { path: file.path })
    const source = failedRow(file, known, reason, options.nowMs)
    await commitRow(doors, source, [])
  } catch (error) {
    doors.log.error('a failure could not be noted', { path: file.path, code: toEngramError(error).code })
  }
}

const commitRow = (doors: IngestDoors, source: IngestSource, gone: readonly string[]) =>
  doors.caller.call('ingest.commit', {
    source,
    session: null,
    prompts: [],
    candidates: [],
    withdraw: [],
    seen: [],
    redacted: 0,
    gone: [...gone],
  })

const goneAtOnce = 1_000

async function forgetLongGone(
  doors: IngestDoors,
  rows: readonly IngestSource[],
  gone: readonly string[],
  options: FollowOptions,
): Promise<void> {
  const [first] = gone
  if (first === undefined || options.dryRun || !rows.some((row) => row.path === first)) return
  const [source] = await doors.caller.call('ingest.sources', { path: first })
  if (source !== undefined) await commitRow(doors, source, gone.slice(0, goneAtOnce))
}

function leftOf(
  files: readonly TranscriptFile[],
  byPath: ReadonlyMap<string, IngestSource>,
): { readonly files: number; readonly bytes: number } {
  const bytes = files.reduce(
    (sum, file) => sum + Math.max(0, file.facts.size - (byPath.get(file.path)?.offset ?? 0)),
    0,
  )
  return { files: files.length, bytes }
}
