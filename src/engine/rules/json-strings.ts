import type { Finding } from './detectors/finding.ts'
import { backslashesBefore } from './detectors/characters.ts'

/** A stretch of text, `end` exclusive. */
type Span = { readonly start: number; readonly end: number }

/**
 * Findings moved so that putting a placeholder in their place leaves JSON valid (ING-RED-6):
 * no escape is cut in two, and where the text (or the line) is JSON nothing outside a string's inside is touched.
 */
export function keepJsonValid(text: string, findings: readonly Finding[]): readonly Finding[] {
  const whole = findings.map((finding) => wholeEscapes(text, finding)).filter(({ start, end }) => end > start)
  if (whole.length === 0 || !/^\s{0,100}[[{"]/.test(text)) return whole
  if (isJson(text)) return clip(whole, stringInsides(text, 0))
  return clipInLines(text, whole)
}

/** JSON Lines: a finding within one line is judged by that line. Each line is read once, whatever stands in it. */
function clipInLines(text: string, findings: readonly Finding[]): Finding[] {
  let line = { start: 0, end: -1, strings: undefined as readonly Span[] | undefined }
  return findings.flatMap((finding) => {
    if (finding.start >= line.end) line = readLine(text, finding.start)
    return line.strings === undefined || finding.end > line.end ? [finding] : clip([finding], line.strings)
  })
}

function readLine(text: string, at: number): { start: number; end: number; strings: readonly Span[] | undefined } {
  const start = text.lastIndexOf('\n', at - 1) + 1
  const stop = text.indexOf('\n', at)
  const end = stop === -1 ? text.length : stop
  const line = text.slice(start, end)
  return { start, end, strings: isJson(line) ? stringInsides(line, start) : undefined }
}

/** Whether the text is one JSON value that can hold a string. */
export function isJson(text: string): boolean {
  if (!/^\s{0,100}[[{"]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The insides of the string literals of valid JSON, shifted by `offset`. */
export function stringInsides(json: string, offset: number): Span[] {
  const spans: Span[] = []
  for (let open = json.indexOf('"'); open !== -1;) {
    let close = open + 1
    while (close < json.length && json.charCodeAt(close) !== 34) close += json.charCodeAt(close) === 92 ? 2 : 1
    spans.push({ start: offset + open + 1, end: offset + close })
    open = json.indexOf('"', close + 1)
  }
  return spans
}

/** The parts of the findings that lie within the spans; both in order. */
function clip(findings: readonly Finding[], spans: readonly Span[]): Finding[] {
  const clipped: Finding[] = []
  let first = 0
  for (const finding of findings) {
    while (first < spans.length && (spans[first]?.end ?? 0) <= finding.start) first++
    for (let index = first; index < spans.length; index++) {
      const span = spans[index]
      if (span === undefined || span.start >= finding.end) break
      const start = Math.max(span.start, finding.start)
      const end = Math.min(span.end, finding.end)
      if (end > start) clipped.push({ kind: finding.kind, start, end })
    }
  }
  return clipped
}

/** The finding without the rest of an escape it begins in, and with the whole of one it ends in. */
function wholeEscapes(text: string, { kind, start, end }: Finding): Finding {
  return { kind, start: behindEscape(text, start), end: behindEscape(text, end) }
}

/** `at`, or the end of the escape sequence that `at` stands inside of. */
function behindEscape(text: string, at: number): number {
  if (isEscaping(text, at - 1)) {
    const letter = text.charAt(at)
    if (letter === 'u' && /^[0-9a-fA-F]{4}/.test(text.slice(at + 1, at + 5))) return at + 5
    return letter !== '' && '"\\/bfnrt'.includes(letter) ? at + 1 : at
  }
  for (let back = 2; back <= 5; back++) {
    if (text.charCodeAt(at - back + 1) !== 117 || !isEscaping(text, at - back)) continue
    const isWhole = /^[0-9a-fA-F]{4}/.test(text.slice(at - back + 2, at - back + 6))
    if (isWhole) return at - back + 6
  }
  return at
}

/** Whether a backslash at `at` begins an escape rather than being the second half of one. */
const isEscaping = (text: string, at: number): boolean =>
  at >= 0 && text.charCodeAt(at) === 92 && backslashesBefore(text, at, Infinity) % 2 === 0
