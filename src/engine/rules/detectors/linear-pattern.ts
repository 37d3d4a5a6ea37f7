import { EngramError } from '../../../model/errors.ts'

const patternCharactersMax = 500
/** What `*` and `+` may repeat at most, so that a try at one place costs a bounded number of steps. */
const repeatsMax = 1_000

/**
 * A pattern from the configuration as an expression that runs in linear time (ING-RED-6).
 * - Refused with `invalid_request`: what does not compile, back references, look-around, a repeated group that holds an
 *   open-ended repetition (`(a+)+`), open-ended repetitions that can take each other's characters (`a*a*`, `.*x.*`), and
 *   what matches the empty text.
 * - `*`, `+` and `{n,}` are held to 1,000 repeats.
 */
export function compileLinear(name: string, pattern: string): RegExp {
  const refuse = (reason: string): never => {
    throw new EngramError('invalid_request', `redact.extra "${name}": ${reason}`, {
      hint: 'Use one open-ended repetition at a time, such as acme_[a-z0-9]{20,}.',
    })
  }
  if (pattern.length > patternCharactersMax) refuse(`the pattern is longer than ${patternCharactersMax} characters`)
  if (/\(\?(?:[=!]|<[=!])|\\[1-9]|\\k/.test(pattern)) refuse('look-around and back references take unbounded time')
  if (/\(\?(?!:|<)/.test(pattern)) refuse('inline flags are not supported')
  if (!compiles(pattern)) refuse('the pattern is no regular expression')
  const parts = parse(pattern)
  const trouble = findTrouble(parts)
  if (trouble !== undefined) refuse(trouble)
  const compiled = new RegExp(render(parts), 'g')
  if (new RegExp(`^(?:${compiled.source})$`).test('')) refuse('the pattern matches the empty text')
  return compiled
}

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp
  } catch {
    return false
  }
}

/** One piece of a pattern: an atom or group with how often it may stand. */
type Part =
  | { readonly is: 'atom'; readonly source: string; readonly min: number; readonly max: number }
  | {
      readonly is: 'group'
      readonly open: string
      readonly branches: readonly Part[][]
      readonly min: number
      readonly max: number
    }

const atomToken = /\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|.)|\[(?:\\.|[^\]\\])*\]|[^()|]/y
const repeatToken = /(?:\*|\+|\?|\{(\d+)(,(\d*))?\})\??/y
const openToken = /\((?:\?:|\?<\w+>)?/y

function parse(pattern: string): Part[] {
  let at = 0
  const take = (token: RegExp): RegExpExecArray | null => {
    token.lastIndex = at
    const hit = token.exec(pattern)
    if (hit !== null) at = token.lastIndex
    return hit
  }
  const repeat = (): { min: number; max: number } => {
    const hit = take(repeatToken)
    if (hit === null) return { min: 1, max: 1 }
    if (hit[0].startsWith('*')) return { min: 0, max: Infinity }
    if (hit[0].startsWith('+')) return { min: 1, max: Infinity }
    if (hit[0].startsWith('?')) return { min: 0, max: 1 }
    const min = Number(hit[1])
    return { min, max: hit[2] === undefined ? min : hit[3] === '' ? Infinity : Number(hit[3]) }
  }
  const branches = (): Part[][] => {
    const all: Part[][] = [[]]
    while (at < pattern.length && pattern[at] !== ')') {
      if (pattern[at] === '|') {
        all.push([])
        at++
      } else all.at(-1)?.push(part())
    }
    return all
  }
  const part = (): Part => {
    const open = take(openToken)
    if (open === null) return { is: 'atom', source: take(atomToken)?.[0] ?? pattern.charAt(at++), ...repeat() }
    const inner = branches()
    at++
    return { is: 'group', open: open[0], branches: inner, ...repeat() }
  }
  return [{ is: 'group', open: '(?:', branches: branches(), min: 1, max: 1 }]
}

const isOpenEnded = (part: Part): boolean => part.max > 64
const isRepeated = (part: Part): boolean => part.max > 1
const holdsOpenEnd = (part: Part): boolean =>
  isOpenEnded(part) || (part.is === 'group' && part.branches.flat().some(holdsOpenEnd))

function findTrouble(parts: readonly Part[]): string | undefined {
  let open: Part | undefined
  for (const part of parts) {
    if (part.is === 'group') {
      if (
        isRepeated(part) &&
        part.branches.flat().some((inner) => isRepeated(inner) || inner.is === 'group' || inner.min === 0)
      ) {
        return 'a repeated group holds a repetition'
      }
      if (isOpenEnded(part) && part.branches.length > 1) return 'a repeated group holds alternatives'
      for (const branch of part.branches) {
        const trouble = findTrouble(branch)
        if (trouble !== undefined) return trouble
      }
    }
    // After an open end the next piece must be a character it cannot take; then it is over where it is over.
    if (open !== undefined) {
      if (holdsOpenEnd(part) || part.is === 'group' || part.min === 0)
        return 'open-ended repetitions stand side by side'
      if (canTake(open, part)) return 'an open-ended repetition can take what follows it'
      open = undefined
    }
    if (holdsOpenEnd(part)) open = part
  }
  return undefined
}

/** Whether the repetition can take a character the next atom begins with, tried over ASCII and one beyond. */
function canTake(open: Part, next: Part): boolean {
  if (open.is === 'group' || next.is === 'group') return true
  if (/^\\[bB]$|^[$^]$/.test(next.source)) return false
  const first = new RegExp(`^(?:${open.source})$`)
  const second = new RegExp(`^(?:${next.source})$`)
  return [...Array(128).keys(), 233].some((code) => {
    const character = String.fromCharCode(code)
    return first.test(character) && second.test(character)
  })
}

function render(parts: readonly Part[]): string {
  return parts
    .map((part) => {
      const body = part.is === 'atom' ? part.source : `${part.open}${part.branches.map(render).join('|')})`
      const max = part.max === Infinity ? part.min + repeatsMax : part.max
      return part.min === 1 && max === 1 ? body : `${body}{${part.min},${max}}`
    })
    .join('')
}
