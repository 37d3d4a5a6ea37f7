import { alnum, backslashesBefore, base64, classOf, dash, runEnd, runStart } from './characters.ts'
import type { Found, Scan } from './finding.ts'
import { entropyBits, hasThreeClasses, wordShare } from './likeness.ts'
import type { Run } from './long-runs.ts'

const charactersMin = 32
/** Longer ones are data: images, archives, signatures. Secrets of that size stand beside a key or in a known format. */
const charactersMax = 256
const bitsMin = 4.3
const classes = alnum | dash | base64
const before = /(?:^|[\s"'`=:,;([{<>|]|\\[nrt"])$/
const after = /^(?:$|[\s"'`,;)\]}<>|\\]|[.:!?](?:\s|$|\\|"))/
/** Integrity values, fingerprints and module sums say what they are right before. */
const saysHash = /(?:sha(?:1|224|256|384|512)[-:]|md5[-:]|h1:|blake\w{0,3}[-:]|base64,|integrity["':= ]{1,6})$/i
const hashStart = /^sha(?:1|224|256|384|512)-/i
/** Names that services give to what they made; no one can do anything with them. */
const knownId =
  /^(?:[a-z]{2,10}_)?(?:chatcmpl|cmpl|toolu|srvtoolu|mcptoolu|req|msg|call|resp|run|thread|asst|file|batch|evt|rs|fc|ft|gen|trace|span|obs|prompt|rel|session)[-_]/
const pathStart =
  /^\.{0,2}\/|(?:^|\/)(?:home|usr|src|lib|var|tmp|opt|etc|node_modules|dist|packages|blob|commit|tree)\//

/** ING-RED-2/entropy: a long random value standing alone or as a quoted value beside any key. */
export function findEntropy({ text, runs }: Scan, found: Found): void {
  for (const run of runs) {
    if (run.end - run.start < charactersMin) continue
    const start = valueStart(text, run)
    const end = runEnd(text, start, classes, run.end)
    if (end - start < charactersMin || end - start > charactersMax) continue
    if (isSecret(text, start, end)) found('entropy', start, end)
  }
}

/** Behind the letter of an escape, and behind `NAME=`. */
function valueStart(text: string, run: Run): number {
  const start = backslashesBefore(text, run.start) % 2 === 1 ? run.start + 1 : run.start
  const name = runEnd(text, start, alnum | dash, run.end)
  const isAssigned = text.charCodeAt(name) === 61 && name + 1 < run.end && text.charCodeAt(name + 1) !== 61
  return isAssigned ? name + 1 : start
}

function isSecret(text: string, start: number, end: number): boolean {
  const value = text.slice(start, end)
  if (!before.test(text.slice(Math.max(0, start - 2), start)) || !after.test(text.slice(end, end + 2))) return false
  if (!hasThreeClasses(value) || wordShare(value) >= 0.4 || entropyBits(value) < bitsMin) return false
  if (saysHash.test(text.slice(Math.max(0, start - 20), start)) || hashStart.test(value)) return false
  return !knownId.test(value) && !pathStart.test(value) && !isWrappedData(text, start, end)
}

/** A line of a base64 block (certificate, image, archive): the line before or after is one too, as wide as lines are. */
function isWrappedData(text: string, start: number, end: number): boolean {
  const width = end - start
  const above = lineAbove(text, start)
  if (above >= 60 && above <= 80 && width <= above) return true
  const below = lineBelow(text, end)
  return width >= 60 && width <= 80 && below > 0 && below <= width
}

const isIndent = (unit: number): boolean => unit === 32 || unit === 9 || unit === 43 || unit === 62

function lineAbove(text: string, start: number): number {
  let at = start
  while (start - at < 24 && isIndent(text.charCodeAt(at - 1))) at--
  if (text.charCodeAt(at - 1) === 10) at -= text.charCodeAt(at - 2) === 13 ? 2 : 1
  else if (text.startsWith('\\n', at - 2)) at -= 2
  else return 0
  return at - runStart(text, at, base64, at - 81)
}

function lineBelow(text: string, end: number): number {
  let at = end
  if (text.charCodeAt(at) === 13) at++
  if (text.charCodeAt(at) === 10) at++
  else if (text.startsWith('\\n', at)) at += 2
  else return 0
  const floor = at
  while (at - floor < 24 && isIndent(text.charCodeAt(at))) at++
  const stop = runEnd(text, at, base64, at + 81)
  return (classOf(text.charCodeAt(stop)) & dash) === 0 && /^(?:$|[\s\\"'])/.test(text.slice(stop, stop + 1))
    ? stop - at
    : 0
}
