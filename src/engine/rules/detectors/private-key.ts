import { base64, runEnd } from './characters.ts'
import type { Found, Scan } from './finding.ts'

const begin = '-----BEGIN '
const end = '-----END'
/** `PRIVATE KEY` with what stands before it (`RSA`, `EC`, `ENCRYPTED`, `OPENSSH`, `PGP` …), and `BLOCK` after it. */
const beginLine = /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/y
const endLine = /-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/y
const keyCharactersMax = 64 * 1024
/** A line break as it is, or written as two characters at any depth of quoting. */
const lineBreak = /\r?\n|\\{1,8}r\\{1,8}n|\\{1,8}[nr]/y
const headerLine = /[A-Z][A-Za-z-]{1,30}: [^\n\r"\\]{0,200}/y
/** What mail quoting, diffs, indentation and line numbers put before a line. */
const lineLead = /[ \t>+|]{0,32}(?:\d{1,6}[\t:→|][ \t]{0,4})?/y
const bodyRun = /[A-Za-z0-9+/]{16}|(?:\n|\\n|")[A-Za-z0-9+/=]{8,}(?:\r?\n|\\|")/

/**
 * ING-RED-2/private-key. From the BEGIN line through the END line; without END to the first line that belongs to no key.
 * A BEGIN line alone, as in prose and code that talks about keys, is no secret. The next BEGIN and END are searched once
 * and remembered, and what is walked is skipped, so time is linear.
 */
export function findPrivateKey({ text }: Scan, found: Found): void {
  let nextEnd = -2
  for (let at = text.indexOf(begin); at !== -1;) {
    beginLine.lastIndex = at
    const opened = beginLine.test(text)
    const bodyStart = opened ? beginLine.lastIndex : at + begin.length
    const next = text.indexOf(begin, bodyStart)
    if (opened) {
      if (nextEnd !== -1 && nextEnd < bodyStart) nextEnd = text.indexOf(end, bodyStart)
      const until = Math.min(next === -1 ? text.length : next, bodyStart + keyCharactersMax)
      report(text, { at, bodyStart, until, nextEnd }, found)
    }
    at = next
  }
}

type Block = { readonly at: number; readonly bodyStart: number; readonly until: number; readonly nextEnd: number }

function report(text: string, { at, bodyStart, until, nextEnd }: Block, found: Found): void {
  endLine.lastIndex = nextEnd
  const isClosed = nextEnd >= bodyStart && nextEnd < until && endLine.test(text)
  const blockEnd = isClosed ? endLine.lastIndex : walkLines(text, bodyStart, until)
  const bodyEnd = isClosed ? nextEnd : blockEnd
  if (!bodyRun.test(text.slice(bodyStart, bodyEnd))) return
  if (!hasQuote(text, bodyStart, bodyEnd)) found('private-key', at, blockEnd)
  else reportRuns(text, bodyStart, bodyEnd, found)
}

/** A bare quote means the lines are literals joined by code, or that BEGIN and END stand in two strings. */
function hasQuote(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (text.charCodeAt(at) === 34 && text.charCodeAt(at - 1) !== 92) return true
  return false
}

function reportRuns(text: string, from: number, to: number, found: Found): void {
  for (let at = from; at < to; at++) {
    const runStop = runEnd(text, at, base64, to)
    if (runStop - at >= 8) found('private-key', text.charCodeAt(at - 1) === 92 ? at + 1 : at, runStop)
    at = runStop
  }
}

/** The end of the last line that is base64, a header or blank. */
function walkLines(text: string, from: number, until: number): number {
  let stop = from
  for (let at = skip(lineBreak, text, from); at > stop && at <= until; at = skip(lineBreak, text, stop)) {
    const content = skip(lineLead, text, at)
    const header = skip(headerLine, text, content)
    const lineStop = header > content ? header : Math.min(runEnd(text, content, base64, until), until)
    if (!isLineEnd(text, lineStop, until)) return lineStop - content >= 16 ? lineStop : stop
    stop = Math.max(lineStop, at)
  }
  return Math.max(stop, oneLine(text, from, until))
}

/** A key pasted into one line, its breaks lost or turned into spaces. */
function oneLine(text: string, from: number, until: number): number {
  let stop = from
  for (let at = from; at < until;) {
    const runStop = runEnd(text, at, base64, until)
    if (runStop === at && text.charCodeAt(at) !== 32) break
    if (runStop - at >= 16) stop = runStop
    at = Math.max(runStop, at + 1)
  }
  return stop
}

function isLineEnd(text: string, at: number, until: number): boolean {
  if (at >= until) return true
  const unit = text.charCodeAt(at)
  return unit === 10 || unit === 13 || unit === 92
}

/** Where the sticky pattern ends when it matches at `at`, otherwise `at`. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}
