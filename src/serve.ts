import type { OpenedEngine } from './open-engine.ts'
import type { ServeOptions, ServeOutcome } from './cli/program-port.ts'
import { mcpOverHttp, type McpHttp } from './mcp/http.ts'
import { tools } from './mcp/tools.ts'
import { EngramError } from './model/errors.ts'
import { frontDoor } from './server/front-door.ts'
import { httpHandler } from './server/http.ts'
import { instanceAt } from './server/instance-at.ts'
import { listen, type ListenAddress, type Listening } from './server/listen.ts'
import { memoryRoutes } from './server/routes/all.ts'
import { isLoopback, isWildcard } from './server/same-origin.ts'
import { removeStaleSocket } from './server/stale-socket.ts'
import { startUpkeep } from './upkeep.ts'

/** How long running requests may take once the server is told to stop. */
const stopTimeoutMs = 5_000

/**
 * Serves one data dir until the signal aborts: stops accepting, lets running requests end, checkpoints, closes. The
 * engine is closed whatever happens. Rejects with `token_required`, `address_in_use`, `invalid_request`, `forbidden`.
 */
export async function serve(opened: OpenedEngine, options: ServeOptions, signal: AbortSignal): Promise<ServeOutcome> {
  const agents = mcpOverHttp({
    connection: {
      caller: opened.caller,
      newId: () => opened.deps.ids.ulid(),
      projectOverride: options.projectOverride,
    },
    version: opened.deps.version,
    tools,
  })
  try {
    const address = addressOf(options)
    const listening = await listenOrFindOurselves(opened, options, address, agents)
    if (listening === 'already') return 'already'
    const upkeep = startUpkeep(opened)
    try {
      options.onListening(listening.address)
      await aborted(signal)
    } finally {
      await agents.close()
      await listening.close(stopTimeoutMs)
      await upkeep.stop()
    }
    return 'stopped'
  } finally {
    await opened.close()
  }
}

const tokenOf = (options: ServeOptions): string | undefined =>
  options.token === undefined || options.token.trim() === '' ? undefined : options.token.trim()

/** A socket is its own guard; an address others can reach needs a token before anything listens (DESIGN §3.5). */
function addressOf(options: ServeOptions): ListenAddress {
  if (options.socket !== undefined) return { kind: 'unix', path: options.socket }
  if (!isLoopback(options.host) && tokenOf(options) === undefined) {
    throw new EngramError(
      'token_required',
      `${options.host} can be reached by other machines: a token is needed to listen there.`,
    )
  }
  return { kind: 'tcp', host: options.host, port: options.port }
}

async function listenOrFindOurselves(
  opened: OpenedEngine,
  options: ServeOptions,
  address: ListenAddress,
  agents: McpHttp,
): Promise<Listening | 'already'> {
  if (address.kind === 'unix') await removeStaleSocket(address.path)
  try {
    return await listenFor(opened, options, address, agents)
  } catch (error) {
    if (!(error instanceof EngramError) || error.code !== 'address_in_use') throw error
    const { instance_id } = await opened.caller.call('system.health', {})
    if ((await instanceAt(address)) === instance_id) return 'already'
    throw error
  }
}

function listenFor(
  { caller, deps }: OpenedEngine,
  options: ServeOptions,
  address: ListenAddress,
  agents: McpHttp,
): Promise<Listening> {
  const isReachable = address.kind === 'tcp' && !isLoopback(address.host)
  const newRequestId = (): string => deps.ids.ulid()
  const ownHost = isReachable && !isWildcard(address.host) ? [address.host] : []
  const token = tokenOf(options)
  return listen({
    address,
    log: deps.log,
    newRequestId,
    door: frontDoor({ allowedHosts: [...options.allowedHosts, ...ownHost], trustLocalAddress: isReachable }),
    handler: httpHandler({
      caller,
      routes: memoryRoutes,
      log: deps.log,
      token: () => token,
      guardAll: isReachable,
      projectOverride: options.projectOverride,
      mcp: agents.fetch,
      newRequestId,
      monotonicMs: () => deps.clock.monotonicMs(),
    }),
  })
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
