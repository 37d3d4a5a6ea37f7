import type { Entry } from '../../entries.ts'
import { isObject, objectAt } from '../record.ts'

/**
 * A record whose meaning the next lines decide (ING-CX-6, ING-CX-8).
 *
 *   user-item     what the model saw as the user's: human when a `user_message` says so
 *   user-event    what a person typed, as the screen showed it; its item may follow
 *   agent-event   what the agent said, as the screen showed it; its item may follow
 *   output        a command's output without an exit code; the event that has it may follow
 */
export type Held = {
  readonly kind: 'user-item' | 'user-event' | 'agent-event' | 'output'
  /** What mirrors are matched by: the text, or the call's id. */
  readonly key: string
  readonly entry: Entry
}

export const heldMax = 64

export function heldFrom(value: unknown): readonly Held[] | null {
  if (!Array.isArray(value)) return null
  const isHeld = (each: unknown): each is Held => {
    const entry = isObject(each) ? objectAt(each, 'entry') : null
    return isObject(each) && typeof each.kind === 'string' && typeof each.key === 'string' && isObject(entry?.origin)
  }
  return value.every(isHeld) ? value : null
}
