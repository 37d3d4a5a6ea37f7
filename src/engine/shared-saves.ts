import type { Input } from '../api/operations.ts'
import type { SharedWrite } from '../store/write-batch.ts'
import type { Place } from './places.ts'
import type { Redactor } from './rules/redact.ts'
import type { PreparedSave, SaveContext } from './save.ts'
import type { SaveOperation } from './save-operations.ts'
import { encodeSpooled } from './spooled-save.ts'

/**
 * What of a save, an update or a prompt another process needs to do it in this one's stead (ADR 16). Like what waits in the
 * spool it holds nothing that must not reach the disk. Undefined for what only its own process can do.
 */

export const sharedKinds = { save: 'observation.save', update: 'observation.update', prompt: 'prompt.save' } as const

export function sharedSave(
  prepared: PreparedSave,
  context: SaveContext,
  operation: SaveOperation | null,
): SharedWrite | undefined {
  if (context.strict) return undefined
  const bytes = encodeSpooled({ kind: 'observation', at_ms: 0, prepared, context, operation })
  return { kind: sharedKinds.save, input: new TextDecoder().decode(bytes) }
}

/** As it was given, where the redactor leaves every text of it alone. */
export const sharedUpdate = (redactor: Redactor, input: Input<'observation.update'>): SharedWrite | undefined =>
  isClean(redactor, input) ? { kind: sharedKinds.update, input: JSON.stringify(input) } : undefined

/** The same with the place that was found for it. */
export const sharedPrompt = (redactor: Redactor, input: Input<'prompt.save'>, place: Place): SharedWrite | undefined =>
  isClean(redactor, input) ? { kind: sharedKinds.prompt, input: JSON.stringify({ input, place }) } : undefined

const isClean = (redactor: Redactor, input: object): boolean =>
  Object.values(input).every((value) => typeof value !== 'string' || redactor.clean(value).text === value)
