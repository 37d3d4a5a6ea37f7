import { withoutComments } from './comments.ts'
import { isLogLine } from './log-lines.ts'

/**
 * A piece of prose: what a message says in sentences, without code, quotes, tables and pasted logs (spec ingest 10.1).
 * - `heading`: a `#` heading, or a line that is wholly bold
 * - `item`: one bullet or numbered item with the lines that belong to it
 * - `text`: a paragraph, its soft-wrapped lines joined
 */
export type Block = {
  readonly kind: 'heading' | 'item' | 'text'
  readonly text: string
  /** A blank line, or something that is no prose, stands before it. */
  readonly apart: boolean
  /** Indentation in columns: what is deeper belongs to the item above. */
  readonly indent: number
  readonly ordered: boolean
}

const longLineChars = 300
const logLinesMin = 4
const codeIndent = 4

/** A message longer than this is a paste; what lies behind is not read. */
const proseCharsMax = 262_144

/** The prose of one message, in order. Linear in the text, of which it reads the first 256 Ki characters. */
export function prose(text: string): readonly Block[] {
  const lines = withoutComments(text.slice(0, proseCharsMax).replaceAll('\r\n', '\n')).split('\n')
  const logs = lines.filter(isLogLine).length >= logLinesMin
  const gatherer = new Gatherer()
  let fence: string | null = null
  for (const line of lines) {
    const trimmed = line.trim()
    const mark = fenceMark(trimmed)
    if (fence !== null) {
      if (mark !== null && mark.startsWith(fence) && trimmed === mark) fence = null
    } else if (mark !== null) {
      fence = mark
      gatherer.gap()
    } else if (logs && isLogLine(line)) gatherer.gap()
    else gatherer.take(line, trimmed)
  }
  return gatherer.finish()
}

/** The run of backticks or tildes that opens or closes a fence, or null. Code on one line (```` ```x``` ````) is no fence. */
function fenceMark(trimmed: string): string | null {
  const mark = /^(?:`{3,}|~{3,})/.exec(trimmed)?.[0]
  if (mark === undefined) return null
  return mark.startsWith('`') && trimmed.includes('`', mark.length) ? null : mark
}

/** Turns lines into blocks. It lives for one message. */
class Gatherer {
  readonly #blocks: Block[] = []
  #open: { kind: 'item' | 'text'; lines: string[]; apart: boolean; indent: number; ordered: boolean } | null = null
  #apart = true
  #inList = false
  #inCode = false

  gap(): void {
    this.#close()
    this.#apart = true
    this.#inCode = false
  }

  take(line: string, trimmed: string): void {
    if (trimmed === '') {
      this.#close()
      this.#apart = true
      return
    }
    const indent = columns(line)
    if (this.#isCode(indent)) {
      this.#inCode = true
      this.#apart = true
      return
    }
    this.#inCode = false
    if (isQuoteOrTable(trimmed) || isUnbroken(trimmed)) this.gap()
    else this.#takeProse(trimmed, indent)
  }

  finish(): readonly Block[] {
    this.#close()
    return this.#blocks
  }

  #isCode(indent: number): boolean {
    return indent >= codeIndent && !this.#inList && this.#open === null && (this.#inCode || this.#apart)
  }

  #takeProse(trimmed: string, indent: number): void {
    const heading = headingText(trimmed)
    if (heading !== null) {
      this.#close()
      this.#inList = false
      this.#push('heading', heading, 0, false)
      return
    }
    const bullet = /^(?:[-*+•]|\d{1,3}[.)])\s+/.exec(trimmed)?.[0]
    if (bullet !== undefined) {
      this.#close()
      this.#inList = true
      this.#begin('item', trimmed.slice(bullet.length), indent, /^\d/.test(bullet))
      return
    }
    if (this.#open !== null && !startsLabel(trimmed)) {
      this.#open.lines.push(trimmed)
      return
    }
    this.#close()
    if (indent === 0) this.#inList = false
    this.#begin('text', trimmed, indent, false)
  }

  #begin(kind: 'item' | 'text', first: string, indent: number, ordered: boolean): void {
    this.#open = { kind, lines: [first], apart: this.#apart, indent, ordered }
    this.#apart = false
  }

  #push(kind: Block['kind'], text: string, indent: number, ordered: boolean): void {
    this.#blocks.push({ kind, text, apart: this.#apart, indent, ordered })
    this.#apart = false
  }

  #close(): void {
    if (this.#open === null) return
    const { lines, ...rest } = this.#open
    this.#blocks.push({ ...rest, text: lines.join(' ') })
    this.#open = null
  }
}

function columns(line: string): number {
  let count = 0
  for (const character of line) {
    if (character === ' ') count++
    else if (character === '\t') count += codeIndent
    else break
  }
  return count
}

const isQuoteOrTable = (trimmed: string): boolean =>
  trimmed.startsWith('>') || trimmed.startsWith('|') || /^:?-{3,}:?\s*\|/.test(trimmed)

/**
 * A pasted line: longer than 300 characters with no sentence in it that ends before that. People and agents write whole
 * paragraphs on one line, and those are sentences; a log or a minified file is not.
 */
function isUnbroken(trimmed: string): boolean {
  return trimmed.length > longLineChars && sentences(trimmed).some((sentence) => sentence.length > longLineChars)
}

function headingText(trimmed: string): string | null {
  const marked = /^#{1,6}\s+/.exec(trimmed)?.[0]
  if (marked !== undefined)
    return trimmed
      .slice(marked.length)
      .replace(/\s#{1,6}$/, '')
      .trim()
  const isBold = trimmed.length < 200 && /^\*\*[^*]+\*\*:?$/.test(trimmed)
  return isBold ? trimmed : null
}

/** A line such as `Root cause: …` begins a paragraph of its own, even without a blank line before it. */
const startsLabel = (trimmed: string): boolean =>
  /^(?:\*\*|__)?\p{L}[\p{L} '-]{1,30}(?:\*\*|__)?\s?[:：]/u.test(trimmed)

const abbreviations: ReadonlySet<string> = new Set(
  'e.g i.e etc vs cf approx ca z.b bzw d.h usw ggf nr p.ej ej sr dr mr mrs ms no vol fig ex'.split(' '),
)

/** Splits prose at `.`, `!`, `?` and their CJK forms, never inside backticks nor after an abbreviation. Linear in the text. */
export function sentences(text: string): readonly string[] {
  const found: string[] = []
  const codeEnd = text.lastIndexOf('`')
  let start = 0
  let inCode = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? ''
    if (character === '`') inCode = !inCode && index < codeEnd
    else if (!inCode && endsSentence(text, index, start)) {
      const end = afterClosing(text, index + 1)
      addSentence(found, text, start, end)
      start = end
      index = end - 1
    }
  }
  addSentence(found, text, start, text.length)
  return found
}

