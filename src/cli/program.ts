import { Command as Parser, CommanderError, Option } from 'commander'
import { EngramError } from '../model/errors.ts'
import { sections, type Command, type CommandOption } from './command.ts'
import { flagWords, globalOptions, groups } from './command-groups.ts'
import { nearest } from './nearest.ts'
import type { Painter } from './paint.ts'

/** A command line after parsing: which command, and what was typed for it. */
export type ParsedLine =
  | { readonly kind: 'run'; readonly command: Command; readonly typed: Typed }
  | { readonly kind: 'help'; readonly text: string; readonly exitCode: 0 | 2 }

export type Typed = {
  readonly arguments: ReadonlyMap<string, string | readonly string[]>
  readonly options: Readonly<Record<string, unknown>>
}

export type ProgramOptions = {
  readonly version: string
  readonly commands: readonly Command[]
  readonly columns: number
  readonly paint: Painter
}

const helpColumnsMax = 100
const rootNotes = `
Every command takes --json, --data-dir <path> and --help.
\`engram help <command>\` tells more about one; words by Tab:
\`engram completion --help\`.`
const optionSection = 'Options every command takes:'

/**
 * Parses words by the commands' own declarations. Unknown commands, flags and extra words are refused before anything
 * is opened (MEM-1401): `usage`, with the nearest known word.
 */
export function parseLine(words: readonly string[], options: ProgramOptions): ParsedLine {
  const wanted = words[0] === 'help' ? [...words.slice(1), '--help'] : words
  const commands = commandsFor(wanted, options.commands)
  const line: Line = { options: { ...options, commands }, found: null, text: '', parsers: new Map() }
  const root = buildProgram(line)
  refuseUnknownHelp(wanted, line)
  try {
    root.parse([...wanted], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return endedEarly(error, wanted, line)
    throw error
  }
  if (line.found !== null) return line.found
  root.outputHelp()
  return { kind: 'help', text: line.text, exitCode: 0 }
}

/**
 * Only commands with the same first word: making a parser for each of sixty would be a third of a start. All of them
 * when the word is none of ours, so that the nearest can be named.
 */
function commandsFor(words: readonly string[], all: readonly Command[]): readonly Command[] {
  const at = words.findIndex((word, index) => !word.startsWith('-') && words[index - 1] !== '--data-dir')
  const first = words[at]
  const beginsSo = (path: string): boolean => path === first || path.startsWith(`${first} `)
  const fitting = all.filter((one) => [one.path, ...(one.aliases ?? [])].some(beginsSo))
  return fitting.length === 0 ? all : fitting
}

/** One line being parsed: what is known, and what comes of it. */
type Line = {
  readonly options: ProgramOptions
  readonly parsers: Map<string, Parser>
  found: ParsedLine | null
  text: string
}

function buildProgram(line: Line): Parser {
  const root = configured(new Parser('engram'), line)
  root
    .addHelpOption(new Option('-h, --help', 'show this help').hideHelp())
    .description('Memory for AI agents: local first, one file, no account, no key, no LLM.')
    .usage('<command> [options]')
    .helpCommand(false)
    .addHelpText('after', rootNotes)
  line.parsers.set('', root)
  for (const section of sections) {
    for (const one of line.options.commands) if (one.section === section) addCommand(one, one.path, line)
  }
  for (const one of line.options.commands) {
    for (const alias of one.aliases ?? []) addCommand({ ...one, hidden: true }, alias, line)
  }
  for (const parser of line.parsers.values()) addGlobalOptions(parser, parser === root)
  return root
}

function addCommand(command: Command, path: string, line: Line): void {
  const words = path.split(' ')
  const name = words.at(-1) ?? ''
  const parent = parserFor(words.slice(0, -1), command, line)
  const known = parent.commands.find((one) => one.name() === name)
  const parser = known ?? configured(new Parser(name), line)
  if (known === undefined) parent.addCommand(parser, { hidden: command.hidden === true })
  if (words.length === 1) parser.helpGroup(`${command.section}:`)
  line.parsers.set(path, parser)
  describe(parser, command)
  parser.action((...given: unknown[]) => {
    line.found = { kind: 'run', command, typed: typedOf(command, parser, given) }
  })
}

/** The parser of the words before the last; made when the first command below it comes. */
function parserFor(words: readonly string[], command: Command, line: Line): Parser {
  const path = words.join(' ')
  const known = line.parsers.get(path)
  if (known !== undefined) return known
  const parent = parserFor(words.slice(0, -1), command, line)
  const group = configured(new Parser(words.at(-1)), line)
  const summary = groups[path] ?? ''
  group.summary(summary).description(summary).helpGroup(`${command.section}:`)
  parent.addCommand(group)
  line.parsers.set(path, group)
  return group
}

function configured(parser: Parser, line: Line): Parser {
  const { columns, paint } = line.options
  return parser
    .exitOverride()
    .helpCommand(false)
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(optionSection))
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureHelp({
      helpWidth: Math.min(columns, helpColumnsMax),
      sortSubcommands: false,
      styleTitle: paint.title,
      styleCommandText: paint.name,
      styleSubcommandText: paint.name,
      styleOptionText: paint.name,
      subcommandTerm: (one) => one.name(),
      optionDescription: (one) => one.description,
      argumentDescription: (one) => one.description,
    })
    .configureOutput({
      writeOut: (text) => (line.text += text),
      writeErr: (text) => (line.text += text),
      // Colours are put in by our own painter, which knows whether there are any.
      getOutHasColors: () => true,
      getErrHasColors: () => true,
    })
}

