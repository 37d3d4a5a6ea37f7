import type { SaveResult } from '../../api/observations.ts'
import type { Redacted, Truncation, Warning } from '../../model/records.ts'
import type { CommandContext } from '../command.ts'
import { counted } from './amounts.ts'
import { oneLine } from '../visible.ts'

/** `Memory saved: #12 "title" (type)`, and how when it is not simply new (MEM-1401, MEM-307). */
export function savedText(result: SaveResult): string {
  const what = `"${oneLine(result.title)}" (${oneLine(result.type)})`
  if (result.outcome === 'queued') return `Memory queued: ${what}`
  return `Memory saved: #${result.id ?? '?'} ${what}${outcomeNote(result)}`
}

function outcomeNote(result: SaveResult): string {
  if (result.outcome === 'repeated') return ` — known already, seen ${counted(result.duplicate_count, 'time')}`
  return result.outcome === 'revised' ? ` — revision ${result.revision_count}` : ''
}

/** What a person should hear of a save, on standard error. */
export function tellSaved(context: CommandContext, result: SaveResult): void {
  tellChanges(context, result)
  if (result.candidates.length > 0) {
    const note = `${counted(result.candidates.length, 'memory', 'memories')} may be about the same:`
    context.note(context.paint.warn(note))
    for (const one of result.candidates) {
      context.note(`  #${one.id} ${oneLine(one.title)}  (engram conflicts judge ${one.judgment_id} <relation>)`)
    }
  }
}

type Changed = {
  readonly redacted?: Redacted
  readonly truncation?: Truncation
  readonly warnings: readonly Warning[]
}

/** What was taken out, cut or decided otherwise than asked. */
export function tellChanges(context: CommandContext, { redacted, truncation, warnings }: Changed): void {
  if (redacted !== undefined && redacted.count > 0) {
    const kinds = redacted.kinds.length === 0 ? '' : ` (${redacted.kinds.map(oneLine).join(', ')})`
    context.note(context.paint.warn(`note: ${counted(redacted.count, 'place')} redacted${kinds}`))
  }
  if (truncation?.truncated === true) {
    const { original_bytes, limit_bytes } = truncation
    context.note(context.paint.warn(`note: the text was cut: it has ${original_bytes} bytes, ${limit_bytes} are kept`))
  }
  for (const warning of warnings) context.note(context.paint.warn(`note: ${oneLine(warning.message)}`))
}
