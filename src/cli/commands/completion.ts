import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { command, type Command, type CommandContext } from '../command.ts'
import { requiredArgument } from '../option-values.ts'
import { encodedName } from '../text/project-name.ts'
import { completionScript, completionsFor, shells } from '../complete.ts'

export const completionCommand = command({
  path: 'completion',
  section: 'This machine',
  summary: 'A script that completes words of engram by Tab',
  details:
    'bash: add `source <(engram completion bash)` to ~/.bashrc · zsh: `source <(engram completion zsh)` in ~/.zshrc · ' +
    'fish: `engram completion fish > ~/.config/fish/completions/engram.fish` · ' +
    'PowerShell: `engram completion powershell | Out-String | Invoke-Expression` in $PROFILE.',
  arguments: [{ name: 'shell', description: shells.join(', '), required: true, choices: shells }],
  examples: ['source <(engram completion bash)', 'engram completion fish > ~/.config/fish/completions/engram.fish'],
  run: async (context) => {
    const shell = requiredArgument(context, 'shell')
    const script = await completionScript(shell)
    context.answer({ shell, script }, () => script.trimEnd())
  },
})

/** Called by the script at each Tab; answers one word a line. It never fails, and never makes a data dir. */
export const completeCommand = (commands: () => readonly Command[]): Command =>
  command({
    path: 'complete',
    section: 'This machine',
    summary: 'Words for the completion script',
    hidden: true,
    arguments: [{ name: 'words', description: 'the line so far, after --', required: false, variadic: true }],
    examples: ['engram complete -- sea', 'engram complete -- search --project ""'],
    run: async (context) => {
      const lines = await completionsFor(commands(), context.words('words'), () => projectNames(context))
      context.answer(lines, () => lines.join('\n'))
    },
  })

async function projectNames(context: CommandContext): Promise<readonly string[]> {
  if (!existsSync(join(context.config.dataDir.value, 'engram.db'))) return []
  try {
    const projects = await context.call('project.list', {})
    return projects.map((one) => encodedName(one.name))
  } catch {
    return []
  }
}
