import { alnum, classOf, dash, dot, equals, slash } from './characters.ts'

/** A stretch of `[A-Za-z0-9_+/=.-]`: what a key of a known format can only stand in. */
export type Run = { readonly start: number; readonly end: number }

/** No known key is shorter, prefix included. */
const charactersMin = 20
const classes = alnum | dash | slash | equals | dot

/**
 * All runs of at least 20 characters, in order. Looks at every 20th character and widens from there, so ordinary prose is
 * mostly skipped; no character is read more than twice.
 */
export function longRuns(text: string): Run[] {
  const runs: Run[] = []
  let floor = 0
  for (let probe = charactersMin - 1; probe < text.length;) {
    if (!isRun(text, probe)) {
      floor = probe + 1
      probe += charactersMin
      continue
    }
    let start = probe
    while (start > floor && isRun(text, start - 1)) start--
    let end = probe + 1
    while (end < text.length && isRun(text, end)) end++
    if (end - start >= charactersMin) runs.push({ start, end })
    floor = end
    probe = end + charactersMin
  }
  return runs
}

const isRun = (text: string, at: number): boolean => (classOf(text.charCodeAt(at)) & classes) !== 0
