import type { Config } from './cli/config.ts'
import type { ProgramPort } from './cli/program-port.ts'
import type { OpenedEngine, OpenEngineOptions } from './open-engine.ts'
import { systemClock } from './platform/clock.ts'
import { logLevels, openLog, type LogLevel } from './platform/log.ts'
import { programVersion } from './version.ts'

/** The person's surroundings, as the process knows them. */
export type Surroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The user's home; the system's own when left out. */
  readonly homeDir?: string
  /** Whether a person reads standard error; programs get JSON lines. */
  readonly isErrorTty?: boolean
}

/** What the command line gets from the rest of the house. */
export function createProgram(surroundings: Surroundings): ProgramPort {
  return {
    version: programVersion(),
    open: async (config) => {
      const opened = await openFor(config, surroundings, { mayBeShut: true, meaningUse: 'when-asked' })
      return {
        caller: opened.caller,
        close: async () => {
          const { settle } = await import('./upkeep.ts')
          await settle(opened)
          await opened.close()
        },
      }
    },
    serve: async (config, options, signal) => {
      const { serve } = await import('./serve.ts')
      const format = surroundings.isErrorTty === true ? 'console' : 'json'
      const log = await openLog({ format, ...config.server.log, level: levelOf(config), component: 'server' })
      try {
        return await serve(await openFor(config, surroundings, { log, isServer: true }), options, signal)
      } finally {
        await log.close()
      }
    },
    mcp: async (config, options, signal) => {
      const { serveMcp } = await import('./mcp.ts')
      await serveMcp(await openFor(config, surroundings, {}), options, signal)
    },
    adopt: async (config, options) => {
      const { adopt } = await import('./adopt.ts')
      return adopt(config, options)
    },
    nowMs: () => systemClock.nowMs(),
  }
}

const levelOf = (config: Config): LogLevel => logLevels.find((level) => level === config.logLevel.value) ?? 'info'

/** Help and version never open anything: what an engine needs is loaded by the first command that needs one. */
async function openFor(
  config: Config,
  surroundings: Surroundings,
  more: Pick<OpenEngineOptions, 'isServer' | 'log' | 'mayBeShut' | 'meaningUse'>,
): Promise<OpenedEngine> {
  const { openEngine } = await import('./open-engine.ts')
  return openEngine({
    dataDir: config.dataDir.value,
    settings: config.settings,
    redact: config.redact,
    allowNetworkFs: config.allowNetworkFs.value,
    environment: surroundings.environment,
    ...(surroundings.homeDir === undefined ? {} : { homeDir: surroundings.homeDir }),
    ...more,
  })
}
