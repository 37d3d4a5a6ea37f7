import { parseTime } from '../model/times.ts'
import type { Scope } from '../model/records.ts'

/**
 * The text of index rows and of queries: one set of pure functions, so that both sides always agree (RET-201, RET-207,
 * RET-208). Whoever changes what they give raises {@link indexTextVersion}: stores then rebuild (RET-105).
 */
export const indexTextVersion = '1'

// oxlint-disable-next-line no-control-regex -- the ASCII range is what is meant
const beyondAscii = /[^\0-\x7f]/

export const isAscii = (text: string): boolean => !beyondAscii.test(text)

/**
 * One spelling for what people type in several (RET-208): compatibility forms, lower case, no accents on Latin and Greek
 * letters, `ё` = `е`, no Arabic vowel signs or tatweel, no Hebrew points. Marks of Indic and Thai scripts stay.
 */
export function foldText(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  return text
    .toWellFormed()
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/([\p{Script=Latin}\p{Script=Greek}])\p{Mn}+/gu, '$1')
    .replace(/(^|[^\p{L}\p{M}\p{N}])[\u0300-\u036f]+/gu, '$1')
    .replace(/е\u0308/g, 'е')
    .replace(/[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0640]/g, '')
    .replace(/[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]/g, '')
    .replaceAll('ς', 'σ')
    .normalize('NFC')
}

const wordPattern = /[\p{L}\p{Mn}\p{Mc}\p{N}]+/gu
const asciiWordPattern = /[A-Za-z0-9]+/g
const innerCapital = /[a-z0-9][A-Z]|[A-Z][A-Z][a-z]/

/** The words of a text as the tokeniser cuts them, case kept. */
export const wordsOf = (text: string): readonly string[] =>
  text.match(isAscii(text) ? asciiWordPattern : wordPattern) ?? []

/** Letters of scripts that write without spaces between words (RET-207). */
const unspacedLetters =
  '[[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}\u30fc]&&[\\p{L}\\p{M}]]'
const unspacedRun = new RegExp(`${unspacedLetters}+`, 'gv')
const hasUnspaced = new RegExp(unspacedLetters, 'v')

export const isUnspaced = (text: string): boolean => !isAscii(text) && hasUnspaced.test(text)

/** `getHTTPName` → `get`, `HTTP`, `Name`; nothing for a word without an inner capital (RET-201). */
export function identifierParts(word: string): readonly string[] {
  if (!innerCapital.test(word)) return []
  return word
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(' ')
}

/** `修复getName` → `getName`: what stands in a word beside letters of scripts without spaces, where words have no border. */
export const spacedParts = (word: string): readonly string[] =>
  isUnspaced(word) ? word.split(unspacedRun).filter((part) => part !== '') : []

/** The tokeniser alone gives such a text the words that {@link indexedText} would: it lowers ASCII letters by itself. */
export const isIndexedAsItStands = (text: string): boolean => isAscii(text) && !innerCapital.test(text)

/** A field as it is indexed: folded, the parts of its words at the end so that phrases still match (RET-201). */
export function indexedText(text: string): string {
  if (isIndexedAsItStands(text)) return text.toLowerCase()
  const isPlain = isAscii(text)
  const words = wordsOf(text).flatMap((word) => (isPlain || !isUnspaced(word) ? [word] : spacedParts(word)))
  const beside = isPlain ? [] : wordsOf(text).flatMap(spacedParts)
  const added = [...beside, ...words.flatMap(identifierParts)]
  return foldText(added.length === 0 ? text : `${text}\n${added.join(' ')}`)
}

/** The runs of such letters in a folded text, in order. */
export const unspacedRuns = (folded: string): readonly string[] => folded.match(unspacedRun) ?? []

/** Overlapping pieces of `size` code points; the whole when it is shorter. */
export function gramsOf(word: string, size: number): readonly string[] {
  if (isAscii(word)) return asciiGrams(word, size)
  const letters = Array.from(word)
  if (letters.length <= size) return [word]
  return letters.slice(0, letters.length - size + 1).map((_, at) => letters.slice(at, at + size).join(''))
}

