import { EngramError } from '../model/errors.ts'

/** A tree of what an expression says. Sets hold sorted code-point ranges, both ends included. */
export type Node =
  | { readonly kind: 'set'; readonly ranges: readonly Range[]; readonly inverted?: boolean }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat'
      readonly item: Node
      readonly min: number
      readonly max: number
      readonly greedy: boolean
    }

export type Range = readonly [number, number]
export type Assertion = 'start' | 'end' | 'boundary' | 'not_boundary'
export type RegexFlags = { readonly ignoreCase: boolean }
export type ParsedRegex = { readonly node: Node; readonly flags: RegexFlags }

const patternCharsMax = 1_024
const repeatMax = 256
const nestingMax = 64
const lastPoint = 0x10ffff

const digits: readonly Range[] = [[48, 57]]
const wordSet: readonly Range[] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
]
const spaces: readonly Range[] = [
  [9, 13],
  [32, 32],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]
const lineEnds: readonly Range[] = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
]
const classes: Readonly<Record<string, readonly Range[]>> = {
  d: digits,
  D: inverted(digits),
  w: wordSet,
  W: inverted(wordSet),
  s: spaces,
  S: inverted(spaces),
}
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11 }

/**
 * Reads an expression: literals, `.`, classes, `* + ? {m,n}` with a lazy `?` behind, `|`, groups, `^ $ \b \B`,
 * `\d \w \s` and their opposites, `\n`-like and `\xHH \uHHHH` letters, and `(?i)` in front. What else exists (look-around,
 * back-references, named groups) cannot be matched in linear time or is not known here: `invalid_request`.
 */
export function parseRegex(pattern: string): ParsedRegex {
  if (pattern.length > patternCharsMax) throw refused(pattern, 0, `it is longer than ${patternCharsMax} characters`)
  const ignoreCase = pattern.startsWith('(?i)')
  const reader = new Reader(ignoreCase ? pattern.slice(4) : pattern)
  const node = choice(reader, 0)
  if (!reader.isOver) throw refused(pattern, reader.at, 'a `)` has no `(`')
  return { node, flags: { ignoreCase } }
}

class Reader {
  readonly #points: readonly string[]
  readonly pattern: string
  at = 0

  constructor(pattern: string) {
    this.pattern = pattern
    this.#points = Array.from(pattern)
  }

  get isOver(): boolean {
    return this.at >= this.#points.length
  }

  get next(): string | undefined {
    return this.#points[this.at]
  }

  take(): string {
    const point = this.#points[this.at]
    if (point === undefined) throw this.refused('it ends too early')
    this.at++
    return point
  }

