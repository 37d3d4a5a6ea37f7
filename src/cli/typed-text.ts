import type { CommandContext } from './command.ts'
import { readInput } from './terminal.ts'

/** Text as it was typed; a lone `-` stands for standard input. */
export async function typedText(context: CommandContext, given: string): Promise<string> {
  if (given !== '-') return given
  if (context.terminal.isInteractive) context.note('reading from standard input; end with Ctrl-D')
  const { text, isWhole } = await readInput(context.terminal, context.signal)
  if (!isWhole) context.note('standard input is not UTF-8 throughout; what could not be read became U+FFFD')
  return text
}
