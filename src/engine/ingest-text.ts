import { cleanText } from '../model/text.ts'
import type { Redactor } from './rules/redact.ts'

/** Text from a transcript on its way into memory. */
export type IngestCleaner = {
  readonly clean: (text: string) => CleanedText
  /** Counts the places masked in what was kept. */
  readonly keep: (cleaned: CleanedText) => string
  readonly places: () => number
}

export type CleanedText = { readonly text: string; readonly places: number }

/** What is looked at and not kept, because it is there already, is no redaction of today. */
export function createIngestCleaner(redactor: Redactor): IngestCleaner {
  let places = 0
  return {
    clean: (text) => {
      const cleaned = redactor.clean(cleanText(text))
      return { text: cleaned.text, places: cleaned.kinds.length + cleaned.privateBlocks }
    },
    keep: (cleaned) => {
      places += cleaned.places
      return cleaned.text
    },
    places: () => places,
  }
}

const depthMax = 64

/**
 * The reader's notes without secrets. They hold ids and hashes, and now and then a text that waits for its meaning: texts
 * are cleaned as everything is, a single word only of what has the form of a known secret, since an id looks like chance.
 */
export function cleanState(json: string, redactor: Redactor): string {
  let isChanged = false
  const word = (text: string): string => {
    const clean = cleanWord(text, redactor)
    isChanged ||= clean !== text
    return clean
  }
  const walk = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return word(value)
    if (typeof value !== 'object' || value === null) return value
    if (depth > depthMax) return null
    if (Array.isArray(value)) return value.map((each) => walk(each, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [word(key), walk(each, depth + 1)]))
  }
  const state = parsed(json)
  if (state === null) return ''
  const cleaned = walk(state, 0)
  return isChanged ? JSON.stringify(cleaned) : json
}

/** Without its notes a file is read from its start again; that is better than keeping what cannot be cleaned. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}

/** Hashes, uuids and runs of them: by far the most of it. */
const hashesOnly = /^[0-9a-ft-]*$/

function cleanWord(text: string, redactor: Redactor): string {
  if (hashesOnly.test(text)) return text
  const { text: clean, kinds, privateBlocks } = redactor.clean(text)
  const isId = !/\s/.test(text) && privateBlocks === 0 && kinds.every((kind) => kind === 'entropy')
  return isId ? text : clean
}
