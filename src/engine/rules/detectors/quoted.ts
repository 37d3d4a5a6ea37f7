/** A value in quotes: `start` and `end` are what stands between them. */
export type Quoted = { readonly start: number; readonly end: number }

const opener = /(\\{0,15})(["'`])/y
const charactersMax = 4_096

/**
 * The quoted value that begins at `at`, at any depth of escaping (`"x"`, `\"x\"`, `\\\"x\\\"`): it is closed by the same quote
 * behind the same number of backslashes. Undefined when there is none, or no end on the line within 4,096 characters.
 */
export function quotedAt(text: string, at: number): Quoted | undefined {
  opener.lastIndex = at
  const opened = opener.exec(text)
  if (opened === null) return undefined
  const depth = opened[1]?.length ?? 0
  const start = opener.lastIndex
  const end = closingAt(text, start, opened[2] ?? '"', depth)
  return end === undefined ? undefined : { start, end }
}

/** Where the closing quote begins, its own backslashes included. */
function closingAt(text: string, start: number, quote: string, depth: number): number | undefined {
  const wanted = quote.charCodeAt(0)
  const limit = Math.min(text.length, start + charactersMax)
  let slashes = 0
  for (let at = start; at < limit; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 92) {
      slashes++
      continue
    }
    // `depth` backslashes write the quote at this depth; twice as many and one more write a quote inside the value.
    if (unit === wanted && slashes % (2 * (depth + 1)) === depth) return at - depth
    if (unit === 10 || unit === 13) return undefined
    slashes = 0
  }
  return undefined
}

/** Where the unquoted value that begins at `start` ends. */
export type BareEnd = (start: number) => number

/**
 * An unquoted value ends at a space, a quote, an escaped break or quote, or one of `stops`. What was read for one start is
 * remembered for the next one inside it (`a=b=c=…`), so that all calls together read each character once.
 */
export function createBareEnd(text: string, stops: string): BareEnd {
  const isStop = stopsOf(stops)
  let from = 0
  let end = 0
  return (start) => {
    end = start >= from && start <= end ? endOfBare(text, end, isStop) : endOfBare(text, start, isStop)
    from = start
    return end
  }
}

/** Made once for each list of stops: making one costs more than looking through a short text. */
function stopsOf(stops: string): ReadonlySet<number> {
  const known = stopSets.get(stops)
  if (known !== undefined) return known
  const made = new Set(Array.from(stops, (character) => character.charCodeAt(0)))
  stopSets.set(stops, made)
  return made
}

/** The lists stand in the detectors, so there are few. */
const stopSets = new Map<string, ReadonlySet<number>>()

function endOfBare(text: string, start: number, isStop: ReadonlySet<number>): number {
  let at = start
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    // Space and controls, " ' `
    if (unit <= 32 || unit === 34 || unit === 39 || unit === 96 || isStop.has(unit)) break
    if (unit !== 92) at++
    else if (text.charCodeAt(at + 1) !== 92 && '"\'`nrtu'.includes(text.charAt(at + 1))) break
    else at += 2
  }
  return Math.min(at, text.length)
}
