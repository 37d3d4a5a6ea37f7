/**
 * Whether two candidates say the same (ING-EXT-4). Words that every text has are left out, and so is the form a rule gives
 * its content: what counts is what the text itself says.
 */

const stopWords: ReadonlySet<string> = new Set(
  (
    'the and for are was were with that this from not but you your our its has have had will would can could should into when then than also only now use used using ' +
    'los las una uno unos del con por para que como este esta esto ser son fue está más pero sin ' +
    'der die das den dem des ein eine einen einer und oder mit für von auf ist sind war wird werden nicht auch nur als wenn dass ' +
    'les une des dans pour avec est sont pas que qui sur ' +
    'uma dos das com não mais mas'
  ).split(' '),
)

const wordsCounted = 400
const shareMin = 0.6
const wordsMin = 3

/** The words of a text that can tell it from another: lower case, three characters or more, each ideograph for itself. */
export function wordSet(text: string): ReadonlySet<string> {
  const words = new Set<string>()
  for (const [word] of text
    .slice(0, 4_000)
    .toLowerCase()
    .matchAll(/\p{Script=Han}|[\p{L}\p{N}_]+/gu)) {
    if (words.size >= wordsCounted) break
    if (/^\p{Script=Han}$/u.test(word) || (word.length >= 3 && !stopWords.has(word))) words.add(word)
  }
  return words
}

/**
 * Whether at least 60 % overlap. Between two rules the smaller set is the measure, since one of them quotes a sentence of
 * what the other tells at length; within one rule it is the union, so that two short statements on one subject stay two.
 */
export function overlaps(left: ReadonlySet<string>, right: ReadonlySet<string>, sameRule: boolean): boolean {
  const [small, large] = left.size <= right.size ? [left, right] : [right, left]
  if (small.size < wordsMin)
    return small.size > 0 && small.size === large.size && [...small].every((word) => large.has(word))
  let common = 0
  for (const word of small) if (large.has(word)) common++
  const measure = sameRule ? small.size + large.size - common : small.size
  return common / measure >= shareMin
}
