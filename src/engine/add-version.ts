import type { ObservationRow } from '../store/rows.ts'
import type { WriteTx } from '../store/transaction.ts'
import {
  dropVersion,
  keepVersion,
  otherHeadsOf,
  parseNames,
  parseSnapshot,
  putVersion,
  setHead,
  snapshotOf,
  versionsOf,
  type Snapshot,
} from '../store/versions.ts'
import { knownVersions } from './heads.ts'
import { fingerprintOfRow } from './rules/version.ts'
import { compareVersions, headsOf, joinAncestors, laterTime, type KnownVersion } from './rules/merge.ts'

/** A version with the state it names. */
export type ArrivingVersion = KnownVersion & {
  readonly snapshot: Snapshot
  readonly parents?: readonly string[]
  readonly capturedAt: string
}

export type Added = {
  /** The row with the state of the greatest head; not written yet, counters untouched. */
  readonly row: ObservationRow
  /** Something new is known: a version, an ancestor, a later time of one. */
  readonly changed: boolean
}

type AddOptions = { readonly keep: number; readonly capturedAt: string }

/**
 * Adds a version to what is known of an observation and finds its heads anew (MEM-504). Version rows are written here;
 * the observation's own row is the caller's to write.
 */
export function addVersion(tx: WriteTx, row: ObservationRow, arriving: ArrivingVersion, options: AddOptions): Added {
  const before = knownVersions(tx, row)
  const mine = before.find((one) => one.version === arriving.version)
  if (mine !== undefined && !tellsMore(mine, arriving)) return { row, changed: false }
  const added = mine === undefined ? arriving : joined(mine, arriving)
  const known = [...before.filter((one) => one.version !== added.version), added]
  const heads = headsOf(known)
  const headNames = new Set(heads.map((head) => head.version))
  if (added.version !== row.version) {
    const isHead = headNames.has(added.version)
    putArrived(tx, row.sync_id, added, { ...arriving, snapshot: keptState(tx, row, added, arriving) }, isHead)
  }
  markHeads(tx, row, before, headNames)
  const own = added.version === row.version ? withTimeOf(row, added, arriving) : row
  return { row: makeCurrent(tx, own, heads, headNames, options), changed: true }
}

/** Only flags that are wrong are written. */
function markHeads(
  tx: WriteTx,
  row: ObservationRow,
  before: readonly KnownVersion[],
  headNames: ReadonlySet<string>,
): void {
  const marked = new Set(otherHeadsOf(tx, row.sync_id).map((head) => head.version))
  for (const { version } of before) {
    const isHead = headNames.has(version)
    if (version !== row.version && isHead !== marked.has(version)) setHead(tx, row.sync_id, version, isHead)
  }
}

const tellsMore = (mine: KnownVersion, arriving: KnownVersion): boolean =>
  isLater(arriving, mine) ||
  (mine.updatedAt !== '' && laterTime(arriving.updatedAt, mine.updatedAt) !== mine.updatedAt) ||
  arriving.ancestors.some((name) => name !== mine.version && !mine.ancestors.includes(name))

/** Two machines that made the same edit gave it one name; the later of them is the one that counts. */
const isLater = (a: KnownVersion, b: KnownVersion): boolean =>
  compareVersions({ ...a, version: '' }, { ...b, version: '' }) > 0

function joined(mine: KnownVersion, arriving: KnownVersion): KnownVersion {
  const time = isLater(arriving, mine) ? arriving : mine
  const ancestors = joinAncestors(
    mine.ancestors,
    arriving.ancestors.filter((name) => name !== mine.version),
  )
  return { ...mine, ancestors, hlc: time.hlc, origin: time.origin }
}

function putArrived(
  tx: WriteTx,
  syncId: string,
  added: KnownVersion,
  arriving: ArrivingVersion,
  isHead: boolean,
): void {
  putVersion(tx, {
    sync_id: syncId,
    version: added.version,
    parents: JSON.stringify(arriving.parents ?? added.ancestors.slice(0, 1)),
    ancestors: JSON.stringify(added.ancestors),
    fingerprint: added.fingerprint,
    snapshot: JSON.stringify(snapshotOf(arriving.snapshot)),
    hlc: added.hlc,
    origin: added.origin,
    head: isHead ? 1 : 0,
    captured_at: arriving.capturedAt,
  })
}

/** The text of a version we know stays ours: the copy may be masked. What the name does not fix goes with the later copy. */
function keptState(tx: WriteTx, row: ObservationRow, added: KnownVersion, arriving: ArrivingVersion): Snapshot {
  const stored = versionsOf(tx, row.sync_id).find((version) => version.version === added.version)
  const ours = stored === undefined ? null : parseSnapshot(stored.snapshot)
  if (stored === undefined || ours === null) return arriving.snapshot
  const isTheirs = added.hlc !== stored.hlc || added.origin !== stored.origin
  const updatedAt = laterTime(ours.updated_at, arriving.snapshot.updated_at) ?? ours.updated_at
  return { ...ours, ...(isTheirs ? unnamedFields(arriving.snapshot) : {}), updated_at: updatedAt }
}

/** What a version's name does not fix. */
const unnamedFields = ({ author, confidence, provenance, deleted_at }: Snapshot): Partial<Snapshot> => ({
  author,
  confidence,
  provenance,
  deleted_at,
})

/** The current version as it is known after a second copy of it came, perhaps with repeats counted since. */
function withTimeOf(row: ObservationRow, added: KnownVersion, arriving: ArrivingVersion): ObservationRow {
  const isTheirs = added.hlc !== row.hlc || added.origin !== row.origin
  const theirs = isTheirs ? unnamedFields(arriving.snapshot) : {}
  return { ...row, ...theirs, ancestors: JSON.stringify(added.ancestors), hlc: added.hlc, origin: added.origin }
}

/** Puts the greatest head into the row and what stood there among the versions. */
function makeCurrent(
  tx: WriteTx,
  row: ObservationRow,
  heads: readonly KnownVersion[],
  headNames: ReadonlySet<string>,
  options: AddOptions,
): ObservationRow {
  const top = heads[0]
  if (top === undefined || top.version === row.version) return row
  const stored = versionsOf(tx, row.sync_id).find((version) => version.version === top.version)
  const snapshot = stored === undefined ? null : parseSnapshot(stored.snapshot)
  if (stored === undefined || snapshot === null) return row
  dropVersion(tx, row.sync_id, top.version)
  keepVersion(tx, row, { ...options, head: headNames.has(row.version), fingerprint: fingerprintOfRow(row) })
  return {
    ...row,
    ...snapshot,
    version: stored.version,
    ancestors: JSON.stringify(parseNames(stored.ancestors)),
    hlc: stored.hlc,
    origin: stored.origin,
  }
}
