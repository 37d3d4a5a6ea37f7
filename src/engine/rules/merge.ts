import { limits } from '../../model/limits.ts'
import { hlcAt, hlcZero } from '../../model/hlc.ts'
import { normaliseTime, parseTime, timeOrder } from '../../model/times.ts'
import { sha256Hex } from '../../platform/bytes.ts'
import type { SessionRow, TombstoneRow } from '../../store/rows.ts'

/**
 * Merging (MEM-504 to MEM-509), pure.
 *
 * What is known of an observation is a set of versions, and the set only grows. Everything else is computed from it, so
 * the order in which it grew cannot matter:
 *
 *   heads     known versions that are no ancestor of another known version
 *   shown     heads that no other head absorbs (equal fingerprint, or one of the two is legacy: the lesser goes)
 *   current   the greatest head by (hlc, origin, version); it is always shown
 *   conflict  more than one shown head
 */
export type KnownVersion = {
  readonly version: string
  /** Its parents and what stands behind them. */
  readonly ancestors: readonly string[]
  readonly fingerprint: string
  readonly hlc: string
  readonly origin: string
  readonly deleted: boolean
  /** When it was made or last repeated; '' once pruned. */
  readonly updatedAt: string
}

/** Origin of versions made of records that carried none (MEM-505). */
export const legacyOrigin = 'legacy'

type Ordered = Pick<KnownVersion, 'hlc' | 'origin' | 'version'>

