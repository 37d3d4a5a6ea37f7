import type { Entry } from './entries.ts'
import type { AbandonedTurns } from './readers/reader.ts'

/** Which records of an archived session belong to turns a person went back behind (ING-CC-19). */
export type ArchivedTurns = AbandonedTurns & {
  readonly add: (entries: readonly Entry[]) => void
  /** Whether the archive holds the record. */
  readonly holds: (uuid: string) => boolean
}

/**
 * Told by the marks a rewind left in the archive. A record belongs to the turn of its parent; where the parent gave no
 * message, to the turn begun last.
 */
export function createArchivedTurns(): ArchivedTurns {
  const turns = new Map<string, string>()
  const heads = new Set<string>()
  let last = ''
  const add = (entry: Entry): void => {
    const { uuid, parent } = entry.origin
    if (entry.kind === 'note' && entry.note === 'rewind') return entry.abandoned?.forEach((head) => heads.add(head))
    if (turns.has(uuid)) return
    if (isHead(entry)) last = uuid
    turns.set(uuid, isHead(entry) ? uuid : ((parent === null ? undefined : turns.get(parent)) ?? last))
  }
  return {
    add: (entries) => entries.forEach(add),
    holds: (uuid) => turns.has(uuid),
    get heads() {
      return [...heads]
    },
    has: (uuid) => heads.has(turns.get(uuid) ?? ''),
  }
}

const isHead = (entry: Entry): boolean =>
  entry.kind === 'human' || (entry.kind === 'note' && entry.note === 'compact-summary')
