import { command } from '../command.ts'

export const versionCommand = command({
  path: 'version',
  section: 'This machine',
  summary: 'The version of this program',
  examples: ['engram version', 'engram version --json'],
  run: async (context) => {
    const { version } = context.program
    context.answer({ version }, () => `engram ${version}`)
  },
})
