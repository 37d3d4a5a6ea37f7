import { command } from '../command.ts'

export const mcpCommand = command({
  path: 'mcp',
  section: 'Agents',
  summary: 'Serve one agent over standard input and output (MCP)',
  details:
    'Agents start this themselves; `engram setup` tells them to. Profiles: core (default), agent, admin, all; or names of tools.',
  options: [
    { flags: '--tools <list>', description: 'profiles and names of tools, with commas between', defaultText: 'core' },
    { flags: '--project <name>', description: 'the project of calls that name none', isProject: true },
  ],
  examples: ['engram mcp', 'engram mcp --tools=agent', 'engram mcp --tools=core,mem_timeline --project api'],
  run: async (context) => {
    const { config, terminal } = context
    await context.program.mcp(
      config,
      {
        tools: context.option('tools'),
        directory: terminal.directory,
        projectOverride: context.option('project') ?? config.project.value,
        timezone: config.timezone.value,
        ...terminal.pipes,
      },
      context.signal,
    )
  },
})