function asciiGrams(word: string, size: number): readonly string[] {
  const grams = [word.slice(0, size)]
  for (let at = 1; at + size <= word.length; at++) grams.push(word.slice(at, at + size))
  return grams
}

/** Pairs for scripts without spaces, triples for other words (RET-207). */
export const gramsOfWord = (folded: string): readonly string[] => gramsOf(folded, isUnspaced(folded) ? 2 : 3)

/** Words shorter than this have no triples. */
export const gramWordLettersMin = 4

const hasTriples = (word: string): boolean =>
  word.length >= gramWordLettersMin &&
  (isAscii(word) || (!isUnspaced(word) && Array.from(word).length >= gramWordLettersMin))

/** Stands between words so that no phrase of grams reaches over a border; no gram is one digit. */
const border = ' 0 '

/** The `grams` column: pairs of unspaced runs everywhere, triples of the words of title and keys (RET-207). */
export function gramText(fields: { readonly title: string; readonly keys: string; readonly content: string }): string {
  const named = foldText(`${fields.title} ${fields.keys}`)
  if (isAscii(named) && isAscii(fields.content)) return asciiGramText(named)
  const runs = [named, isAscii(fields.content) ? '' : foldText(fields.content)].flatMap((text) =>
    isAscii(text) ? [] : unspacedRuns(text),
  )
  return [...runs, ...wordsOf(named).filter(hasTriples)].map((word) => gramsOfWord(word).join(' ')).join(border)
}

/** The same of what nearly all texts are: no word is looked at for other scripts. */
function asciiGramText(named: string): string {
  const words = (named.match(asciiWordPattern) ?? []).filter((word) => word.length >= gramWordLettersMin)
  return words.map((word) => asciiGrams(word, 3).join(' ')).join(border)
}

/** Stands between runs in a column beside words: a letter of private use, which no query holds. */
const runBorder = ' \ue000 '

/** Pairs of letters of scripts without spaces, and the letters alone: any substring is a phrase of them (RET-207). */
export function runGrams(text: string): string {
  if (isAscii(text)) return ''
  const runs = unspacedRuns(foldText(text))
  const pairs = runs.map((run) => gramsOf(run, 2).join(' '))
  return [...pairs, ...runs.map((run) => Array.from(run).join(runBorder))].join(runBorder)
}

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** The `day` column: `Friday 8 May 2023` in UTC; empty for a time nobody can read (RET-102). */
export function dayText(createdAt: string): string {
  const ms = parseTime(createdAt)
  if (ms === null) return ''
  const at = new Date(ms)
  return `${weekdays[at.getUTCDay()]} ${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`
}

const scopeLetters: Readonly<Record<Scope, string>> = { project: 'p', personal: 'm', global: 'g' }

/** Words of the `facet` column: the project's row id (0 = none) and the scope (RET-102). */
export const projectFacet = (projectId: number): string => `fp${projectId}`
export const contextFacet = (contextNumber: number): string => `fc${contextNumber}`
export const scopeFacet = (scope: Scope): string => `fs${scopeLetters[scope]}`

/** The `keys` column: topic key, tool name, file paths of the provenance; never the type (RET-102). */
export function keysText(row: {
  readonly topic_key: string | null
  readonly tool_name: string | null
  readonly provenance: string | null
}): string {
  return [row.topic_key, row.tool_name, ...provenanceFiles(row.provenance)].filter((part) => part != null).join('\n')
}

function provenanceFiles(json: string | null): readonly string[] {
  if (json === null || !json.includes('"files"')) return []
  try {
    const parsed: unknown = JSON.parse(json)
    if (typeof parsed !== 'object' || parsed === null || !('files' in parsed) || !Array.isArray(parsed.files)) return []
    return parsed.files.filter((file): file is string => typeof file === 'string')
  } catch {
    return []
  }
}