function addSentence(found: string[], text: string, start: number, end: number): void {
  const sentence = text.slice(start, end).trim()
  if (sentence !== '') found.push(sentence)
}

function endsSentence(text: string, index: number, start: number): boolean {
  const character = text[index] ?? ''
  if ('。！？'.includes(character)) return true
  if (character !== '.' && character !== '!' && character !== '?') return false
  const after = afterClosing(text, index + 1)
  if (after < text.length && !/\s/.test(text[after] ?? '')) return false
  return character !== '.' || !isAbbreviation(text.slice(Math.max(start, index - 12), index))
}

function isAbbreviation(before: string): boolean {
  const word = before.slice(before.search(/\S*$/)).toLowerCase()
  return abbreviations.has(word.replace(/^[("'*]+/, '')) || /^\d{1,2}$/.test(word)
}

/** Closing quotes, brackets and marks belong to the sentence they end. At most four of them. */
function afterClosing(text: string, from: number): number {
  let end = from
  while (end < from + 4 && end < text.length && '.!?"\')]*_»”’`'.includes(text[end] ?? ' ')) end++
  return end
}

/** Sentences shorter than this say nothing on their own. */
const sentenceCharsMin = 15

/** The sentences of a message's prose that are long enough to say something, in order, headings left out. */
export function proseSentences(blocks: readonly Block[]): readonly string[] {
  return blocks
    .filter((block) => block.kind !== 'heading' && block.text.length >= sentenceCharsMin)
    .flatMap((block) => sentences(block.text).filter((sentence) => sentence.length >= sentenceCharsMin))
}

/** Markdown taken off: bold, code, strike-through, links, leading heading and list marks; white space as single spaces. */
export function plain(text: string): string {
  return text
    .replace(/!?\[([^\]\n]{1,200})\]\([^)\s]{1,500}\)/g, '$1')
    .replace(/\*\*|~~|`/g, '')
    .replace(/(?<![\p{L}\p{N}*])\*(?=\S)([^*\n]{1,300})\*(?![\p{L}\p{N}*])/gu, '$1')
    .replace(/^\s*(?:#{1,6}|[-*+•]|\d{1,3}[.)])\s+/, '')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Words as people count them: runs of letters and digits, and each ideograph for itself. */
export function countWords(text: string): number {
  return Array.from(text.matchAll(/\p{Script=Han}|[\p{L}\p{N}][\p{L}\p{N}'’_./-]*/gu)).length
}