/** The one order of versions; negative when `a` is the lesser. */
export function compareVersions(a: Ordered, b: Ordered): number {
  return compareText(a.hlc, b.hlc) || compareText(a.origin, b.origin) || compareText(a.version, b.version)
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Known versions that no other known version contains, the greatest first. */
export function headsOf<V extends KnownVersion>(known: readonly V[]): readonly V[] {
  const contained = new Set<string>()
  for (const one of known) for (const name of one.ancestors) if (name !== one.version) contained.add(name)
  return known.filter((one) => !contained.has(one.version)).sort((a, b) => compareVersions(b, a))
}

/** Heads that stand for themselves, the greatest first: the rest counts as an ancestor of a greater one. */
export function shownHeads<V extends KnownVersion>(heads: readonly V[]): readonly V[] {
  const ordered = [...heads].sort((a, b) => compareVersions(b, a))
  return ordered.filter((one, index) => !ordered.slice(0, index).some((greater) => absorbs(greater, one)))
}

const absorbs = (greater: KnownVersion, lesser: KnownVersion): boolean =>
  greater.fingerprint === lesser.fingerprint || greater.origin === legacyOrigin || lesser.origin === legacyOrigin

/** Heads that a greater one absorbs: whoever edits the current version has seen them too. */
export function absorbedHeads<V extends KnownVersion>(heads: readonly V[]): readonly V[] {
  const shown = new Set(shownHeads(heads).map((one) => one.version))
  return heads.filter((one) => !shown.has(one.version))
}

/** What two copies of one version know of its ancestors, together. */
export function joinAncestors(ours: readonly string[], theirs: readonly string[]): readonly string[] {
  if (theirs.every((name) => ours.includes(name))) return ours
  return [...new Set([...ours, ...theirs])].slice(0, limits.versionAncestorsMax)
}

/** Name and time of a version made of a record that carries none (MEM-505). */
export function legacyVersion(
  updatedAt: string,
  fingerprint: string,
): { version: string; hlc: string; origin: string } {
  const version = sha256Hex(`legacy\n${normaliseTime(updatedAt)}\n${fingerprint}`).slice(0, 32)
  return { version, hlc: legacyHlc(updatedAt), origin: legacyOrigin }
}

/** The hybrid time of a plain one: whole seconds count as the end of that second, unreadable ones sort first. */
export function legacyHlc(time: string): string {
  const ms = parseTime(time)
  if (ms === null) return hlcZero
  return ms % 1000 === 0 ? `${hlcAt(ms + 999).slice(0, 12)}ffff` : hlcAt(ms)
}

/** MEM-509: the same on every machine. */
export const conflictId = (syncId: string, heads: readonly string[]): string => namedConflict(syncId, heads)

/** MEM-509, for two observations of one topic. */
export const topicConflictId = (a: string, b: string): string => namedConflict('same_topic', [a, b])

const namedConflict = (first: string, names: readonly string[]): string =>
  `cfl-${sha256Hex([first, ...[...names].sort()].join('\n')).slice(0, 16)}`

/** MEM-509: an edit against a soft delete, or two edits. */
export const conflictKindOf = (heads: readonly { readonly deleted: boolean }[]): 'edit' | 'edit_delete' =>
  heads.some((head) => head.deleted) && heads.some((head) => !head.deleted) ? 'edit_delete' : 'edit'

// ── what is not versioned ──

export type Counters = {
  readonly revision_count: number
  readonly duplicate_count: number
  readonly last_seen_at: string | null
  readonly created_at: string
  readonly updated_at: string
}

/** Maximum of the counts, latest sight and change, earliest creation (MEM-506). */
export function mergeCounters(a: Counters, b: Counters): Counters {
  return {
    revision_count: Math.max(a.revision_count, b.revision_count),
    duplicate_count: Math.max(a.duplicate_count, b.duplicate_count),
    last_seen_at: laterTime(a.last_seen_at, b.last_seen_at),
    created_at: earlierTime(a.created_at, b.created_at),
    updated_at: laterTime(a.updated_at, b.updated_at) ?? a.updated_at,
  }
}

export function laterTime(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b
  const order = timeOrder(a) - timeOrder(b)
  return order > 0 || (!(order < 0) && a > b) ? a : b
}

/** An unreadable time says nothing and gives way to a readable one. */
function earlierTime(a: string, b: string): string {
  const left = parseTime(a) ?? Number.POSITIVE_INFINITY
  const right = parseTime(b) ?? Number.POSITIVE_INFINITY
  return left < right || (left === right && a < b) ? a : b
}

/** Marks a session that nobody sent, made because a record points to it (CHK-605). */
export const stubDirectory = '(recovered-missing-session)'
export const stubStartedAt = '1970-01-01 00:00:00'

export type SessionState = Pick<
  SessionRow,
  | 'project'
  | 'ownership_mode'
  | 'directory'
  | 'started_at'
  | 'ended_at'
  | 'summary'
  | 'summary_by'
  | 'agent'
  | 'ended_by'
  | 'hlc'
  | 'origin'
>

/**
 * Two states of one session (MEM-506). Where it stands is completed, never overwritten: of two different names the lesser
 * in text order, of two starts the earlier, so that no order of arrival matters; a stub's own values count as blank. How
 * it ended belongs together and is the latest, but no state without a summary takes the place of one that has it. `hlc`
 * and `origin` are those of the state that says how it ended.
 */
export function mergeSessions(a: SessionState, b: SessionState): SessionState {
  const end = compareEnds(a, b) >= 0 ? a : b
  const real = [a, b].filter((session) => session.directory !== stubDirectory)
  const [one, other = one] = real.length === 0 ? [a, b] : real
  const [left, right] = [one ?? a, other ?? b]
  return {
    project: firstText(left.project, right.project),
    ownership_mode:
      firstText(left.ownership_mode, right.ownership_mode) === 'project_owned' ? 'project_owned' : 'shared',
    directory: firstText(left.directory, right.directory),
    started_at: earlierTime(left.started_at, right.started_at),
    ended_at: end.ended_at,
    summary: end.summary,
    summary_by: end.summary_by,
    agent: firstText(a.agent ?? '', b.agent ?? '') || null,
    ended_by: end.ended_by,
    hlc: end.hlc,
    origin: end.origin,
  }
}

const firstText = (a: string, b: string): string => (a === '' || (b !== '' && b < a) ? b : a)

function compareEnds(a: SessionState, b: SessionState): number {
  return (
    Number(a.summary !== null) - Number(b.summary !== null) ||
    compareText(a.hlc, b.hlc) ||
    compareText(a.origin, b.origin) ||
    compareText(a.ended_at ?? '', b.ended_at ?? '') ||
    compareText(a.summary ?? '', b.summary ?? '')
  )
}

/** Of two tombstones of one record the greater stays (MEM-507). */
export const isLaterTombstone = (
  a: Pick<TombstoneRow, 'hlc' | 'origin'>,
  b: Pick<TombstoneRow, 'hlc' | 'origin'>,
): boolean => (compareText(a.hlc, b.hlc) || compareText(a.origin, b.origin)) > 0

/** Whether a relation's state takes the place of another (MEM-506). `text` decides between two of one time. */
export function isLaterRelation(
  a: { readonly hlc: string; readonly origin: string; readonly text: string },
  b: { readonly hlc: string; readonly origin: string; readonly text: string },
): boolean {
  return (compareText(a.hlc, b.hlc) || compareText(a.origin, b.origin) || compareText(a.text, b.text)) > 0
}
