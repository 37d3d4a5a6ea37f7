import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

export type SaveKind = 'new' | 'repeat' | 'topic' | 'prompt' | 'update'

/**
 * One line of what a writer tells: `try` before a call, `ack` or `error` after it, `worst` at its end.
 * - `key` names the text: `<writer>-<n>` of its own, the number of a shared text or topic
 * - `at`: the wall clock when it was answered, ms
 * - `count`: the duplicate or revision count it was told
 */
export type LogLine =
  | { readonly t: 'try'; readonly kind: SaveKind; readonly key: string; readonly content: string }
  | {
      readonly t: 'ack'
      readonly kind: SaveKind
      readonly key: string
      readonly syncId: string
      readonly content: string
      readonly outcome: string
      readonly count: number
      readonly ms: number
      readonly at: number
    }
  | {
      readonly t: 'error'
      readonly kind: SaveKind
      readonly code: string
      readonly message: string
      readonly ms: number
    }
  | { readonly t: 'worst'; readonly ms: number }

/** A log in the page cache: a line that was written outlives the kill of whoever wrote it. */
export function openLog(path: string): { tell(line: LogLine): void; close(): void } {
  const file = openSync(path, 'a')
  return { tell: (line) => void writeSync(file, `${JSON.stringify(line)}\n`), close: () => closeSync(file) }
}

export const readLog = (path: string): LogLine[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine)

export const acksOf = (lines: readonly LogLine[]): Extract<LogLine, { t: 'ack' }>[] =>
  lines.filter((line) => line.t === 'ack')
export const triesOf = (lines: readonly LogLine[]): Extract<LogLine, { t: 'try' }>[] =>
  lines.filter((line) => line.t === 'try')
export const errorsOf = (lines: readonly LogLine[]): Extract<LogLine, { t: 'error' }>[] =>
  lines.filter((line) => line.t === 'error')
