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
