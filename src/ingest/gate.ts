import { comparable, markers, openings } from './extract/labels/patterns.ts'
import { countWords, plain, sentences } from './extract/prose.ts'

/**
 * Precision over recall (ING-EXT-1): what must hold for a text to be kept at all, and what raises or lowers the confidence
 * a rule starts with. Pure, and linear in the text.
 */

/** Why a text was refused, in the order the gates stand. */
export type Refusal = 'short' | 'symbols' | 'question' | 'redacted' | 'step' | 'courtesy'

const charsMin = 20
const wordsMin = 4
const lettersShareMin = 0.6
const redactedShareMax = 0.25
/** Longer texts are judged by their beginning. */
const judgedCharsMax = 4_000

/** The first gate that refuses the text, or null when it may pass. `asks`: a question is what it should be. */
export function refusal(text: string, options: { readonly asks?: boolean } = {}): Refusal | null {
  const read = plain(text.slice(0, judgedCharsMax))
  if (Array.from(read).length < charsMin || countWords(read) < wordsMin) return 'short'
  if (lettersShare(withoutPlaceholders(read)) < lettersShareMin) return 'symbols'
  if (options.asks !== true && isQuestion(read)) return 'question'
  if (redactedShare(read) > redactedShareMax) return 'redacted'
  const said = sentences(read)
  if (said.every(isStep)) return 'step'
  if (said.every(isCourtesy)) return 'courtesy'
  return null
}

export const isQuestion = (text: string): boolean => /[?？]["'”’)\]*_`]{0,4}$/.test(text.trimEnd().slice(-8))

/** A sentence that only says what is done next (`Let me …`, `Now I'll …`). */
export const isStep = (sentence: string): boolean => openings.step.test(comparable(plain(sentence)))

export const isCourtesy = (sentence: string): boolean => openings.courtesy.test(comparable(plain(sentence)))

const placeholder = /\[REDACTED[^\]\n]{0,60}\]/g

const withoutPlaceholders = (text: string): string => text.replace(placeholder, ' ')

const redactedShare = (text: string): number => 1 - withoutPlaceholders(text).replace(/ +/g, ' ').length / text.length

/** Share of letters among what is no white space. */
function lettersShare(text: string): number {
  const visible = text.replace(/\s+/g, '')
  if (visible === '') return 0
  return Array.from(visible.matchAll(/[\p{L}\p{M}]/gu)).length / Array.from(visible).length
}

/** What the next human turn says of a candidate (ING-EXT-1). */
export type Verdict = 'contradicted' | 'confirmed' | 'none'

/** Reads how a person's answer begins. `Yes, but …` is neither. */
export function verdictOf(humanText: string): Verdict {
  const head = comparable(plain(humanText.slice(0, 400))).replace(
    /^(?:(?:hm+|ok(?:ay)?|well|but|it|this|that(?!'s| is|n)|ah|oh|pero|esto|eso(?! no)|aber|es|das(?! ist| stimmt)|mais|mas|isso(?! não))[,.…:]* )+/i,
    '',
  )
  if (openings.contradiction.test(head)) return 'contradicted'
  if (!openings.confirmation.test(head)) return 'none'
  return /(?<!\p{L})(?:but|pero|aber|mais|mas|except|still)(?!\p{L})|但/iu.test(head.slice(0, 80))
    ? 'none'
    : 'confirmed'
}

/** Names something in code: a path, a file, an identifier, a flag, inline code. */
export function hasCodeToken(text: string): boolean {
  if (/`[^`\n]{1,200}`/.test(text)) return true
  return text
    .split(/\s+/)
    .some((word) => word.length <= 200 && isCodeWord(word.replace(/^["'([{]+|[)"'\]},.:;!?]+$/g, '')))
}

const codeShapes: readonly RegExp[] = [
  /^[\w@.~-]*\/[\w@./-]*\w$/,
  /^[\w-]+\.[a-z][a-z0-9]{0,4}$/,
  /^\w+_\w+$/,
  /^[a-z]+[A-Z]\w*$/,
  /^[A-Z][a-z0-9]+[A-Z]\w*$/,
  /^--?[a-z][\w-]*(?:=\S*)?$/,
  /^[\w.:]+\(\S*\)?$/,
  /^\w+(?:::|#)\w+/,
]

const notCode = /^(?:e\.g|i\.e|and\/or|either\/or|w\/o|n\/a|i\/o|ci\/cd|-)$/i

const isCodeWord = (word: string): boolean => !notCode.test(word) && codeShapes.some((shape) => shape.test(word))

/** What a confidence is made of (ING-EXT-1). */
export type Weighing = {
  readonly base: number
  /** The candidate's prose, or null when it stands on facts alone: then neither hedge nor code token count. */
  readonly judged: string | null
  readonly verdict: Verdict
}

const hedgeCost = 0.2
const contradictionCost = 0.3
const confirmationGain = 0.05
const codeTokenGain = 0.05
const confidenceMax = 0.95

/** Confidence from 0 to 0.95, two decimals. */
export function weigh({ base, judged, verdict }: Weighing): number {
  let confidence = base
  if (judged !== null && markers.hedge.test(comparable(judged.slice(0, judgedCharsMax)))) confidence -= hedgeCost
  if (judged !== null && hasCodeToken(judged)) confidence += codeTokenGain
  if (verdict === 'contradicted') confidence -= contradictionCost
  if (verdict === 'confirmed') confidence += confirmationGain
  return Math.round(Math.min(confidenceMax, Math.max(0, confidence)) * 100) / 100
}

/** Below 0.50 dropped (null), 0.50 to 0.69 weak, from 0.70 strong. */
export function strengthOf(confidence: number): 'strong' | 'weak' | null {
  if (confidence < 0.5) return null
  return confidence < 0.7 ? 'weak' : 'strong'
}
