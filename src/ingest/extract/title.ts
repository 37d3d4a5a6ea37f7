import { cutCodePoints } from '../../model/text.ts'
import { plain, sentences } from './prose.ts'

export const titleCharsMax = 80
export const contentCharsMax = 2_000

/** The first `charsMax` code points, cut after a whole word, with `…` for what is left out. */
export function cutWords(text: string, charsMax: number): string {
  const whole = cutCodePoints(text, charsMax, '')
  if (whole === text) return text
  const cut = cutCodePoints(text, charsMax - 1, '')
  const space = cut.lastIndexOf(' ')
  return `${(space > charsMax / 2 ? cut.slice(0, space) : cut).replace(/[\s,;:–—-]{1,20}$/, '')}…`
}

/** A title of one line without Markdown: the first sentence, at most 80 code points (ING-EXT-2, ING-EXT-3). */
export function titleFrom(text: string): string {
  const read = plain(text.slice(0, 2_000))
  return cutWords((sentences(read)[0] ?? read).replace(/[.。:：]$/, ''), titleCharsMax)
}

/** At most 2,000 characters (code units), cut at a line or a word. */
export function cutContent(text: string, charsMax = contentCharsMax): string {
  if (text.length <= charsMax) return text
  const cut = text.slice(0, charsMax - 1)
  const end = Math.max(cut.lastIndexOf('\n'), cut.lastIndexOf(' '))
  return `${cut
    .slice(0, end > charsMax / 2 ? end : cut.length)
    .toWellFormed()
    .trimEnd()}…`
}
