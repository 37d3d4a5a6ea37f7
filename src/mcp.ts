import type { McpOptions } from './cli/program-port.ts'
import { serveMcpOverStdio } from './mcp/stdio.ts'
import { selectTools } from './mcp/profiles.ts'
import { tools } from './mcp/tools.ts'
import type { OpenedEngine } from './open-engine.ts'
import { startUpkeep } from './upkeep.ts'

/** Serves one agent over standard input and output; the engine is closed whatever happens (MEM-1206). */
export async function serveMcp(opened: OpenedEngine, options: McpOptions, signal: AbortSignal): Promise<void> {
  try {
    const selected = selectTools(tools, options.tools)
    const upkeep = startUpkeep(opened)
    try {
      await serveMcpOverStdio(
        {
          connection: {
            caller: opened.caller,
            newId: () => opened.deps.ids.ulid(),
            directory: options.directory,
            projectOverride: options.projectOverride,
            timezone: options.timezone,
            agentPid: options.agentPid,
          },
          version: opened.deps.version,
          tools: selected,
          input: options.input,
          output: options.output,
        },
        signal,
      )
    } finally {
      await upkeep.stop()
    }
  } finally {
    await opened.close()
  }
}
