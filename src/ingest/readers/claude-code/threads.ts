import { sha256Hex } from '../../../platform/bytes.ts'
import type { AbandonedTurns } from '../reader.ts'
import { isObject } from '../record.ts'

/**
 * Who follows whom in a session, as turns (ING-CC-18, ING-CC-19).
 *
 *   root ─┬─ turn 1 ─┬─ turn 2            a fork of *records* inside a turn is no rewind: calls, results and progress
 *         │          └─ turn 3 ── turn 4  fork all the time. Two *turns* on one parent are: the one that holds the
 *         └─ …                            latest record lives on, the others are abandoned with all that follows them.
 *
 * Each record belongs to the group it reaches first by its parent: a turn, named by its head, or a root, which is what
 * no head leads to. A parent that is not there yet makes a root that is joined to the parent's own group when it comes.
 * Heads on one root that is a record are turns of one parent too: going back before the first prompt is a rewind.
 */
export type Threads = {
  /** Takes in a record. Gives the live turns it makes abandoned: empty but for the head of a rewind. */
  add(record: ThreadRecord): readonly string[]
  /** A record with this id was decoded from this file before. */
  isDecoded(uuid: string): boolean
  abandoned(): AbandonedTurns
  save(): SavedThreads
}

export type ThreadRecord = {
  readonly uuid: string
  /** `logicalParentUuid` where `parentUuid` is null. */
  readonly parent: string | null
  readonly line: number
  readonly isHead: boolean
  readonly isDecoded: boolean
}

type Group = {
  /** Uuid of a turn's first record; null for a root. */
  readonly head: string | null
  parent: number | null
  /** Line of its latest record. */
  last: number
  /** The group a root turned out to belong to. */
  joined: number | null
}

/** `awaited`: only named as a parent so far. */
type Presence = 'awaited' | 'there' | 'decoded'

const presences: Readonly<Record<Presence, string>> = { awaited: 'a', there: 't', decoded: 'd' }

type KnownRecord = { readonly group: number; readonly presence: Presence }

export type SavedThreads = {
  readonly groups: readonly (readonly [
    head: string | null,
    parent: number | null,
    last: number,
    joined: number | null,
  ])[]
  /** Runs of records in order of arrival: their group, and their short ids, each with a letter of {@link presences}. */
  readonly records: readonly (readonly [group: number, ids: string])[]
}

/**
 * Records kept by id; the oldest are forgotten. What follows a forgotten record is live, and a turn that goes back
 * further than this many records leaves what it left live. Heads and roots beyond their number make no turns.
 */
const recordsMax = 20_000
const headsMax = 4_000
const groupsMax = 20_000
const idLength = 16

/** The group of whatever no group is kept for; turns on it are no siblings. */
const loose = 0

const shortId = (uuid: string): string => sha256Hex(uuid).slice(0, idLength)

export function createThreads(saved: SavedThreads | null): Threads {
  const groups: Group[] = (saved?.groups ?? [[null, null, 0, null] as const]).map(groupFrom)
  const records = recordsFrom(saved)
  const parents = parentsOf(groups)
  let heads = groups.filter((group) => group.head !== null).length

  const find = (group: number): number => findGroup(groups, group)
  const begin = (head: string | null, parent: number | null, last: number): number => {
    if (groups.length >= groupsMax) return loose
    if (head !== null) heads += 1
    if (head !== null && parent !== null) parents.add(parent)
    return groups.push({ head, parent, last, joined: null }) - 1
  }
  const remember = (id: string, group: number, presence: Presence): void => {
    records.set(id, { group, presence })
    for (const oldest of records.keys()) {
      if (records.size <= recordsMax) break
      records.delete(oldest)
    }
  }
  /** The group of the record's parent, made when it is not known; null where nothing comes before. */
  const groupOf = (parent: string | null): number | null => {
    if (parent === null) return null
    const id = shortId(parent)
    const known = records.get(id)
    if (known !== undefined) return find(known.group)
    const root = begin(null, null, 0)
    remember(id, root, 'awaited')
    return root
  }
  /** A parent written after its children: the root they made is part of the parent's group. */
  const join = (root: number, group: number): void => {
    const waiting = groups[root]
    const own = groups[group]
    if (waiting === undefined || own === undefined || root === loose || root === group) return
    if (waiting.head !== null || isAbove(groups, root, group)) return
    waiting.joined = group
    own.last = Math.max(own.last, waiting.last)
    if (parents.has(root)) parents.add(group)
  }
  /** Gives the group the record belongs to, and whether it begins it. */
  const place = (record: ThreadRecord): { readonly group: number; readonly begins: boolean } => {
    const parent = groupOf(record.parent)
    if (record.isHead && heads < headsMax) return { group: begin(record.uuid, parent, record.line), begins: true }
    return { group: parent ?? begin(null, null, record.line), begins: false }
  }

  return {
    add: (record) => {
      const id = shortId(record.uuid)
      const known = records.get(id)
      const parent = groupOf(record.parent)
      const hadTurns = parent !== null && parents.has(parent)
      const { group, begins } = place(record)
      const own = groups[group]
      if (own !== undefined) own.last = Math.max(own.last, record.line)
      if (known?.presence === 'awaited') join(find(known.group), group)
      remember(id, group, record.isDecoded || known?.presence === 'decoded' ? 'decoded' : 'there')
      return begins && hadTurns ? turnTree(groups).leftBy(group) : []
    },
    isDecoded: (uuid) => records.get(shortId(uuid))?.presence === 'decoded',
    abandoned: () => {
      const gone = turnTree(groups).abandoned()
      const goneHeads = [...gone].flatMap((group) => groups[group]?.head ?? [])
      const has = (uuid: string): boolean => {
        const known = records.get(shortId(uuid))
        return known !== undefined && gone.has(find(known.group))
      }
      return { heads: goneHeads, has }
    },
    save: () => ({
      groups: groups.map(({ head, parent, last, joined }) => [head, parent, last, joined]),
      records: savedRecords(records),
    }),
  }
}

