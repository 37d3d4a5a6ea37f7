/** What tells one failure from another: the line of the output that names the error (spec ingest 10.1). */

const signatureCharsMax = 160
const lineCharsMax = 400
const linesMax = 20_000

const errorShapes: readonly RegExp[] = [
  /^\*\* \(/,
  /^fatal:/i,
  /(?:^|[\s:\]])error:/i,
  /(?:^|\s)error\[E\d{1,5}\]/,
  /(?:^|\s)error TS\d{1,6}:/,
  /\bpanic(?:ked)?\b/,
  /(?:^|[\s.:])[A-Z]\w{0,60}(?:Error|Exception)\b(?:$|[:\s(])/,
  /\bassertion\b.{0,120}\bfailed\b/i,
  /^E {2,}\S/,
  /^--- FAIL:/,
  /\bcommand not found\b/i,
  /\bno such file\b/i,
  /\bundefined\b/,
  /\bcannot find\b/i,
  /\bdenied\b/i,
  /\brefused\b/i,
  /\btimed out\b/i,
  /^npm (?:ERR!|error) (?!code|errno|syscall|path|A complete log)\S/,
]

const notTheError =
  /^(?:warning\b|warn\b|note:|hint:|info\b|\[?debug)|\b(?:0|no) (?:errors?|failures?)\b|^Exit code \d/i

/** Taken off the front: what every error may carry says nothing of this one. */
const emptyPrefix =
  /^(?:\*\* \((?:RuntimeError|Error|Exception)\) |(?:error|fatal|Error|ERROR|FATAL): |E {2,}|npm (?:ERR!|error) )/

// oxlint-disable-next-line no-control-regex -- terminal colours are control characters
const colours = /\u001B\[[0-9;?]{0,32}[A-Za-z]/g

/** The failure's signature, at most 160 characters; empty when the output is blank. Linear, at most 20,000 lines. */
export function signatureOf(output: string): string {
  const lines = output.split('\n', linesMax).map((line) => line.slice(0, lineCharsMax).replace(colours, '').trim())
  const found = errorLine(lines) ?? lines.findLast((line) => line !== '' && !notTheError.test(line)) ?? ''
  return found.replace(emptyPrefix, '').replace(/\s+/g, ' ').slice(0, signatureCharsMax).trim().toWellFormed()
}

function errorLine(lines: readonly string[]): string | undefined {
  const index = lines.findIndex((line) => line.startsWith('Traceback (most recent call last)') || isErrorLine(line))
  const line = lines[index]
  if (line === undefined || !line.startsWith('Traceback')) return line
  return (
    lines
      .slice(index + 1)
      .find((candidate) => /^[\w.]{1,120}(?:Error|Exception|Exit|Interrupt|Warning)\b/.test(candidate)) ?? line
  )
}

const isErrorLine = (line: string): boolean =>
  line !== '' && !notTheError.test(line) && errorShapes.some((shape) => shape.test(line))

/** The signature as two failures are compared: without numbers, hexadecimal runs and absolute paths. */
export function comparableSignature(signature: string): string {
  return signature
    .toLowerCase()
    .replace(/(?<![\w.])(?:[a-z]:)?[\\/][\w.@~+-]{1,200}(?:[\\/][\w.@~+-]{1,200}){1,60}/g, '/…')
    .replace(/\b0x[0-9a-f]{1,64}\b|\b(?=[a-f]{0,63}\d)[0-9a-f]{7,64}\b/g, '#')
    .replace(/\d{1,40}/g, '#')
}
