import { limits } from '../model/limits.ts'
import { foldText, identifierParts, isUnspaced, spacedParts, unspacedRuns, wordsOf } from '../store/index-text.ts'
import { parameters } from './parameters.ts'
import { stem } from './porter.ts'
import { stopWordsFor } from './stop-words.ts'
import { periodIn, type Period } from './time-words.ts'

/** One word of a query: folded, and as the index spells it. */
export type QueryWord = { readonly text: string; readonly term: string }

export type DroppedWord = { readonly word: string; readonly why: 'stop_word' | 'too_many' | 'too_common' }

/** What a query says, before any index was asked (RET-301, steps 1 to 5 and the pairs of step 7). */
export type ParsedQuery = {
  /** Over 4,096 code points; the rest was not read. */
  readonly isCut: boolean
  readonly names: ExactNames
  /** Quoted phrases, folded. */
  readonly phrases: readonly string[]
  readonly period: Period | null
  /** Of the authors in scope, those named, as they are stored. */
  readonly authors: readonly string[]
  readonly words: readonly QueryWord[]
  /** Runs of letters of scripts without spaces; searched by their grams (RET-305). */
  readonly runs: readonly string[]
  readonly dropped: readonly DroppedWord[]
  /** Words side by side, neither a stop word, as their two texts. */
  readonly pairs: readonly (readonly [string, string])[]
}

/** Topic keys and ids that the query may name literally (MEM-603). */
export type ExactNames = {
  readonly topicKeys: readonly string[]
  readonly ids: readonly number[]
  readonly syncIds: readonly string[]
}

const wordLettersMax = 64

/** Reads a query. `authors` are those of the searched projects; `nowMs` gives time words their meaning. */
export function parseQuery(
  given: string,
  scope: { readonly authors: readonly string[]; readonly nowMs: number },
): ParsedQuery {
  const text = cutQuery(given)
  const sequence = wordSequence(text)
  const stopWords = stopWordsFor(sequence.map((word) => word.text))
  const isStop = (word: SequenceWord): boolean => stopWords.has(word.text)
  const telling = sequence.some((word) => !isStop(word)) ? sequence.filter((word) => !isStop(word)) : sequence
  const distinct = distinctWords(telling)
  return {
    isCut: text.length < given.length,
    names: exactNames(text),
    phrases: quotedPhrases(text),
    period: periodIn(text, scope.nowMs),
    authors: namedAuthors(sequence, scope.authors),
    words: distinct.slice(0, limits.queryWordsMax),
    runs: unique(unspacedRuns(foldText(text))).slice(0, limits.queryWordsMax),
    dropped: [
      ...unique(sequence.filter((word) => isStop(word) && !telling.includes(word)).map((word) => word.text)).map(
        (word): DroppedWord => ({ word, why: 'stop_word' }),
      ),
      ...distinct.slice(limits.queryWordsMax).map((word): DroppedWord => ({ word: word.text, why: 'too_many' })),
    ],
    pairs: adjacentPairs(sequence, isStop),
  }
}

function cutQuery(given: string): string {
  if (given.length <= limits.queryCharsMax) return given
  const points = Array.from(given.slice(0, limits.queryCharsMax * 2))
  return points.length <= limits.queryCharsMax ? points.join('') : points.slice(0, limits.queryCharsMax).join('')
}

/** `chain` numbers stretches in which neighbours may pair up: an identifier and its parts are two stretches. */
type SequenceWord = { readonly text: string; readonly chain: number }

/** The words in order, identifiers followed by their parts (RET-201). Unspaced runs are no words: they have grams. */
function wordSequence(text: string): readonly SequenceWord[] {
  const main: SequenceWord[] = []
  const parts: SequenceWord[] = []
  for (const [index, word] of wordsOf(text.toWellFormed()).entries()) {
    for (const spaced of isUnspaced(word) ? spacedParts(word) : [word]) {
      main.push(...foldedWords(spaced, 0))
      parts.push(...identifierParts(spaced).flatMap((part) => foldedWords(part, index + 1)))
    }
  }
  return [...main, ...parts]
}

const foldedWords = (text: string, chain: number): readonly SequenceWord[] =>
  wordsOf(foldText(text)).map((word) => ({ text: cutWord(word), chain }))

const cutWord = (word: string): string =>
  word.length <= wordLettersMax ? word : Array.from(word).slice(0, wordLettersMax).join('')

function distinctWords(words: readonly SequenceWord[]): readonly QueryWord[] {
  return unique(words.map((word) => word.text)).map((text) => ({ text, term: stem(text) }))
}

function adjacentPairs(
  sequence: readonly SequenceWord[],
  isStop: (word: SequenceWord) => boolean,
): readonly (readonly [string, string])[] {
  const pairs = new Map<string, readonly [string, string]>()
  for (const [index, word] of sequence.entries()) {
    const next = sequence[index + 1]
    if (next === undefined || next.chain !== word.chain || isStop(word) || isStop(next)) continue
    pairs.set(`${word.text} ${next.text}`, [word.text, next.text])
  }
  return [...pairs.values()]
}

/** Text between pairs of `"`; a last one without its pair is no quote. */
function quotedPhrases(text: string): readonly string[] {
  const pieces = text.split('"')
  const quoted = pieces.filter((_, index) => index % 2 === 1 && index < pieces.length - 1)
  const phrases = quoted.map((piece) => wordsOf(foldText(piece)).slice(0, limits.queryWordsMax).join(' '))
  return unique(phrases.filter((phrase) => phrase !== '')).slice(0, limits.queryPhrasesMax)
}

const nameEnds = /^["'`([{<]+|["'`)\]}>.,;:!?]+$/g

function exactNames(text: string): ExactNames {
  const parts = text.split(/\s+/).map((part) => part.replace(nameEnds, ''))
  const asKey = (part: string): string => part.trim().toLowerCase().replace(/\s+/g, '-')
  const whole = asKey(text)
  const keys = [...(whole === '' ? [] : [whole]), ...parts.filter((part) => part.includes('/')).map(asKey)]
  const ids = parts.flatMap((part) => /^#(\d{1,15})$/.exec(part)?.[1] ?? []).map(Number)
  const syncIds = parts.filter((part) => /^obs-[\w-]{1,124}$/.test(part))
  return {
    topicKeys: unique(keys).slice(0, limits.queryWordsMax),
    ids: unique(ids).slice(0, limits.queryWordsMax),
    syncIds: unique(syncIds).slice(0, limits.queryWordsMax),
  }
}

/** Authors whose whole name stands in the query; none when all of them do, for then it tells nothing (RET-404). */
function namedAuthors(sequence: readonly SequenceWord[], authors: readonly string[]): readonly string[] {
  const said = ` ${sequence.map((word) => word.text).join(' ')} `
  const named = authors.filter((author) => {
    const name = wordsOf(foldText(author)).join(' ')
    return Array.from(name).length >= parameters.authorLettersMin && said.includes(` ${name} `)
  })
  return named.length === authors.length ? [] : named.slice(0, limits.queryAuthorsMax)
}

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)]