/** Groups that turns stand on, also by the roots that were joined to them. */
function parentsOf(groups: readonly Group[]): Set<number> {
  const parents = new Set<number>()
  for (const { head, parent } of groups) {
    if (head !== null && parent !== null) parents.add(parent).add(findGroup(groups, parent))
  }
  return parents
}

/** Through roots that were joined to others, each of which is pointed at its end on the way. */
function findGroup(groups: readonly Group[], group: number): number {
  let end = group
  for (let next = groups[end]?.joined ?? null; next !== null; next = groups[end]?.joined ?? null) end = next
  for (let at = groups[group]; at !== undefined && at.joined !== null && at.joined !== end;) {
    const next: Group | undefined = groups[at.joined]
    at.joined = end
    at = next
  }
  return end
}

/** Whether `group` is `below` or one of the turns and roots that lead to it. */
function isAbove(groups: readonly Group[], group: number, below: number): boolean {
  let at: number | null = findGroup(groups, below)
  for (let steps = 0; at !== null && steps <= groups.length; steps++) {
    if (at === group) return true
    const parent: number | null = groups[at]?.parent ?? null
    at = parent === null ? null : findGroup(groups, parent)
  }
  return false
}

type TurnTree = {
  /** Live turns of the same parent that the newest turn `group` takes over from. */
  leftBy(group: number): readonly string[]
  abandoned(): ReadonlySet<number>
}

function turnTree(groups: readonly Group[]): TurnTree {
  const find = (group: number): number => findGroup(groups, group)
  const children = new Map<number, number[]>()
  groups.forEach((group, index) => {
    if (group.head === null || group.parent === null) return
    const parent = find(group.parent)
    if (parent === loose) return
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [index])
    else siblings.push(index)
  })
  /** Everything below and including `group`, each once. */
  const subtree = (group: number): readonly number[] => {
    const found = new Set([group])
    for (const each of found) for (const child of children.get(each) ?? []) found.add(child)
    return [...found]
  }
  const lastOf = (group: number): number => Math.max(...subtree(group).map((each) => groups[each]?.last ?? 0))
  return {
    leftBy: (group) => {
      const parent = groups[group]?.parent ?? null
      const others = (parent === null ? [] : (children.get(find(parent)) ?? [])).filter((each) => each !== group)
      if (others.length === 0) return []
      const live = others.reduce((best, each) => (lastOf(each) > lastOf(best) ? each : best))
      return subtree(live).flatMap((each) => groups[each]?.head ?? [])
    },
    abandoned: () => {
      const gone = new Set<number>()
      for (const siblings of children.values()) {
        if (siblings.length < 2) continue
        const live = siblings.reduce((best, each) => (lastOf(each) >= lastOf(best) ? each : best))
        for (const each of siblings) if (each !== live) for (const below of subtree(each)) gone.add(below)
      }
      return gone
    },
  }
}

function savedRecords(records: ReadonlyMap<string, KnownRecord>): SavedThreads['records'] {
  const runs: { group: number; ids: string[] }[] = []
  for (const [id, { group, presence }] of records) {
    const run = runs.at(-1)
    const written = `${id}${presences[presence]}`
    if (run !== undefined && run.group === group) run.ids.push(written)
    else runs.push({ group, ids: [written] })
  }
  return runs.map(({ group, ids }) => [group, ids.join('')])
}

function recordsFrom(saved: SavedThreads | null): Map<string, KnownRecord> {
  const records = new Map<string, KnownRecord>()
  for (const [group, ids] of saved?.records ?? []) {
    for (let at = 0; at < ids.length; at += idLength + 1) {
      const letter = ids[at + idLength]
      const presence = letter === 'd' ? 'decoded' : letter === 't' ? 'there' : 'awaited'
      records.set(ids.slice(at, at + idLength), { group, presence })
    }
  }
  return records
}

const groupFrom = ([head, parent, last, joined]: SavedThreads['groups'][number]): Group => ({
  head,
  parent,
  last,
  joined,
})

/** Saved threads, or null when they are none. Groups point to groups there are, and joins never in a circle. */
export function threadsFrom(value: unknown): SavedThreads | null {
  if (!isObject(value) || !Array.isArray(value.groups) || !Array.isArray(value.records)) return null
  const { groups, records } = value
  const isIndex = (each: unknown): each is number =>
    typeof each === 'number' && Number.isInteger(each) && each >= 0 && each < groups.length
  const isGroup = (each: unknown): each is SavedThreads['groups'][number] =>
    Array.isArray(each) &&
    (each[0] === null || typeof each[0] === 'string') &&
    typeof each[2] === 'number' &&
    (each[1] === null || isIndex(each[1])) &&
    (each[3] === null || isIndex(each[3]))
  const isRun = (each: unknown): each is SavedThreads['records'][number] =>
    Array.isArray(each) && isIndex(each[0]) && typeof each[1] === 'string'
  if (groups.length === 0 || !groups.every(isGroup) || !records.every(isRun)) return null
  return hasCircle(groups) ? null : { groups, records }
}

function hasCircle(groups: SavedThreads['groups']): boolean {
  return groups.some(([, , , joined], index) => {
    let at = joined
    for (let steps = 0; at !== null && steps <= groups.length; steps++) {
      if (at === index) return true
      at = groups[at]?.[3] ?? null
    }
    return false
  })
}
