import { alnum, backslashesBefore, classOf, dash, dot, equals, runEnd, slash } from './characters.ts'
import type { Found, Scan } from './finding.ts'
import { hasThreeClasses, wordShare } from './likeness.ts'
import type { Run } from './long-runs.ts'

const keyId = /(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/
const secretName = /aws_?-?secret|secret_?-?access_?-?key/i
const linesNear = 3
/** Lines can be endless; a secret stands no farther than this from its key id. */
const charactersNear = 2_000

/**
 * ING-RED-2/aws: a lone value of 40 characters beside a name like `aws_secret…` or within three lines of a key id.
 * The key ids themselves are found by their prefix.
 */
export function findAwsSecret({ text, runs }: Scan, found: Found): void {
  const windows = keyIdWindows(text, runs)
  let window = 0
  for (const run of runs) {
    while (window < windows.length && (windows[window]?.end ?? 0) < run.start) window++
    const near = windows[window]
    const start = valueStart(text, run)
    if (!isSecret(text, start)) continue
    const isNear = near !== undefined && start >= near.start && start + 40 <= near.end
    if (isNear || secretName.test(text.slice(Math.max(0, start - 60), start))) found('aws', start, start + 40)
  }
}

/** A run swallows `NAME=` and the letter of an escape such as `\\n`: the value begins behind them. */
function valueStart(text: string, run: Run): number {
  const split = runEnd(text, run.start, alnum | slash | dash | dot, run.end)
  if (split < run.end - 40) return split + 1
  return backslashesBefore(text, run.start) % 2 === 1 ? run.start + 1 : run.start
}

function isSecret(text: string, start: number): boolean {
  const end = runEnd(text, start, alnum | slash, start + 41)
  if (end - start !== 40) return false
  if ((classOf(text.charCodeAt(end)) & (dash | equals)) !== 0) return false
  const value = text.slice(start, end)
  return hasThreeClasses(value) && wordShare(value) < 0.4
}

/** Three lines around every key id, merged so that no text is searched twice. */
function keyIdWindows(text: string, runs: readonly Run[]): Run[] {
  const windows: { start: number; end: number }[] = []
  for (const run of runs) {
    const hit = keyId.exec(text.slice(run.start, run.end))
    if (hit === null) continue
    const at = run.start + hit.index
    const last = windows.at(-1)
    const end = linesAfter(text, at)
    if (last !== undefined && linesBefore(text, at, last.end) <= last.end) last.end = end
    else windows.push({ start: linesBefore(text, at, last?.end ?? 0), end })
  }
  return windows
}

const isLineBreak = (text: string, at: number): boolean =>
  text.charCodeAt(at) === 10 || (text.charCodeAt(at) === 92 && text.charCodeAt(at + 1) === 110)

function linesAfter(text: string, from: number): number {
  const limit = Math.min(text.length, from + charactersNear)
  let at = from
  for (let lines = 0; at < limit; at++) if (isLineBreak(text, at) && ++lines > linesNear) break
  return at
}

function linesBefore(text: string, from: number, floor: number): number {
  const limit = Math.max(floor, from - charactersNear)
  let at = from
  for (let lines = 0; at > limit; at--) if (isLineBreak(text, at - 1) && ++lines > linesNear) break
  return at
}
