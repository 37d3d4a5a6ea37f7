import { isJson, stringInsides } from './json-strings.ts'

/** The text with private blocks hidden, and how many there were; nested ones count as one. */
export type Shown = { readonly text: string; readonly blocks: number }

/** Any case, room before the `>`, and as JSON writers escape them (`\u003cprivate\u003e`, `<\/private>`). */
const tag = /(?:<|\\u003c)(\\?\/)?private(?:\s{0,16}|\s[^<>]{0,64})(?:>|\\u003e)/gi
const hidden = '[REDACTED]'

/**
 * MEM-1701: `<private>…</private>` becomes `[REDACTED]`. Nested tags count, an unclosed tag hides the rest. In text that is
 * JSON each string is a text of its own, so the JSON stays valid. Does not trim. Time is linear.
 */
export function hidePrivate(text: string): Shown {
  if (text.search(tag) === -1) return { text, blocks: 0 }
  return isJson(text) ? hideInStrings(text) : hideInText(text)
}

function hideInText(text: string): Shown {
  const pieces: string[] = []
  let blocks = 0
  let depth = 0
  let from = 0
  for (const hit of text.matchAll(tag)) {
    const isClosing = hit[1] !== undefined
    if (isClosing && depth === 0) continue
    depth += isClosing ? -1 : 1
    if (!isClosing && depth === 1) {
      pieces.push(text.slice(from, hit.index), hidden)
      blocks++
    }
    from = hit.index + hit[0].length
  }
  return { text: pieces.join('') + (depth > 0 ? '' : text.slice(from)), blocks }
}

function hideInStrings(json: string): Shown {
  const pieces: string[] = []
  let blocks = 0
  let from = 0
  for (const { start, end } of stringInsides(json, 0)) {
    const inside = hideInText(json.slice(start, end))
    pieces.push(json.slice(from, start), inside.text)
    blocks += inside.blocks
    from = end
  }
  return { text: pieces.join('') + json.slice(from), blocks }
}
