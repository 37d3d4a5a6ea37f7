import { EngramError } from '../model/errors.ts'
import { parseRegex, type Assertion, type Node, type Range, type RegexFlags } from './regex-syntax.ts'

/**
 * Regular expressions in time linear to the text (ING-CMD-6): all ways through the expression are followed at once, one
 * code point at a time, so no text can make it slow. Finds what JavaScript's RegExp finds: the leftmost match, and of
 * those at one place the one that greedy and lazy counts prefer.
 */
export type LinearRegex = {
  /** The first match at or after `from`, in UTF-16 units `[start, end)`; null when there is none. */
  find(text: string, from?: number): readonly [number, number] | null
}

/** One instruction; `to` and `or` are places in the program, `to` is preferred. */
type Step =
  | { readonly kind: 'set'; readonly has: (point: number) => boolean }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'split'; to: number; or: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'match' }

const stepsMax = 5_000

/** Throws `invalid_request` for what is no expression, what we do not know, and what grows over its bound. */
export function compileRegex(pattern: string): LinearRegex {
  const { node, flags } = parseRegex(pattern)
  const program: Step[] = []
  emit(node, program, flags)
  program.push({ kind: 'match' })
  const mayStart = firstPoints(program)
  return { find: (text, from = 0) => run(program, mayStart, text, from) }
}

function add<S extends Step>(program: Step[], step: S): S {
  if (program.length >= stepsMax) {
    throw new EngramError('invalid_request', 'Expected a smaller regular expression: its counts multiply too far.', {
      details: { field: 'query' },
    })
  }
  program.push(step)
  return step
}

function emit(node: Node, program: Step[], flags: RegexFlags): void {
  switch (node.kind) {
    case 'set':
      add(program, { kind: 'set', has: membership(node.ranges, node.inverted === true, flags) })
      return
    case 'assert':
      add(program, { kind: 'assert', what: node.what })
      return
    case 'sequence':
      for (const item of node.items) emit(item, program, flags)
      return
    case 'choice':
      emitChoice(node.options, program, flags)
      return
    case 'repeat':
      for (let count = 0; count < node.min; count++) emit(node.item, program, flags)
      if (node.max === Infinity) emitLoop(node.item, node.greedy, program, flags)
      else emitOptional(node.item, node.max - node.min, node.greedy, program, flags)
  }
}

function emitChoice(options: readonly Node[], program: Step[], flags: RegexFlags): void {
  const jumps: { to: number }[] = []
  for (const [index, option] of options.entries()) {
    const isLast = index === options.length - 1
    const split = isLast ? null : add(program, { kind: 'split' as const, to: program.length + 1, or: 0 })
    emit(option, program, flags)
    if (split === null) continue
    jumps.push(add(program, { kind: 'jump', to: 0 }))
    split.or = program.length
  }
  for (const jump of jumps) jump.to = program.length
}

function emitLoop(item: Node, greedy: boolean, program: Step[], flags: RegexFlags): void {
  const start = program.length
  const split = add(program, { kind: 'split' as const, to: 0, or: 0 })
  emit(item, program, flags)
  add(program, { kind: 'jump', to: start })
  prefer(split, greedy, start + 1, program.length)
}

function emitOptional(item: Node, count: number, greedy: boolean, program: Step[], flags: RegexFlags): void {
  const splits: { readonly split: { to: number; or: number }; readonly inside: number }[] = []
  for (let index = 0; index < count; index++) {
    const split = add(program, { kind: 'split' as const, to: 0, or: 0 })
    splits.push({ split, inside: program.length })
    emit(item, program, flags)
  }
  for (const { split, inside } of splits) prefer(split, greedy, inside, program.length)
}

function prefer(split: { to: number; or: number }, greedy: boolean, inside: number, outside: number): void {
  split.to = greedy ? inside : outside
  split.or = greedy ? outside : inside
}

function membership(ranges: readonly Range[], isInverted: boolean, flags: RegexFlags): (point: number) => boolean {
  const isIn = (point: number): boolean => ranges.some(([from, to]) => point >= from && point <= to)
  const has = (point: number): boolean => inAnyCase(isIn, point, flags.ignoreCase) !== isInverted
  const ascii = Uint8Array.from({ length: 128 }, (_, point) => (has(point) ? 1 : 0))
  return (point) => (point < 128 ? ascii[point] === 1 : has(point))
}