  skip(text: string): boolean {
    if (this.#points.slice(this.at, this.at + text.length).join('') !== text) return false
    this.at += text.length
    return true
  }

  /** `{2}`, `{2,}`, `{2,5}` at this place; null when there is none. */
  takeCounts(): readonly [number, number] | null {
    const match = /^\{(\d{1,6})(?:(,)(\d{1,6})?)?\}/.exec(this.#points.slice(this.at, this.at + 16).join(''))
    if (match === null) return null
    this.at += match[0].length
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[3] === undefined ? Infinity : Number(match[3])
    if (max < min) throw this.refused('a count ends before it begins')
    if (min > repeatMax || (max !== Infinity && max > repeatMax)) throw this.refused(`a count is over ${repeatMax}`)
    return [min, max]
  }

  refused(why: string): EngramError {
    return refused(this.pattern, this.at, why)
  }
}

function refused(pattern: string, at: number, why: string): EngramError {
  const shown = JSON.stringify(pattern.slice(0, 60))
  return new EngramError(
    'invalid_request',
    `Expected a regular expression we can match, got ${shown}: ${why}, at ${at}.`,
    {
      details: { field: 'query', at },
      hint: 'Known are . [] * + ? {m,n} | () ^ $ \\b \\d \\w \\s and (?i) in front.',
    },
  )
}

function choice(reader: Reader, depth: number): Node {
  if (depth > nestingMax) throw reader.refused(`groups stand more than ${nestingMax} deep`)
  const options = [sequence(reader, depth)]
  while (reader.skip('|')) options.push(sequence(reader, depth))
  const [only] = options
  return options.length === 1 && only !== undefined ? only : { kind: 'choice', options }
}

function sequence(reader: Reader, depth: number): Node {
  const items: Node[] = []
  while (!reader.isOver && reader.next !== '|' && reader.next !== ')') items.push(repeated(reader, depth))
  return { kind: 'sequence', items }
}

function repeated(reader: Reader, depth: number): Node {
  const item = atom(reader, depth)
  const counts = quantifier(reader)
  if (counts === null) return item
  if (item.kind === 'assert') throw reader.refused('nothing stands before a count')
  const greedy = !reader.skip('?')
  if (quantifier(reader) !== null) throw reader.refused('a count follows a count')
  return { kind: 'repeat', item, min: counts[0], max: counts[1], greedy }
}

function quantifier(reader: Reader): readonly [number, number] | null {
  if (reader.skip('*')) return [0, Infinity]
  if (reader.skip('+')) return [1, Infinity]
  if (reader.skip('?')) return [0, 1]
  return reader.next === '{' ? reader.takeCounts() : null
}

function atom(reader: Reader, depth: number): Node {
  const point = reader.take()
  switch (point) {
    case '(':
      return group(reader, depth)
    case '[':
      return set(reader)
    case '.':
      return { kind: 'set', ranges: inverted(lineEnds) }
    case '^':
      return { kind: 'assert', what: 'start' }
    case '$':
      return { kind: 'assert', what: 'end' }
    case '\\':
      return escape(reader)
    case '*':
    case '+':
    case '?':
      throw reader.refused('nothing stands before a count')
    default:
      return literal(point)
  }
}

function group(reader: Reader, depth: number): Node {
  if (reader.next === '?' && !reader.skip('?:')) throw reader.refused('this kind of group is not known')
  const node = choice(reader, depth + 1)
  if (!reader.skip(')')) throw reader.refused('a `(` has no `)`')
  return node
}

const literal = (point: string): Node => ({ kind: 'set', ranges: [same(point.codePointAt(0) ?? 0)] })
const same = (point: number): Range => [point, point]

function escape(reader: Reader): Node {
  if (reader.skip('b')) return { kind: 'assert', what: 'boundary' }
  if (reader.skip('B')) return { kind: 'assert', what: 'not_boundary' }
  return { kind: 'set', ranges: escapedSet(reader) }
}

/** What follows a backslash, inside or outside of a class. */
function escapedSet(reader: Reader): readonly Range[] {
  const point = reader.take()
  const known = Object.hasOwn(classes, point) ? classes[point] : undefined
  if (known !== undefined) return known
  const control = Object.hasOwn(controls, point) ? controls[point] : undefined
  if (control !== undefined) return [same(control)]
  if (point === 'x' || point === 'u') return [same(hexPoint(reader, point === 'x' ? 2 : 4))]
  if (/[\p{L}\p{N}]/u.test(point)) throw reader.refused(`\\${point} is not known`)
  return [same(point.codePointAt(0) ?? 0)]
}

function hexPoint(reader: Reader, length: number): number {
  const hex = Array.from({ length }, () => reader.take()).join('')
  if (!/^[0-9a-fA-F]+$/.test(hex)) throw reader.refused('hexadecimal digits are missing')
  return Number.parseInt(hex, 16)
}

function set(reader: Reader): Node {
  const isInverted = reader.skip('^')
  const ranges: Range[] = []
  while (!reader.skip(']')) ranges.push(...setItem(reader))
  return { kind: 'set', ranges, inverted: isInverted }
}

function setItem(reader: Reader): readonly Range[] {
  const from = setPoint(reader)
  const single = from.length === 1 ? from[0] : undefined
  if (single === undefined || single[0] !== single[1] || !reader.skip('-')) return from
  if (reader.next === ']') return [single, same(45)]
  const to = setPoint(reader)
  const last = to.length === 1 ? to[0] : undefined
  if (last === undefined || last[0] !== last[1]) return [single, same(45), ...to]
  if (last[0] < single[0]) throw reader.refused('a range ends before it begins')
  return [[single[0], last[0]]]
}

function setPoint(reader: Reader): readonly Range[] {
  const point = reader.take()
  if (point !== '\\') return [same(point.codePointAt(0) ?? 0)]
  return reader.skip('b') ? [same(8)] : escapedSet(reader)
}

function inverted(ranges: readonly Range[]): readonly Range[] {
  const sorted = [...ranges].sort(([a], [b]) => a - b)
  const result: Range[] = []
  let from = 0
  for (const [start, end] of sorted) {
    if (start > from) result.push([from, start - 1])
    from = Math.max(from, end + 1)
  }
  if (from <= lastPoint) result.push([from, lastPoint])
  return result
}
