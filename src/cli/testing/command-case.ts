import type { ErrorCode } from '../../model/errors.ts'

/** One command: what it prints for people, what it answers to programs, and how it fails. */
export type Case = {
  /** Said before, one after the other. */
  readonly before?: readonly (readonly string[])[]
  readonly words: readonly string[]
  readonly input?: string
  /** In standard output; where a command has nothing to print, in standard error. */
  readonly text: RegExp
  /** Keys of the JSON answer, of its first row when it is a list; empty for an empty list. */
  readonly keys: readonly string[]
  readonly fails: { readonly words: readonly string[]; readonly code: ErrorCode; readonly exit: number }
  /** Exit code of the success, when it is not 0. */
  readonly exit?: number
}

export type Cases = Readonly<Record<string, Case>>

export const unknownProject = (...words: readonly string[]): Case['fails'] => ({
  words,
  code: 'unknown_project',
  exit: 5,
})
export const usage = (...words: readonly string[]): Case['fails'] => ({ words, code: 'usage', exit: 2 })
export const notFound = (...words: readonly string[]): Case['fails'] => ({ words, code: 'not_found', exit: 5 })