function describe(parser: Parser, command: Command): void {
  parser.summary(command.summary)
  parser.description(command.details === undefined ? command.summary : `${command.summary}\n\n${command.details}`)
  for (const one of command.arguments ?? []) {
    const word = `${one.name}${one.variadic === true ? '...' : ''}`
    const argument = parser.createArgument(one.required ? `<${word}>` : `[${word}]`, one.description)
    parser.addArgument(one.choices === undefined ? argument : argument.choices([...one.choices]))
  }
  addOptions(parser, command.options ?? [])
  parser.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  $ ${line}`).join('\n')}`)
}

function addOptions(parser: Parser, own: readonly CommandOption[]): void {
  for (const one of own) {
    const option = new Option(one.flags, optionText(one))
    if (one.choices !== undefined) option.choices([...one.choices])
    if (one.repeatable === true) option.argParser(collect)
    parser.addOption(option)
  }
}

/** After the command's own; before the list of commands they would only be in the way, so the notes name them there. */
function addGlobalOptions(parser: Parser, isRoot: boolean): void {
  for (const [flags, text] of globalOptions) {
    const option = new Option(flags, text).helpGroup(optionSection)
    parser.addOption(isRoot ? option.hideHelp() : option)
  }
}

function optionText({ description, choices, defaultText, repeatable }: CommandOption): string {
  const more = [
    ...(choices === undefined ? [] : [choices.join('|')]),
    ...(defaultText === undefined ? [] : [`default: ${defaultText}`]),
    ...(repeatable === true ? ['repeatable'] : []),
  ]
  return more.length === 0 ? description : `${description} (${more.join('; ')})`
}

const collect = (value: string, before: unknown): readonly string[] => [
  ...(Array.isArray(before) ? before.map(String) : []),
  value,
]

function typedOf(command: Command, parser: Parser, given: readonly unknown[]): Typed {
  const values = new Map<string, string | readonly string[]>()
  for (const [index, one] of (command.arguments ?? []).entries()) {
    const value = given[index]
    if (typeof value === 'string') values.set(one.name, value)
    else if (Array.isArray(value)) values.set(one.name, value.map(String))
  }
  return { arguments: values, options: parser.optsWithGlobals<Record<string, unknown>>() }
}

// ── what could not be understood ──

function endedEarly(error: CommanderError, words: readonly string[], line: Line): ParsedLine {
  if (error.code === 'commander.helpDisplayed') return { kind: 'help', text: line.text, exitCode: 0 }
  // Bare `engram` asks for help; a group without its second word got none of what was asked.
  const { path, rest } = understood(words, line)
  if (error.code === 'commander.help') return { kind: 'help', text: line.text, exitCode: path === '' ? 0 : 2 }
  const wrong = error.code === 'commander.excessArguments' ? (rest[0] ?? '') : quoted(error.message)
  const message = error.code === 'commander.excessArguments' ? excess(path, rest, line) : sentence(error.message)
  throw new EngramError('usage', message, { hint: usageHint(wrong, path, line) })
}

/** Help for what does not exist is an error, not the help of everything. */
function refuseUnknownHelp(words: readonly string[], line: Line): void {
  if (!words.includes('--help') && !words.includes('-h')) return
  const { path, rest } = understood(words, line)
  const [wrong] = rest
  if (wrong === undefined || (path !== '' && line.parsers.get(path)?.commands.length === 0)) return
  if (path !== '' && (line.parsers.get(path)?.registeredArguments.length ?? 0) > 0) return
  throw new EngramError('usage', `Unknown command '${wrong}'.`, { hint: usageHint(wrong, path, line) })
}

/** The longest known path the words begin with, and the words after it that are no options. */
function understood(words: readonly string[], line: Line): { readonly path: string; readonly rest: readonly string[] } {
  const end = words.indexOf('--')
  const operands = words.slice(0, end === -1 ? undefined : end).filter((word) => word === '-' || !word.startsWith('-'))
  let path = ''
  let taken = 0
  for (const word of operands) {
    const next = path === '' ? word : `${path} ${word}`
    if (!line.parsers.has(next)) break
    path = next
    taken++
  }
  return { path, rest: operands.slice(taken) }
}

const quoted = (message: string): string => /'([^']+)'/.exec(message)?.[1] ?? ''

const sentence = (message: string): string => {
  const text = message.replace(/^error: /, '').replace(/\.$/, '')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function excess(path: string, rest: readonly string[], line: Line): string {
  const parser = line.parsers.get(path)
  const expected = parser?.registeredArguments.length ?? 0
  // Values of options may be among the words; what is too much stands at the end.
  const extra = rest.slice(expected).map((word) => JSON.stringify(word))
  const what = expected === 0 ? 'no words' : expected === 1 ? 'one word' : `at most ${expected} words`
  return `Expected ${what} after \`engram ${path}\`; ${extra.join(' ')} is too much.`
}

/** The nearest known word for the one that was not, and where to read on. */
function usageHint(wrong: string, path: string, line: Line): string {
  const help = `See \`engram ${path === '' ? 'help' : `help ${path}`}\`.`
  const guess = nearest(
    wrong.replace(/=.*$/s, ''),
    wrong.startsWith('-') ? flagsOf(path, line) : wordsAfter(path, line),
  )
  const dash = wrong.startsWith('-') && guess === null ? 'Words that begin with - stand after a lone --. ' : ''
  return guess === null ? `${dash}${help}` : `Did you mean ${guess}? ${help}`
}

const flagsOf = (path: string, line: Line): readonly string[] =>
  (line.parsers.get(path)?.options ?? []).flatMap((one) => flagWords(one.flags))

const wordsAfter = (path: string, line: Line): readonly string[] =>
  (line.parsers.get(path)?.commands ?? []).map((one) => one.name())
