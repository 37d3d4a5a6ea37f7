import type { Logger } from 'pino'

/** Where operating trouble is told; never with the content of a memory or a token (COL-2003). */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export type LogFields = Readonly<Record<string, string | number | boolean | null>>

const nothing = (): void => undefined

/** For programs that have nobody to tell, and for tests. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export type LogOptions = {
  /** Nothing below it is told. */
  readonly level: LogLevel
  /** `json`: one object per line, for programs · `console`: one sentence per line, for people. */
  readonly format: 'json' | 'console'
  /** Which part of the program speaks, such as `server`. */
  readonly component: string
  /** A file descriptor; 2 (stderr) unless a test wants it elsewhere. */
  readonly descriptor?: number
  /** Stand in every line. */
  readonly fields?: LogFields
  /** Each line says which place in the program tells it, as `caller`. */
  readonly includeCaller?: boolean
}

/** A log with something open behind it. */
export type OpenLog = Log & {
  /** Writes out what waits. Nothing may be told afterwards. */
  close(): Promise<void>
}

/** A reader that stands still loses lines above this; the program never waits for it and never grows for it. */
const waitingCharsMax = 1024 * 1024

/**
 * Opens the log of a program that stays. The package behind it is loaded here and not before, so that no short command
 * pays for it. Lines: `{level, time, component, message, …fields}` (COL-2003).
 */
export async function openLog(options: LogOptions): Promise<OpenLog> {
  if (options.level === 'silent') return { ...silentLog, close: () => Promise.resolve() }
  const { pino } = await import('pino')
  const sink = pino.destination({ dest: options.descriptor ?? 2, sync: false, maxLength: waitingCharsMax })
  // Nobody is left to tell that nobody reads.
  sink.on('error', nothing)
  const logger = pino(
    {
      level: options.level,
      base: { ...options.fields, component: options.component },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === 'json' ? sink : { write: (line: string) => void sink.write(consoleLine(line)) },
  )
  return {
    ...told(logger, options.includeCaller === true),
    close: () =>
      new Promise((resolve) => {
        sink.once('close', () => resolve())
        sink.end()
      }),
  }
}

const told = (logger: Logger, includeCaller: boolean): Log => {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => {
    const tell = (message: string, fields?: LogFields): void =>
      logger[level](includeCaller ? { ...fields, caller: placeAbove(tell) } : (fields ?? {}), message)
    return tell
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** `http.js:120`: where the function was called. */
function placeAbove(called: (message: string, fields?: LogFields) => void): string {
  const trace = { stack: '' }
  Error.captureStackTrace(trace, called)
  return /([^/\\]+:\d+):\d+\)?$/m.exec(trace.stack)?.[1] ?? ''
}

/** `10:31:02 warn  a save was queued reason=storage_busy`. Control characters are shown, never sent to a terminal. */
export function consoleLine(json: string): string {
  const {
    level,
    time,
    component: _component,
    message,
    ...fields
  } = JSON.parse(json) as Readonly<Record<string, unknown>>
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${plain(value)}`)
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${visible(String(message))}${rest.join('')}\n`
}

const plain = (value: unknown): string => {
  const text = visible(String(value))
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16)
    return `\\u{${code}}`
  })
