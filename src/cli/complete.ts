import { flagWords, globalOptions } from './command-groups.ts'
import type { Command } from './command.ts'

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const

/** The package writes to the console; what it writes is taken instead. Nothing else runs meanwhile. */
function written(work: () => void): string {
  const lines: string[] = []
  const before = console.log
  console.log = (...parts: readonly unknown[]) => void lines.push(parts.join(' '))
  try {
    work()
  } finally {
    console.log = before
  }
  return lines.join('\n')
}

/** The script a shell runs to complete our words; it calls `engram complete -- <words>`. */
export async function completionScript(shell: string): Promise<string> {
  const { script } = await import('@bomb.sh/tab')
  return written(() => script(shell, 'engram', 'engram'))
}

/** Lines `word<Tab>description`, and a last one that tells the shell how to go on. */
export async function completionsFor(
  commands: readonly Command[],
  words: readonly string[],
  projectNames: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const { RootCommand } = await import('@bomb.sh/tab')
  const root = new RootCommand()
  // Only asked when a project may stand here: opening the store costs more than all else.
  const names = mayBeProject(commands, words) ? await projectNames() : []
  const projects = (complete: (value: string, description: string) => void): void => {
    for (const name of names) complete(name, 'project')
  }
  for (const one of commands) {
    if (one.hidden === true) continue
    const parser = root.command(one.path, one.summary)
    for (const argument of one.arguments ?? []) {
      const choices = argument.choices
      const offer = argument.isProject === true ? projects : choices === undefined ? undefined : offering(choices)
      parser.argument(argument.name, offer, argument.variadic === true)
    }
    for (const option of one.options ?? [])
      addOption(parser, option.flags, option.description, option.isProject === true ? projects : option.choices)
    for (const [flags, description] of globalOptions) addOption(parser, flags, description, undefined)
  }
  return written(() => root.parse([...words])).split('\n')
}

type Offer = (complete: (value: string, description: string) => void) => void

const offering =
  (choices: readonly string[]): Offer =>
  (complete) => {
    for (const choice of choices) complete(choice, '')
  }

type Parser = { option(value: string, description: string, handler?: Offer, alias?: string): unknown }

function addOption(
  parser: Parser,
  flags: string,
  description: string,
  values: Offer | readonly string[] | undefined,
): void {
  const takesValue = flags.includes('<')
  const alias = /^-(\w),/.exec(flags)?.[1]
  for (const word of flagWords(flags)) {
    const name = word.replace(/^--/, '')
    const offer = typeof values === 'function' ? values : offering(values ?? [])
    if (takesValue) parser.option(name, description, offer, alias)
    // Without a handler the package takes it for a switch.
    else parser.option(name, description)
  }
}

/** Whether the word being typed could be the name of a project. */
function mayBeProject(commands: readonly Command[], words: readonly string[]): boolean {
  const line = words.join(' ')
  const command = commands.findLast((one) => line.startsWith(`${one.path} `) && one.hidden !== true)
  if (command === undefined) return false
  const previous = words.at(-2) ?? ''
  const current = words.at(-1) ?? ''
  const flag = current.includes('=') ? current.slice(0, current.indexOf('=')) : previous
  if (flag.startsWith('--')) {
    return (command.options ?? []).some((one) => one.isProject === true && flagWords(one.flags).includes(flag))
  }
  return (command.arguments ?? []).some((one) => one.isProject === true)
}
