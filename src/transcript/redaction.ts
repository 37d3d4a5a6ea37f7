import { isRecord } from './fields.ts'

/** Takes secrets and private passages out of a text, and says how many places changed. Given by the program (TRN-1401). */
export type Redact = (text: string) => { readonly text: string; readonly places: number }

type Fields = Readonly<Record<string, unknown>>
type Redacted = { readonly message: Fields; readonly places: number }

/** The message with every text a person or tool wrote redacted; the very same object when nothing changed. */
export function redactMessage(message: Fields, redact: Redact): Redacted {
  let places = 0
  const clean = (value: unknown): unknown => {
    if (typeof value !== 'string') return value
    const done = redact(value)
    places += done.places
    return done.text
  }
  const changed: Record<string, unknown> = {
    content: clean(message['content']),
    reasoning_content: clean(message['reasoning_content']),
    system_parts: each(message['system_parts'], (part) => ({ ...part, text: clean(part['text']) })),
    tool_calls: each(message['tool_calls'], (call) =>
      withArguments(call, (text) => counted(redactArguments(text, redact))),
    ),
  }
  function counted(done: ReturnType<Redact>): string {
    places += done.places
    return done.text
  }
  return places === 0 ? { message, places } : { message: { ...message, ...changed }, places }
}

function each(value: unknown, change: (item: Fields) => Fields): unknown {
  return Array.isArray(value) ? value.map((item: unknown) => (isRecord(item) ? change(item) : item)) : value
}

function withArguments(call: Fields, change: (text: string) => string): Fields {
  const called = call['function']
  if (!isRecord(called) || typeof called['arguments'] !== 'string') return call
  return { ...call, function: { ...called, arguments: change(called['arguments']) } }
}

/**
 * Redacts a JSON text so that it stays JSON: over the text as it stands, and over each string in it, since a secret may
 * be written with escapes. When neither keeps it JSON, the redacted text becomes one JSON string.
 */
export function redactArguments(text: string, redact: Redact): ReturnType<Redact> {
  const whole = redact(text)
  if (parse(text) === undefined) return whole
  const isWholeJson = whole.places === 0 || parse(whole.text) !== undefined
  const start = isWholeJson ? whole : { text, places: 0 }
  const inner = redactStrings(parse(start.text), redact)
  if (inner.places === 0) return isWholeJson ? start : { text: JSON.stringify(whole.text), places: whole.places }
  const done = JSON.stringify(inner.value)
  const again = isWholeJson ? { text: done, places: 0 } : redact(done)
  const kept = again.places === 0 || parse(again.text) !== undefined ? again.text : JSON.stringify(again.text)
  return { text: kept, places: start.places + inner.places }
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

function redactStrings(value: unknown, redact: Redact): { readonly value: unknown; readonly places: number } {
  let places = 0
  const walk = (item: unknown): unknown => {
    if (typeof item === 'string') {
      const done = redact(item)
      places += done.places
      return done.text
    }
    if (Array.isArray(item)) return item.map(walk)
    if (!isRecord(item)) return item
    return Object.fromEntries(Object.entries(item).map(([name, inner]) => [walk(name), walk(inner)]))
  }
  return { value: walk(value), places }
}
