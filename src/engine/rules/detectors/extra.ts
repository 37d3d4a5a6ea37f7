import { EngramError } from '../../../model/errors.ts'
import type { Detector } from './finding.ts'
import { compileLinear } from './linear-pattern.ts'

/** A pattern of the user's own; the name becomes the kind. */
export type ExtraPattern = { readonly name: string; readonly pattern: string }

const extraMax = 50
const nameForm = /^[a-z0-9][a-z0-9-]{0,39}$/

/** ING-RED-6 `redact.extra`. Throws `invalid_request` for a name or pattern that cannot be used. */
export function createExtraDetectors(extra: readonly ExtraPattern[]): Detector[] {
  if (extra.length > extraMax) {
    throw new EngramError('invalid_request', `redact.extra: at most ${extraMax} patterns, got ${extra.length}`)
  }
  return extra.map(({ name, pattern }) => {
    if (!nameForm.test(name)) {
      const expected = 'expected at most 40 small letters, digits and dashes'
      throw new EngramError(
        'invalid_request',
        `redact.extra: the name ${JSON.stringify(name.slice(0, 60))}: ${expected}`,
      )
    }
    const expression = compileLinear(name, pattern)
    return ({ text }, found) => {
      for (const hit of text.matchAll(expression)) found(name, hit.index, hit.index + hit[0].length)
    }
  })
}
