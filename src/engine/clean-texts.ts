import type { Redacted } from '../model/records.ts'
import { cleanText } from '../model/text.ts'
import type { Redactor } from './rules/redact.ts'

/** Cleans the texts of one write and remembers what was taken out, never the text itself (MEM-301 step 2, MEM-307). */
export type TextCleaner = {
  /** Well-formed, without NUL, private blocks and secrets. */
  readonly clean: (text: string) => string
  readonly redacted: () => Redacted
  /** Whether a text held NUL or broken Unicode, which no reader of the store should have to expect. */
  readonly isRepaired: () => boolean
}

export function createTextCleaner(redactor: Redactor): TextCleaner {
  const kinds: string[] = []
  let isRepaired = false
  return {
    clean: (text) => {
      const whole = cleanText(text)
      isRepaired ||= whole !== text
      const cleaned = redactor.clean(whole)
      kinds.push(...cleaned.kinds, ...Array.from({ length: cleaned.privateBlocks }, () => 'private'))
      return cleaned.text
    },
    redacted: () => ({ count: kinds.length, kinds: [...new Set(kinds)].sort() }),
    isRepaired: () => isRepaired,
  }
}

/** A name that tells things apart. Blank where something was taken out of it: all such names would be one. */
export function cleanName(cleaner: Pick<TextCleaner, 'clean'>, given: string): string {
  const cleaned = cleaner.clean(given).trim()
  return cleaned === cleanText(given).trim() ? cleaned : ''
}
