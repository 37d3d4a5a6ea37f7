import type { Caller } from '../api/caller.ts'
import { EngramError, errorTable, toEngramError } from '../model/errors.ts'
import type { CommandContext, ExitCode } from './command.ts'
import { commands } from './commands/all.ts'
import { readConfig, type GlobalFlags } from './config.ts'
import { leftCommand } from './left-commands.ts'
import { createPainter, type Painter } from './paint.ts'
import { progressLine } from './progress.ts'
import type { OpenedProgram, ProgramPort } from './program-port.ts'
import { parseLine, type ParsedLine, type Typed } from './program.ts'
import type { Terminal } from './terminal.ts'
import { visible, visibleJson } from './visible.ts'

/**
 * Runs one command line and answers its exit code (DESIGN §3.3). Errors go to standard error as `engram: <what>`, with
 * `--json` as one object; nothing is opened before the words are understood.
 */
export async function runCommandLine(
  words: readonly string[],
  terminal: Terminal,
  program: ProgramPort,
  signal: AbortSignal,
): Promise<number> {
  const paint = createPainter(terminal.colour)
  try {
    const line = understand(words, terminal, program, paint)
    if (line.kind === 'help') return printHelp(line, terminal)
    return await runParsed(line, terminal, program, paint, signal)
  } catch (error) {
    return tellFailure(toEngramError(error), terminal, isJsonWanted(words), signal)
  }
}

function understand(words: readonly string[], terminal: Terminal, program: ProgramPort, paint: Painter): ParsedLine {
  const wanted = withServe(words, terminal)
  const left = leftCommand(wanted[0] ?? '')
  if (left !== null) throw new EngramError('usage', left, { hint: '' })
  return parseLine(wanted, { version: program.version, commands, columns: terminal.columns, paint })
}

/** A server flag or ENGRAM_ADDR alone starts the server, as in the Go program (DESIGN §3.6). */
function withServe(words: readonly string[], terminal: Terminal): readonly string[] {
  const [first] = words
  if (first === '--version' || first === '-V') return ['version', ...words.slice(1)]
  if (first === undefined) return (terminal.environment['ENGRAM_ADDR'] ?? '').trim() === '' ? [] : ['serve']
  return /^--(addr|port|socket|grpc-addr|log-level|config|token-file|create-token|durability)(=|$)/.test(first)
    ? ['serve', ...words]
    : words
}

/** Also when the words could not be understood, so that a program always gets what it can read. */
function isJsonWanted(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end === -1 ? undefined : end).includes('--json')
}

function printHelp(line: Extract<ParsedLine, { kind: 'help' }>, terminal: Terminal): ExitCode {
  if (line.exitCode === 0) terminal.write(line.text)
  else terminal.writeError(line.text)
  return line.exitCode
}

async function runParsed(
  line: Extract<ParsedLine, { kind: 'run' }>,
  terminal: Terminal,
  program: ProgramPort,
  paint: Painter,
  signal: AbortSignal,
): Promise<number> {
  const config = await readConfig(terminal, globalFlags(line.typed), { forServer: line.command.path === 'serve' })
  const opened: { value: Promise<OpenedProgram> | null } = { value: null }
  const caller = async (): Promise<Caller> => (await (opened.value ??= program.open(config))).caller
  try {
    const context = contextOf(line.typed, { terminal, program, paint, config, signal, caller })
    const result = (await line.command.run(context)) ?? 0
    return typeof result === 'number' ? result : result.passedOn
  } catch (error) {
    throw pointedAt(line.command.path, error)
  } finally {
    const program = await opened.value?.catch(() => null)
    await program?.close()
  }
}

/** Misuse of one command is explained by that command's help. */
function pointedAt(path: string, error: unknown): unknown {
  if (!(error instanceof EngramError) || error.code !== 'usage' || error.hint !== errorTable.usage.hint) return error
  return new EngramError('usage', error.message, { details: error.details, hint: `See \`engram help ${path}\`.` })
}

type Doors = Pick<CommandContext, 'terminal' | 'program' | 'paint' | 'config' | 'signal' | 'caller'>

function contextOf(typed: Typed, doors: Doors): CommandContext {
  const { terminal, signal } = doors
  const option = (name: string): unknown => typed.options[camelCase(name)]
  const json = typed.options['json'] === true
  const print = (text: string): void => terminal.write(`${text}\n`)
  const printJson = (value: unknown): void => print(visibleJson(value, 2))
  return {
    ...doors,
    json,
    argument: (name) => textOf(typed.arguments.get(name)),
    words: (name) => listOf(typed.arguments.get(name)),
    option: (name) => textOf(option(name)),
    options: (name) => listOf(option(name)),
    flag: (name) => option(name) === true,
    call: async (operation, input) => {
      const caller = await doors.caller()
      const progress = progressLine(terminal, () => performance.now())
      try {
        return await caller.call(operation, input, { signal, onProgress: progress.onProgress })
      } finally {
        progress.stop()
      }
    },
    answer: (value, text) => {
      if (json) return printJson(value)
      const shown = text()
      if (shown !== '') print(shown)
    },
    print,
    printJson,
    note: (text) => terminal.writeError(`${text}\n`),
  }
}

const camelCase = (name: string): string => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function listOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.filter((one): one is string => typeof one === 'string')
  return typeof value === 'string' ? [value] : []
}

function globalFlags(typed: Typed): GlobalFlags {
  const text = (name: string): string | undefined => textOf(typed.options[name])
  return {
    dataDir: text('dataDir'),
    addr: text('addr'),
    port: text('port') ?? textOf(typed.arguments.get('port')),
    socket: text('socket'),
    grpcAddr: text('grpcAddr'),
    logLevel: text('logLevel'),
    config: text('config'),
    tokenFile: text('tokenFile'),
    durability: text('durability'),
    ...(typed.options['createToken'] === true ? { createToken: true } : {}),
    ...(typed.options['allowNetworkFs'] === true ? { allowNetworkFs: true } : {}),
  }
}

function tellFailure(error: EngramError, terminal: Terminal, json: boolean, signal: AbortSignal): ExitCode {
  if (signal.aborted) return 130
  const paint = createPainter(terminal.colour && terminal.isErrorTty)
  if (json) {
    const body = { error: error.message, code: error.code, hint: error.hint, details: error.details }
    terminal.writeError(`${visibleJson(body)}\n`)
    return error.row.exit
  }
  terminal.writeError(`${paint.bad('engram:')} ${visible(error.message, { keepLines: true })}\n`)
  if (error.hint !== '') terminal.writeError(`${paint.dim(`        ${visible(error.hint)}`)}\n`)
  if (error.code === 'internal' && error.cause instanceof Error && terminal.environment['ENGRAM_DEBUG'] === '1') {
    terminal.writeError(`${error.cause.stack ?? ''}\n`)
  }
  return error.row.exit
}
