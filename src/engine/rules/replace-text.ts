import { utf8Bytes } from '../../model/text.ts'

/** A text after replacing, no longer than it may get, and how many bytes all of it would have had. */
export type Replaced = { readonly text: string; readonly bytes: number }

/**
 * Literal, case-sensitive, every place (MEM-401). Replacing can make a text of any size out of two short ones, so no more
 * than `charsMax` UTF-16 units and one replacement are ever built.
 */
export function replaceText(text: string, find: string, replacement: string, charsMax: number): Replaced {
  if (find === '') return { text, bytes: utf8Bytes(text) }
  const pieces: string[] = []
  let chars = 0
  let places = 0
  let from = 0
  for (let at = text.indexOf(find); at !== -1; at = text.indexOf(find, from)) {
    if (chars <= charsMax) pieces.push(text.slice(from, at), replacement)
    chars += at - from + replacement.length
    places++
    from = at + find.length
  }
  if (chars <= charsMax) pieces.push(text.slice(from))
  const bytes = utf8Bytes(text) + places * (utf8Bytes(replacement) - utf8Bytes(find))
  return { text: pieces.join(''), bytes }
}
