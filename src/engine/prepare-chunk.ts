import { EngramError } from '../model/errors.ts'
import { nameProject } from '../model/project-name.ts'
import type { IncomingRecord, PreparedChunk, PreparedPlace } from '../model/sync.ts'
import { isBlank } from '../model/text.ts'
import { recordsOf } from '../protocol/chunk-records.ts'
import { readObservation } from '../protocol/record-rows.ts'
import type { SplitDocument } from '../protocol/split-document.ts'
import { PreparedRows, type PreparedRow } from '../store/prepared-rows.ts'
import { cleanState, countersOf, isVersioned, nameOf, newRow, stateIn } from './arrived-observation.ts'
import { createCleaner, type CleanedName } from './cleaner.ts'
import type { EngineDeps } from './handler.ts'
import { fingerprintOfRow } from './rules/version.ts'

/**
 * Everything about the observations of a chunk that can be done without the store: redaction, limits, names of versions,
 * the texts of the index (CHK-613). It may run in another thread, and is null where anything needs a second look: then the
 * chunk is taken in record by record, as if nobody had prepared it.
 * @param hash of the document
 * @param createdAt as for `recordsOf`
 */
export function prepareChunk(
  deps: Pick<EngineDeps, 'redactor'>,
  hash: string,
  split: SplitDocument,
  createdAt: string,
): PreparedChunk | null {
  const { records, refused } = recordsOf(split.document, createdAt)
  // Observations outside their list are numbered among the others.
  if (refused.length > 0 || records.some(({ entity }) => entity === 'observation')) return null
  const prepared = prepareObservations(deps, split, buriedIn(records))
  const isBefore = ({ entity }: IncomingRecord): boolean => entity === 'session'
  return (
    prepared && {
      hash,
      before: records.filter(isBefore),
      observations: prepared,
      behind: records.filter((record) => !isBefore(record)),
    }
  )
}

/** Observations that the document also tells to be deleted for ever: row and tombstone are one record. */
const buriedIn = (records: readonly IncomingRecord[]): ReadonlySet<string> =>
  new Set(
    records.flatMap(({ entity, key }) =>
      entity === 'tombstone' && key.startsWith(buried) ? [key.slice(buried.length)] : [],
    ),
  )

const buried = 'observation:'

/** More than a chunk of ours has; beyond it, what is asked once for all rows costs more than asking for each. */
const rowsMax = 10_000
const facetsMax = 1_000

/** Rows have no names of fields in the store, but texts of their own for the index. */
const roomForEach = 1.25

function prepareObservations(
  deps: Pick<EngineDeps, 'redactor'>,
  { observations, observationsBytes }: SplitDocument,
  gone: ReadonlySet<string>,
): PreparedChunk['observations'] | null {
  const work = newWork()
  const rows = new PreparedRows(observationsBytes * roomForEach)
  for (const value of observations) {
    const row = rowOf(deps, work, value)
    if (row === null || gone.has(row.sync_id) || rows.count >= rowsMax) return null
    rows.add(row, noteRow(work, row))
    if (work.facets.size > facetsMax) return null
  }
  return {
    ...rows.finish(),
    places: [...work.places.values()],
    facets: [...work.facets.values()],
    authors: [...work.authors.values()],
    withTopic: work.withTopic,
    hlc: work.hlc,
    redacted: work.redacted,
  }
}

type Facet = PreparedChunk['observations']['facets'][number]
type Author = PreparedChunk['observations']['authors'][number]

/** What the rows have in common, each once. */
type Work = {
  readonly names: Map<string, CleanedName>
  readonly projects: Map<string, string>
  readonly places: Map<string, PreparedPlace>
  readonly facets: Map<string, Facet & { readonly index: number }>
  readonly authors: Map<string, Author>
  readonly withTopic: string[]
  /** The row before, and the place of its facet. */
  last: { readonly row: PreparedRow; readonly facet: number } | null
  hlc: string
  redacted: number
}

const newWork = (): Work => ({
  names: new Map(),
  projects: new Map(),
  places: new Map(),
  facets: new Map(),
  authors: new Map(),
  withTopic: [],
  last: null,
  hlc: '',
  redacted: 0,
})

/** Null for a row that has no name yet, and for one that cannot be kept. */
function rowOf(deps: Pick<EngineDeps, 'redactor'>, work: Work, value: unknown): PreparedRow | null {
  const read = readObservation(value)
  if (!read.ok || read.row.sync_id === undefined) return null
  const cleaner = createCleaner(deps, work.names)
  try {
    const state = cleanState(stateIn(read.row), cleaner, (project) => namedIn(work, project))
    const name = nameOf(read.row, state, () => fingerprintOfRow(state))
    if (isVersioned(read.row) && name.hlc > work.hlc) work.hlc = name.hlc
    work.redacted += cleaner.redacted()
    return newRow(read.row.sync_id, { ...name, snapshot: state }, countersOf(read.row, state), 0, 0)
  } catch (error) {
    if (error instanceof EngramError) return null
    throw error
  }
}

/** Under its own name: where it was merged into another here, the store finds out. */
function namedIn(work: Work, given: string | undefined): string {
  if (given === undefined || isBlank(given)) return ''
  const known = work.projects.get(given)
  if (known !== undefined) return known
  const { name } = nameProject(given)
  work.projects.set(given, name)
  return name
}

/** @returns the place of its facet */
function noteRow(work: Work, row: PreparedRow): number {
  if (row.topic_key !== null) work.withTopic.push(row.sync_id)
  // Those of one session come together, and say nothing new.
  if (work.last === null || !isAlike(work.last.row, row)) work.last = { row, facet: noteNew(work, row) }
  return work.last.facet
}

const isAlike = (one: PreparedRow, other: PreparedRow): boolean =>
  one.session_id === other.session_id &&
  one.project === other.project &&
  one.scope === other.scope &&
  one.author === other.author &&
  one.deleted_at === other.deleted_at

function noteNew({ places, facets, authors }: Work, row: PreparedRow): number {
  const { session_id, project, scope, author, created_at } = row
  // As JSON: names may hold whatever would stand between them.
  const place = JSON.stringify([session_id, project])
  if (!places.has(place)) places.set(place, { session_id, project })
  const facet = JSON.stringify([scope, project])
  const { index } = facets.get(facet) ?? { index: facets.size }
  if (index === facets.size) facets.set(facet, { project, scope, created_at, index })
  const name = JSON.stringify([project, author, author === null ? session_id : null])
  if (row.deleted_at === null && !authors.has(name)) authors.set(name, { project, author, session_id })
  return index
}
