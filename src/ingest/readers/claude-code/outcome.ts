import type { CallOutcome } from '../../entries.ts'

export type ResultSigns = {
  readonly text: string
  readonly isError: boolean
  /** `toolUseResult.interrupted`. */
  readonly isInterrupted: boolean
  /** The command's status is that of the last program of a pipe. */
  readonly endsInPipe: boolean
}

export type CallEnd = { readonly outcome: CallOutcome; readonly exitCode: number | null; readonly text: string }

const rejection = "The user doesn't want to proceed with this tool use"
const background = 'Command running in background with ID'
const errorOpen = '<tool_use_error>'
const errorClose = '</tool_use_error>'
const failingCount = /(?<![\d.,])[1-9]\d{0,8} (?:failed|failures?|errors?)\b/
const tailChars = 4_000

/**
 * How a call ended (ING-CC-17). An interrupted call is unknown whatever its error flag says: what was stopped shows
 * nothing about the command.
 */
export function callEnd(signs: ResultSigns): CallEnd {
  const text = unwrapError(signs.text)
  const end = (outcome: CallOutcome, exitCode: number | null = null): CallEnd => ({ outcome, exitCode, text })
  if (text.startsWith(rejection)) return end('rejected')
  if (signs.isInterrupted || text.startsWith('[Request interrupted by user')) return end('unknown')
  if (signs.isError) return end('failed', exitCodeOf(text))
  if (text.startsWith(background)) return end('unknown')
  return signs.endsInPipe && failingCount.test(text.slice(-tailChars)) ? end('failed') : end('ok')
}

function unwrapError(text: string): string {
  const trimmed = text.trim()
  if (!trimmed.startsWith(errorOpen)) return text
  return trimmed.slice(errorOpen.length, trimmed.endsWith(errorClose) ? -errorClose.length : undefined).trim()
}

function exitCodeOf(text: string): number | null {
  const code = /^Exit code (\d{1,10})\b/.exec(text)?.[1]
  return code === undefined ? null : Number(code)
}

/** Whether the last pipeline of a shell command has more than one program. Quoted text is skipped. */
export function endsInPipe(command: string): boolean {
  let isPiped = false
  for (let at = 0; at < command.length; at++) {
    const character = command[at]
    const next = command[at + 1]
    if (character === '\\') at++
    else if (character === "'" || character === '"') at = quoteEnd(command, at)
    else if (character === '|' && next === '|') {
      isPiped = false
      at++
    } else if (character === '|') isPiped = true
    else if (isSeparator(command, at) && /\S/.test(command.slice(at + 1, at + 200))) isPiped = false
  }
  return isPiped
}

function isSeparator(command: string, at: number): boolean {
  const character = command[at]
  if (character === '&') {
    return command[at - 1] !== '>' && command[at + 1] !== '>' && command[at - 1] !== '|'
  }
  if (character !== '\n') return character === ';'
  return !/\|\s{0,20}$/.test(command.slice(Math.max(0, at - 20), at))
}

function quoteEnd(command: string, start: number): number {
  const quote = command[start]
  for (let at = start + 1; at < command.length; at++) {
    if (command[at] === '\\' && quote === '"') at++
    else if (command[at] === quote) return at
  }
  return command.length
}