function inAnyCase(isIn: (point: number) => boolean, point: number, ignoreCase: boolean): boolean {
  if (isIn(point) || !ignoreCase) return isIn(point)
  const letter = String.fromCodePoint(point)
  return [letter.toLowerCase(), letter.toUpperCase()].some((other) => {
    const otherPoint = other.codePointAt(0) ?? 0
    return other.length === (otherPoint > 0xffff ? 2 : 1) && isIn(otherPoint)
  })
}

/** One way through the program that is still open: where it stands and where its match began. */
type Thread = { readonly at: number; readonly start: number }

/** Threads in order of preference, each place at most once. Used again for every second letter. */
class Threads {
  readonly list: Thread[] = []
  readonly #seen: Uint32Array
  #round = 1

  constructor(size: number) {
    this.#seen = new Uint32Array(size)
  }

  clear(): void {
    this.list.length = 0
    this.#round++
  }

  /** Follows jumps, splits and assertions from a place to where a letter is needed. */
  add(program: readonly Step[], place: number, start: number, text: string, position: number): void {
    const open = [place]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (this.#seen[at] === this.#round) continue
      this.#seen[at] = this.#round
      const step = program[at]
      if (step === undefined) continue
      if (step.kind === 'jump') open.push(step.to)
      else if (step.kind === 'split') open.push(step.or, step.to)
      else if (step.kind === 'assert') {
        if (holds(step.what, text, position)) open.push(at + 1)
      } else this.list.push({ at, start })
    }
  }
}

/** Whether a match may begin with a letter; null when one may be empty. Assertions count as fulfilled. */
function firstPoints(program: readonly Step[]): ((point: number) => boolean) | null {
  const sets: ((point: number) => boolean)[] = []
  const seen = new Set<number>()
  const open = [0]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const step = program[at]
    if (step === undefined || seen.has(at)) continue
    seen.add(at)
    if (step.kind === 'match') return null
    if (step.kind === 'set') sets.push(step.has)
    else if (step.kind === 'split') open.push(step.to, step.or)
    else open.push(step.kind === 'jump' ? step.to : at + 1)
  }
  const ascii = Uint8Array.from({ length: 128 }, (_, point) => (sets.some((has) => has(point)) ? 1 : 0))
  return (point) => (point < 128 ? ascii[point] === 1 : sets.some((has) => has(point)))
}

function run(
  program: readonly Step[],
  mayStart: ((point: number) => boolean) | null,
  text: string,
  from: number,
): readonly [number, number] | null {
  let threads = new Threads(program.length)
  let following = new Threads(program.length)
  let best: readonly [number, number] | null = null
  for (let position = from; ;) {
    if (best === null) {
      if (threads.list.length === 0 && mayStart !== null) {
        while (position < text.length && !mayStart(text.codePointAt(position) ?? 0)) position += unitsAt(text, position)
        if (position >= text.length) return null
      }
      threads.add(program, 0, position, text, position)
    }
    const point = text.codePointAt(position)
    const next = position + unitsAt(text, position)
    following.clear()
    for (const thread of threads.list) {
      const step = program[thread.at]
      if (step?.kind === 'match') {
        best = [thread.start, position]
        break
      }
      if (step?.kind === 'set' && point !== undefined && step.has(point)) {
        following.add(program, thread.at + 1, thread.start, text, next)
      }
    }
    if (point === undefined || (best !== null && following.list.length === 0)) return best
    ;[threads, following] = [following, threads]
    position = next
  }
}

const unitsAt = (text: string, position: number): number => ((text.codePointAt(position) ?? 0) > 0xffff ? 2 : 1)

const isWordPoint = (point: number | undefined): boolean =>
  point !== undefined &&
  ((point >= 48 && point <= 57) || (point >= 65 && point <= 90) || point === 95 || (point >= 97 && point <= 122))

function holds(what: Assertion, text: string, position: number): boolean {
  if (what === 'start') return position === 0
  if (what === 'end') return position === text.length
  const before = position === 0 ? undefined : text.charCodeAt(position - 1)
  const after = position < text.length ? text.charCodeAt(position) : undefined
  return (isWordPoint(before) !== isWordPoint(after)) === (what === 'boundary')
}
