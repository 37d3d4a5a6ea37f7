import type { Config } from './cli/config.ts'
import type { ProgramPort } from './cli/program-port.ts'
import type { OpenedEngine } from './open-engine.ts'
import { systemClock } from './platform/clock.ts'
import { programVersion } from './version.ts'

/** What the command line gets from the rest of the house. */
export function createProgram(environment: Readonly<Record<string, string | undefined>>): ProgramPort {
  return {
    version: programVersion(),
    open: (config) => openFor(config, environment),
    serve: async (config, options, signal) => {
      const { serve } = await import('./serve.ts')
      return serve(await openFor(config, environment), options, signal)
    },
    adopt: async (config, options) => {
      const { adopt } = await import('./adopt.ts')
      return adopt(config, options)
    },
    nowMs: () => systemClock.nowMs(),
  }
}

/** Help and version never open anything: what an engine needs is loaded by the first command that needs one. */
async function openFor(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<OpenedEngine> {
  const { openEngine } = await import('./open-engine.ts')
  return openEngine({
    dataDir: config.dataDir.value,
    settings: config.settings,
    allowNetworkFs: config.allowNetworkFs.value,
    environment,
  })
}
