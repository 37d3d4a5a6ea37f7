import type { RelationNote } from '../api/observations.ts'
import type { FoundEntry, SearchHit } from '../api/search.ts'
import { oneLine } from '../model/text.ts'
import type { ObservationExt, Warning } from '../model/records.ts'

/** Who and where a memory comes from, in one word each: what is kept is a claim of somebody (MEM-1704). */
export function originOf(ext: ObservationExt | undefined): string {
  const author = ext?.author === undefined ? [] : [`author: ${oneLine(ext.author)}`]
  const origin = ext?.provenance === undefined ? [] : [`origin: ${ext.provenance.kind}`]
  return [...author, ...origin].map((part) => ` | ${part}`).join('')
}

/** Relation lines under a hit, with the prefixes that programs look for (MEM-606). */
export function relationLines(notes: readonly RelationNote[]): readonly string[] {
  return notes.flatMap((note) => {
    const peer = `#${note.id ?? note.sync_id} (${note.deleted ? 'deleted' : oneLine(note.title)})`
    switch (note.relation) {
      case 'supersedes':
        return [`    ${note.direction === 'out' ? 'supersedes' : 'superseded_by'}: ${peer}`]
      case 'conflicts_with':
        return [`    conflicts: ${peer}`]
      case 'pending':
        return [`    conflict: contested by ${peer.replace(/\)$/, '')}) (pending)`]
      case 'related':
      case 'compatible':
      case 'scoped':
      case 'not_conflict':
        return []
    }
  })
}

/** The lines of one hit: number, type, title, preview, when and where (MEM-1204). */
export function hitLines(hit: SearchHit, index: number): string {
  const preview = hit.ext.preview + (hit.ext.preview_truncated ? '...' : '')
  return [
    `[${index + 1}] #${hit.id} (${oneLine(hit.type)}) — ${oneLine(hit.title)}`,
    ...preview.split('\n').map((line) => `    ${line}`),
    `    ${hit.updated_at} | project: ${hit.project ?? ''} | scope: ${hit.scope}${originOf(hit.ext)}`,
    ...relationLines(hit.ext.relations),
  ].join('\n')
}

/** The lines of one result of any kind: what it is, its snippet, when and where (RET-758). */
export function entryLines(entry: FoundEntry, index: number): string {
  const name = {
    observation: `#${entry.id} — ${oneLine(entry.title ?? '')}`,
    prompt: `prompt #${entry.id}`,
    unit: `unit ${oneLine(entry.unit_id ?? '')} in ${oneLine(entry.context_id ?? '')}`,
    message: `message ${entry.position} of ${oneLine(entry.key ?? '')}`,
  }[entry.kind]
  const author = entry.author === null ? '' : ` | author: ${oneLine(entry.author)}`
  return [
    `[${index + 1}] ${name}`,
    ...entry.snippet.split('\n').map((line) => `    ${line}`),
    `    ${entry.created_at} | project: ${entry.project ?? ''}${author}`,
  ].join('\n')
}

/** Warnings as one text for agents; the codes stay readable for programs. */
export function warningOf(warnings: readonly Warning[]): { readonly warning?: string } {
  return warnings.length === 0 ? {} : { warning: warnings.map((one) => `${one.code}: ${one.message}`).join(' ') }
}
