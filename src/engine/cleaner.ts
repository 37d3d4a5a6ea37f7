import { cleanText } from '../model/text.ts'
import type { Truncation } from '../model/records.ts'
import type { EngineDeps } from './handler.ts'
import { cutText } from './rules/cut.ts'
import { secretsIn } from './secret-names.ts'

/** A name as it is kept, and how many secrets it held. */
export type CleanedName = { readonly name: string; readonly redacted: number }

/** Cleans the texts of one record and counts what it took out. */
export type Cleaner = {
  text(given: string, bytesMax: number): string
  /** A name without what must not reach the disk: masked alike wherever it stands, so that records stay together. */
  name<T extends string | undefined>(given: T): T | string
  readonly redacted: () => number
  /** What was too long, with its bytes after redaction (MEM-301). */
  readonly cuts: () => readonly Truncation[]
}

/** @param names what is known of names from records before */
export function createCleaner(deps: Pick<EngineDeps, 'redactor'>, names?: Map<string, CleanedName>): Cleaner {
  let redacted = 0
  const cuts: Truncation[] = []
  return {
    text: (given, bytesMax) => {
      if (given === '') return given
      const cleaned = deps.redactor.clean(cleanText(given))
      redacted += cleaned.kinds.length + cleaned.privateBlocks
      const cut = cutText(cleaned.text, bytesMax)
      if (cut.truncation !== undefined) cuts.push(cut.truncation)
      return cut.text
    },
    name: (given) => {
      if (given === undefined) return given
      const cleaned = names?.get(given) ?? cleanName(deps, given)
      names?.set(given, cleaned)
      redacted += cleaned.redacted
      return cleaned.name
    },
    redacted: () => redacted,
    cuts: () => cuts,
  }
}

function cleanName(deps: Pick<EngineDeps, 'redactor'>, given: string): CleanedName {
  const redacted = secretsIn(deps.redactor, given).length
  return { name: redacted === 0 ? given : deps.redactor.clean(given).text, redacted }
}
