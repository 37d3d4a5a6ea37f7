import { limits } from '../model/limits.ts'
import { cutUtf8 } from '../model/text.ts'
import { foldText, gramsOfWord, identifierParts, isAscii, isUnspaced } from '../store/index-text.ts'
import type { Frequencies } from './match.ts'
import { parameters } from './parameters.ts'
import { stem } from './porter.ts'
import type { ParsedQuery, QueryWord } from './query.ts'

/** A piece of own text; `matches` are ranges `[start, end)` in its code points, in order (RET-751). */
export type Snippet = { readonly text: string; readonly matches: readonly (readonly [number, number])[] }

/** Finds the words of one query in texts. Made once per query. */
export type WordFinder = {
  readonly needles: RegExp | null
  readonly terms: readonly Term[]
  readonly runs: readonly string[]
}

type Term = {
  readonly word: QueryWord
  readonly idf: number
  /** Unknown words are found as the index finds them: short ones at the beginning of a word, others anywhere in it. */
  readonly how: 'stem' | 'prefix' | 'inside'
}

/** Where a term stands, in UTF-16 units. */
type Match = { readonly start: number; readonly end: number; readonly term: number }

/** How much a word tells: rarer is more (RET-701). */
export const idf = (df: number, total: number): number => Math.log(1 + Math.max(0, total - df + 0.5) / (df + 0.5))

export function wordFinder(query: ParsedQuery, frequencies: Frequencies): WordFinder {
  const terms = query.words.map((word): Term => {
    const df = frequencies.of.get(word.text) ?? 0
    const isShort = word.text.length <= parameters.prefixLettersMax
    return { word, idf: idf(df, frequencies.total), how: df > 0 ? 'stem' : isShort ? 'prefix' : 'inside' }
  })
  const runs = [
    ...new Set(query.runs.flatMap((run) => (run.length <= parameters.wholeRunLettersMax ? [run] : gramsOfWord(run)))),
  ]
  const beginnings = [...new Set([...terms.map(beginningOf), ...runs])].filter((text) => text !== '')
  return { terms, runs, needles: beginnings.length === 0 ? null : new RegExp(beginnings.join('|'), 'g') }
}

/** What every form of the word has in common; only a filter, the stem decides. Letters and digits, so no escaping. */
function beginningOf({ word, how }: Term): string {
  if (how !== 'stem') return word.text
  const letters = Array.from(word.term)
  const certain = letters.length >= 5 ? letters.length - 2 : Math.max(Math.min(2, letters.length), letters.length - 1)
  return letters.slice(0, certain).join('')
}

const lookedAtBytes = 20_000

/** The best window of a text: the greatest sum over distinct words, the earliest among equals; its start when none is there. */
export function snippetOf(text: string, finder: WordFinder, codePointsMax: number = limits.snippetCharsMax): Snippet {
  const looked = cutUtf8(text, lookedAtBytes)
  const matches = findWords(looked, finder)
  const [from, to] = bestWindow(matches, finder, codePointsMax)
  const start = from === 0 ? 0 : wordStart(looked, Math.max(0, from - leadOf(from, to, codePointsMax)))
  return cutOut(looked, start, codePointsMax, matches, looked.length < text.length)
}

/** A window around the first of given ranges, which are in UTF-16 units; the start of the text when there is none. */
export function snippetAround(text: string, ranges: readonly (readonly [number, number])[]): Snippet {
  const from = ranges[0]?.[0] ?? 0
  const start = from === 0 ? 0 : wordStart(text, Math.max(0, from - regexLead))
  const matches = ranges.map(([first, end]): Match => ({ start: first, end, term: 0 }))
  return cutOut(text, start, limits.snippetCharsMax, matches, false)
}

const regexLead = 60

/** Every place where a word of the query stands. */
function findWords(text: string, { needles, terms, runs }: WordFinder): readonly Match[] {
  if (needles === null) return []
  const lower = text.toLowerCase()
  const searched = lower.length === text.length ? lower : text
  const found: Match[] = []
  let until = 0
  for (const hit of accentedOr(searched, needles)) {
    if (hit.index < until) continue
    const [start, end] = wordAround(searched, hit.index, until)
    until = Math.max(end, hit.index + 1)
    found.push(...matchesIn(text, start, end, terms, runs))
  }
  return found
}

/** Words with letters beyond ASCII may match only once folded, so each of them is looked at. */
function accentedOr(text: string, needles: RegExp): Iterable<RegExpExecArray> {
  return text.matchAll(isAscii(text) ? needles : new RegExp(`${needles.source}|\\P{ASCII}`, 'gu'))
}

const wordLetter = /[\p{L}\p{Mn}\p{Mc}\p{N}]/u
const wordLettersLookedAt = 128

const isWordUnit = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at)
  if (unit < 0x80) return (unit >= 48 && unit <= 57) || (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90)
  if (unit >= 0xd800 && unit < 0xe000) return true
  return wordLetter.test(text[at] ?? '')
}

function wordAround(text: string, at: number, from: number): readonly [number, number] {
  let [start, end] = [at, at]
  while (start > from && at - start < wordLettersLookedAt && isWordUnit(text, start - 1)) start--
  while (end < text.length && end - at < wordLettersLookedAt && isWordUnit(text, end)) end++
  return [start, end]
}

