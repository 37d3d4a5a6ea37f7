import type { RelationNote } from '../../api/observations.ts'
import { oneLine } from '../visible.ts'

/** Relation lines below a memory, with the prefixes scripts look for; other verbs print nothing (MEM-606). */
export function relationLines(notes: readonly RelationNote[]): readonly string[] {
  return notes.flatMap((note) => {
    const name = note.id === null ? oneLine(note.sync_id) : `#${note.id}`
    if (note.relation === 'pending') return [`conflict: contested by ${name} (pending)`]
    const prefix = prefixOf(note)
    const gone = note.deleted || note.id === null
    return prefix === null ? [] : [`${prefix}: ${name} (${gone ? 'deleted' : oneLine(note.title)})`]
  })
}

function prefixOf(note: RelationNote): string | null {
  if (note.relation === 'supersedes') return note.direction === 'out' ? 'supersedes' : 'superseded_by'
  return note.relation === 'conflicts_with' ? 'conflicts' : null
}
