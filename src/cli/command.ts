import type { Caller } from '../api/caller.ts'
import type { Input, OperationName, Output } from '../api/operations.ts'
import type { ProgramPort } from './program-port.ts'
import type { Config } from './config.ts'
import type { Painter } from './paint.ts'
import type { Terminal } from './terminal.ts'

/** One command as data: the parser, the help and the shell completion are made from it. */
export type Command = {
  /** Words after `engram`: `projects merge`. */
  readonly path: string
  readonly section: Section
  readonly summary: string
  /** More than one line of explanation, shown by `--help`. */
  readonly details?: string
  readonly arguments?: readonly CommandArgument[]
  readonly options?: readonly CommandOption[]
  readonly examples: readonly [string, string, ...string[]]
  /** Other spellings of the whole path. */
  readonly aliases?: readonly string[]
  readonly hidden?: boolean
  readonly run: (context: CommandContext) => Promise<CommandResult>
}

/** Headings of `engram help`, in this order. */
export const sections = [
  'Memory',
  'Reading for an agent',
  'Extracted memories',
  'Sessions and projects',
  'Transcripts',
  'Relations and conflicts',
  'Working together',
  'Backup and export',
  'Agents',
  'This machine',
] as const
export type Section = (typeof sections)[number]

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 130

/** Nothing: 0. `passedOn`: the exit code of another program that was run. */
export type CommandResult = ExitCode | { readonly passedOn: number } | void

export type CommandArgument = {
  readonly name: string
  readonly description: string
  readonly required: boolean
  /** Takes all remaining words. */
  readonly variadic?: boolean
  readonly choices?: readonly string[]
  /** Completed with the names of known projects. */
  readonly isProject?: boolean
}

export type CommandOption = {
  /** `-v, --verbose`, `--limit <n>`. */
  readonly flags: string
  readonly description: string
  readonly choices?: readonly string[]
  /** Shown in the help only; the operation knows its own default. */
  readonly defaultText?: string
  /** May be given several times. */
  readonly repeatable?: boolean
  readonly isProject?: boolean
}

/** What the person typed, and the doors a command needs. */
export type CommandContext = {
  readonly terminal: Terminal
  readonly paint: Painter
  readonly config: Config
  readonly program: ProgramPort
  /** Prints JSON and nothing else on standard output. */
  readonly json: boolean
  /** Words by the name of their argument; variadic ones as a list. */
  readonly argument: (name: string) => string | undefined
  readonly words: (name: string) => readonly string[]
  readonly option: (name: string) => string | undefined
  readonly options: (name: string) => readonly string[]
  readonly flag: (name: string) => boolean
  readonly signal: AbortSignal
  /** Opens the engine at first use; closed when the command ends. */
  caller(): Promise<Caller>
  /** One operation; on a terminal its progress is shown when it takes longer than a second. */
  call<N extends OperationName>(operation: N, input: Input<N>): Promise<Output<N>>
  /** The answer: as JSON for programs, else as text for people; an empty text prints nothing. */
  answer(value: unknown, text: () => string): void
  /** One line or block for people. */
  print(text: string): void
  printJson(value: unknown): void
  /** To standard error: warnings and remarks that must not stand in a pipe. */
  note(text: string): void
}

/** Declares a command; here only so that a list of them reads as data. */
export const command = (definition: Command): Command => definition