function matchesIn(text: string, start: number, end: number, terms: readonly Term[], runs: readonly string[]): Match[] {
  const word = text.slice(start, end)
  if (isUnspaced(word)) return runMatches(word, start, terms, runs)
  const term = termOf(word, terms)
  if (term !== -1) return [{ start, end, term }]
  const part = identifierParts(word)
    .map((piece) => termOf(piece, terms))
    .find((index) => index !== -1)
  return part === undefined ? [] : [{ start, end, term: part }]
}

/** In a stretch without spaces the runs of the query are looked for, and its words among the other letters. */
function runMatches(word: string, start: number, terms: readonly Term[], runs: readonly string[]): Match[] {
  const found: Match[] = []
  for (const [index, run] of runs.entries()) {
    for (let at = word.indexOf(run); at !== -1; at = word.indexOf(run, at + run.length)) {
      found.push({ start: start + at, end: start + at + run.length, term: terms.length + index })
    }
  }
  for (const match of word.matchAll(/[\p{Script=Latin}\p{N}]+/gu)) {
    const term = termOf(match[0], terms)
    if (term !== -1) found.push({ start: start + match.index, end: start + match.index + match[0].length, term })
  }
  return withoutOverlap(found)
}

function withoutOverlap(found: readonly Match[]): Match[] {
  const sorted = [...found].sort((a, b) => a.start - b.start || b.end - a.end)
  let until = -1
  return sorted.filter((match) => {
    if (match.start < until) return false
    until = match.end
    return true
  })
}

function termOf(word: string, terms: readonly Term[]): number {
  const folded = foldText(word)
  const term = stem(folded)
  return terms.findIndex(({ word: wanted, how }) =>
    how === 'stem'
      ? wanted.term === term
      : how === 'prefix'
        ? folded.startsWith(wanted.text)
        : folded.includes(wanted.text),
  )
}

/** First and end unit of the stretch of matches that tells most. */
function bestWindow(matches: readonly Match[], finder: WordFinder, unitsMax: number): readonly [number, number] {
  const held = new Map<number, number>()
  let best = { score: 0, from: 0, to: 0 }
  let score = 0
  let first = 0
  for (const match of matches) {
    const count = held.get(match.term) ?? 0
    if (count === 0) score += weightOf(match, finder)
    held.set(match.term, count + 1)
    for (
      let oldest = matches[first];
      oldest !== undefined && match.end - oldest.start > unitsMax - 2;
      oldest = matches[first]
    ) {
      if (oldest === match) break
      const left = (held.get(oldest.term) ?? 1) - 1
      held.set(oldest.term, left)
      if (left === 0) score -= weightOf(oldest, finder)
      first++
    }
    if (score > best.score + 1e-9) best = { score, from: matches[first]?.start ?? 0, to: match.end }
  }
  return [best.from, best.to]
}

const weightOf = (match: Match, finder: WordFinder): number => finder.terms[match.term]?.idf ?? 1

/** Some words before the first match, as far as there is room. */
const leadOf = (from: number, to: number, codePointsMax: number): number =>
  Math.max(0, Math.min(60, Math.floor((codePointsMax - 2 - (to - from)) / 2)))

function wordStart(text: string, at: number): number {
  if (at === 0) return 0
  for (let next = at; next < at + 40 && next < text.length; next++) {
    if (/\s/.test(text[next - 1] ?? '')) return next
  }
  return isLowSurrogate(text, at) ? at - 1 : at
}

const isLowSurrogate = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit < 0xe000
}

const mark = '…'

function cutOut(
  text: string,
  start: number,
  codePointsMax: number,
  matches: readonly Match[],
  goesOn: boolean,
): Snippet {
  const lead = start > 0 ? mark : ''
  const whole = endAfter(text, start, codePointsMax - lead.length)
  const isAll = whole === text.length && !goesOn
  const end = isAll ? whole : wordEnd(text, start, endAfter(text, start, codePointsMax - lead.length - 1))
  const shown = `${lead}${text.slice(start, end)}${isAll ? '' : mark}`
  const inside = matches.filter((match) => match.start >= start && match.end <= end)
  return {
    text: shown,
    matches: inCodePoints(
      shown,
      inside.map((match) => [match.start - start + lead.length, match.end - start + lead.length]),
    ),
  }
}

/** The unit after `count` code points from `start`. */
function endAfter(text: string, start: number, count: number): number {
  let at = start
  for (let taken = 0; taken < count && at < text.length; taken++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  return Math.min(at, text.length)
}

function wordEnd(text: string, start: number, end: number): number {
  if (end >= text.length || /\s/.test(text[end] ?? '')) return end
  for (let at = end; at > Math.max(start, end - 40); at--) if (/\s/.test(text[at - 1] ?? '')) return at - 1
  return end
}

function inCodePoints(
  text: string,
  ranges: readonly (readonly [number, number])[],
): readonly (readonly [number, number])[] {
  if (isAscii(text)) return ranges
  const points: number[] = []
  let point = 0
  for (let at = 0; at <= text.length; at++) {
    points.push(point)
    if (!isLowSurrogate(text, at + 1)) point++
  }
  return ranges.map(([start, end]) => [points[start] ?? start, points[end] ?? end])
}
