import type { McpOptions } from './cli/program-port.ts'
import { serveMcpOverStdio } from './mcp/stdio.ts'
import { selectTools } from './mcp/profiles.ts'
import { tools } from './mcp/tools.ts'
import type { Caller } from './api/caller.ts'
import type { OpenedEngine } from './open-engine.ts'
import { startReadingOn } from './reads-on.ts'
import { startUpkeep } from './upkeep.ts'

/** An agent that asked nothing for so long leaves time for other work (ING-HOK-1). */
const idleMs = 2_000

/** Serves one agent over standard input and output; the engine is closed whatever happens (MEM-1206). */
export async function serveMcp(opened: OpenedEngine, options: McpOptions, signal: AbortSignal): Promise<void> {
  try {
    const selected = selectTools(tools, options.tools)
    const upkeep = startUpkeep(opened)
    const watched = watchedCaller(opened.caller, () => opened.deps.clock.monotonicMs())
    const readingOn = startReadingOn(opened, { isIdle: () => watched.quietMs() >= idleMs, atStart: true })
    try {
      await serveMcpOverStdio(
        {
          connection: {
            caller: watched.caller,
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
      await Promise.all([upkeep.stop(), readingOn.stop()])
    }
  } finally {
    await opened.close()
  }
}

/** The caller, and how long nobody has called; 0 while a call is under way. */
function watchedCaller(
  caller: Caller,
  nowMs: () => number,
): { readonly caller: Caller; readonly quietMs: () => number } {
  let [underWay, lastMs] = [0, nowMs()]
  return {
    caller: {
      call: async (operation, input, context) => {
        underWay++
        try {
          return await caller.call(operation, input, context)
        } finally {
          underWay--
          lastMs = nowMs()
        }
      },
    },
    quietMs: () => (underWay > 0 ? 0 : nowMs() - lastMs),
  }
}
