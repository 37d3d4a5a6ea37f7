import { EngramError } from '../model/errors.ts'

/**
 * Reads one large JSON object as it streams in. Rows of its lists, and of lists one object further down (`ext`), are
 * parsed one by one, so that no text longer than a row is ever held: a backup may be longer than the longest string
 * there can be. Anything that is not one complete object is `broken_backup`.
 *
 *   { "version": "0.2.0", "observations": [ {row}, {row} … ], "ext": { "versions": [ {row} … ] } }
 *   └ open ───────────────────────────────┴ rows: parsed whole ┘
 */
export async function readJsonObject(parts: AsyncIterable<Uint8Array>): Promise<Readonly<Record<string, unknown>>> {
  const reader = new JsonReader()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const part of parts) reader.take(decoded(() => decoder.decode(part, { stream: true })))
  reader.take(decoded(() => decoder.decode()))
  return reader.end()
}

function decoded(decode: () => string): string {
  try {
    return decode()
  } catch {
    throw broken('it is not UTF-8 text')
  }
}

type Container =
  | { readonly kind: 'object'; readonly value: Record<string, unknown>; key: string | null; awaits: ObjectState }
  | { readonly kind: 'list'; readonly value: unknown[]; awaits: ListState }

type ObjectState = 'key-or-end' | 'key' | 'colon' | 'value' | 'comma-or-end'
type ListState = 'value-or-end' | 'value' | 'comma-or-end'

/** Objects are opened this deep; everything below is parsed as a row. */
const objectDepthMax = 2
/** A row is one record with its text; far above anything we or the Go program write. */
const rowCharsMax = 64 * 1024 * 1024

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/** What ends a number or a word: `,` `]` `}` `:` and blanks. */
const isDelimiter = (code: number): boolean =>
  code === 0x2c || code === closeBracket || code === closeBrace || code === 0x3a || code <= 0x20

class JsonReader {
  readonly #open: Container[] = []
  #root: Record<string, unknown> | null = null
  #isFirst = true
  /** What is not yet understood: at most one row, and the block it stands in. */
  #text = ''
  #at = 0
  /** Where the scan of an unfinished row goes on, and what it was inside of. */
  #row: { from: number; depth: number; inString: boolean } | null = null

  take(text: string): void {
    this.#text = this.#text.slice(this.#row?.from ?? this.#at) + text
    if (this.#row !== null) {
      this.#at -= this.#row.from
      this.#row.from = 0
    } else this.#at = 0
    if (this.#text.length > rowCharsMax) throw broken('one row of it is too long')
    while (this.#at < this.#text.length && this.#step());
  }

  end(): Readonly<Record<string, unknown>> {
    if (this.#row !== null && this.#open.length === 0) throw broken('it is not complete')
    if (this.#root === null || this.#open.length > 0) throw broken('it is not complete')
    return this.#root
  }

  /** One token or row; false when more text is needed. */
  #step(): boolean {
    if (this.#row !== null) return this.#scanRow()
    const character = this.#text[this.#at] ?? ''
    if (/[ \t\r\n]/.test(character) || (this.#isFirst && character === '\ufeff')) {
      this.#at++
      return true
    }
    const isFirst = this.#isFirst
    this.#isFirst = false
    const top = this.#open.at(-1)
    if (top === undefined) return this.#openRoot(character, isFirst)
    return top.kind === 'object' ? this.#inObject(top, character) : this.#inList(top, character)
  }

  #openRoot(character: string, isFirst: boolean): boolean {
    if (!isFirst || character !== '{') throw broken(isFirst ? 'it is no JSON object' : 'something stands after its end')
    this.#root = Object.create(null) as Record<string, unknown>
    this.#push(this.#root)
    return true
  }

  #push(value: Record<string, unknown> | unknown[]): void {
    this.#at++
    if (Array.isArray(value)) this.#open.push({ kind: 'list', value, awaits: 'value-or-end' })
    else this.#open.push({ kind: 'object', value, key: null, awaits: 'key-or-end' })
  }

  #inObject(top: Extract<Container, { kind: 'object' }>, character: string): boolean {
    switch (top.awaits) {
      case 'key-or-end':
      case 'key':
        if (character === '}' && top.awaits === 'key-or-end') return this.#close()
        if (character !== '"') throw broken('a key is missing')
        return this.#beginRow()
      case 'colon':
        if (character !== ':') throw broken('a colon is missing')
        top.awaits = 'value'
        this.#at++
        return true
      case 'value':
        return this.#beginValue(character)
      case 'comma-or-end':
        if (character === '}') return this.#close()
        if (character !== ',') throw broken('a comma is missing')
        top.awaits = 'key'
        this.#at++
        return true
    }
  }

  #inList(top: Extract<Container, { kind: 'list' }>, character: string): boolean {
    if (character === ']' && top.awaits !== 'value') return this.#close()
    if (top.awaits !== 'comma-or-end') return this.#beginRow()
    if (character !== ',') throw broken('a comma is missing')
    top.awaits = 'value'
    this.#at++
    return true
  }

  /** Lists and shallow objects are opened; the rest is a row. */
  #beginValue(character: string): boolean {
    const objects = this.#open.filter((one) => one.kind === 'object').length
    if (character === '[' && objects <= objectDepthMax) return this.#descend([])
    if (character === '{' && objects < objectDepthMax)
      return this.#descend(Object.create(null) as Record<string, unknown>)
    return this.#beginRow()
  }

  #descend(value: Record<string, unknown> | unknown[]): boolean {
    this.#put(value)
    this.#push(value)
    return true
  }

  #beginRow(): boolean {
    this.#row = { from: this.#at, depth: 0, inString: false }
    return this.#scanRow()
  }

  /** Looks for the end of the row; strings are skipped, brackets counted, the rest is left to the parser. */
  #scanRow(): boolean {
    const row = this.#row
    if (row === null) return true
    const text = this.#text
    const end = text.length
    let at = this.#at
    let { depth, inString } = row
    let isDone = false
    while (at < end && !isDone) {
      const code = text.charCodeAt(at)
      if (inString) {
        // An escape at the end of a block waits for what it escapes.
        if (code === backslash && at + 1 >= end) break
        at += code === backslash ? 2 : 1
        inString = code !== quote
        isDone = !inString && depth === 0
      } else if (depth === 0 && at > row.from && isDelimiter(code)) isDone = true
      else {
        if (code === quote) inString = true
        else if (code === openBrace || code === openBracket) depth++
        else if (code === closeBrace || code === closeBracket) isDone = --depth <= 0
        at++
      }
    }
    this.#at = at
    this.#row = { from: row.from, depth, inString }
    return isDone && this.#endRow(row.from)
  }

  #endRow(from: number): boolean {
    const value = parsed(this.#text.slice(from, this.#at))
    this.#row = null
    const top = this.#open.at(-1)
    if (top?.kind === 'object' && (top.awaits === 'key' || top.awaits === 'key-or-end')) {
      top.key = String(value)
      top.awaits = 'colon'
    } else this.#put(value)
    return true
  }

  #put(value: unknown): void {
    const top = this.#open.at(-1)
    if (top === undefined) return
    if (top.kind === 'list') top.value.push(value)
    else top.value[top.key ?? ''] = value
    top.awaits = 'comma-or-end'
  }

  #close(): boolean {
    this.#at++
    this.#open.pop()
    return true
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw broken(error instanceof Error ? error.message : 'it is not JSON')
  }
}

const broken = (why: string): EngramError =>
  new EngramError('broken_backup', `Expected a complete backup document; ${why}. Nothing was applied.`)
