import type { OpenedEngine } from './open-engine.ts'
import type { ServeOptions, ServeOutcome } from './cli/program-port.ts'
import { mcpOverHttp, type McpHttp } from './mcp/http.ts'
import { tools } from './mcp/tools.ts'
import { EngramError } from './model/errors.ts'
import { defaultServerSettings, type ServerSettings } from './model/server-settings.ts'
import { frontDoor } from './server/front-door.ts'
import { httpHandler } from './server/http.ts'
import { instanceAt } from './server/instance-at.ts'
import { listen, type ListenAddress, type Listening } from './server/listen.ts'
import type { GrpcListening } from './server/grpc/serve-grpc.ts'
import { callGuards } from './server/live/session-call.ts'
import { upgradeHandler } from './server/live/upgrade.ts'
import { isLoopback, isWildcard } from './server/same-origin.ts'
import { removeStaleSocket } from './server/stale-socket.ts'
import { servedParts, type ServedParts } from './serve-live.ts'
import { startReadingOn } from './reads-on.ts'
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
    const parts = servedParts(opened, settingsOf(options))
    const stopping = new AbortController()
    const served = { ...parts, agents, stopping: stopping.signal }
    const listening = await listenOrFindOurselves(opened, options, address, served)
    if (listening === 'already') return 'already'
    const upkeep = startUpkeep(opened)
    const readingOn = startReadingOn(opened, { isIdle: () => true, atStart: true })
    const doors: Doors = { http: listening, grpc: null }
    try {
      await opened.live.begin()
      doors.grpc = await listenForGrpc(opened, options, served)
      parts.readiness.state = 'ready'
      options.onListening(listening.address, doors.grpc?.address)
      await aborted(signal)
    } finally {
      parts.readiness.state = 'draining'
      await agents.close()
      await stop(doors, parts, stopping, options.stopTimeoutMs ?? stopTimeoutMs)
      await Promise.all([upkeep.stop(), readingOn.stop()])
    }
    return 'stopped'
  } finally {
    await opened.close()
  }
}

type Parts = ServedParts & { readonly agents: McpHttp; readonly stopping: AbortSignal }
type Doors = { readonly http: Listening; grpc: GrpcListening | null }

const settingsOf = (options: ServeOptions): ServerSettings => options.server ?? defaultServerSettings

/** Nobody new, everybody told: streams go with their place, requests that wait are answered, the others end (COL-2103). */
async function stop(
  { http, grpc }: Doors,
  { streams }: ServedParts,
  stopping: AbortController,
  timeoutMs: number,
): Promise<void> {
  const closed = Promise.all([http.close(timeoutMs), grpc?.close(timeoutMs)])
  stopping.abort(new EngramError('draining', 'The server stops.'))
  await streams.drain(timeoutMs)
  await closed
}

const tokenOf = (options: ServeOptions): string | undefined =>
  options.token === undefined || options.token.trim() === '' ? undefined : options.token.trim()

/** A socket is its own guard; an address others can reach needs a token before anything listens (DESIGN §3.5). */
function addressOf(options: ServeOptions): ListenAddress {
  if (options.grpc !== undefined) refuseUnguarded(options.grpc.host, options)
  if (options.socket !== undefined) return { kind: 'unix', path: options.socket }
  refuseUnguarded(options.host, options)
  return { kind: 'tcp', host: options.host, port: options.port }
}

function refuseUnguarded(host: string, options: ServeOptions): void {
  if (isLoopback(host) || tokenOf(options) !== undefined) return
  throw new EngramError(
    'token_required',
    `${host} can be reached by other machines: a token is needed to listen there.`,
  )
}

async function listenOrFindOurselves(
  opened: OpenedEngine,
  options: ServeOptions,
  address: ListenAddress,
  parts: Parts,
): Promise<Listening | 'already'> {
  if (address.kind === 'unix') await removeStaleSocket(address.path)
  try {
    return await listenFor(opened, options, address, parts)
  } catch (error) {
    if (!(error instanceof EngramError) || error.code !== 'address_in_use') throw error
    const { instance_id } = await opened.caller.call('system.health', {})
    if ((await instanceAt(address)) === instance_id) return 'already'
    throw error
  }
}

function listenFor(
  { deps }: OpenedEngine,
  options: ServeOptions,
  address: ListenAddress,
  { agents, routes, streams, metrics, caller, limit, stopping }: Parts,
): Promise<Listening> {
  const settings = settingsOf(options)
  const isReachable = address.kind === 'tcp' && !isLoopback(address.host)
  const guardAll = isReachable || settings.isAuthRequired
  const newRequestId = (): string => deps.ids.uuid()
  const ownHost = isReachable && !isWildcard(address.host) ? [address.host] : []
  const token = tokenOf(options)
  return listen({
    address,
    log: deps.log,
    timeouts: settings.timeouts,
    newRequestId,
    door: frontDoor({
      allowedHosts: [...options.allowedHosts, ...ownHost],
      corsOrigins: settings.corsOrigins,
      trustLocalAddress: isReachable,
    }),
    upgrade: upgradeHandler({ caller, streams, guardAll, token: () => token, guards: callGuards(routes) }),
    handler: httpHandler({
      caller,
      routes,
      log: deps.log,
      token: () => token,
      guardAll,
      projectOverride: options.projectOverride,
      mcp: agents.fetch,
      newRequestId,
      monotonicMs: () => deps.clock.monotonicMs(),
      stopping,
      corsOrigins: settings.corsOrigins,
      ...(limit === null ? {} : { limit }),
      ...(metrics === null ? {} : { observe: metrics.seen }),
    }),
  })
}

/** Null where no address is set; the packages behind it are read only then. */
async function listenForGrpc(
  { deps }: OpenedEngine,
  options: ServeOptions,
  { metrics, caller, limit, stopping }: Parts,
): Promise<GrpcListening | null> {
  if (options.grpc === undefined) return null
  const { serveGrpc } = await import('./server/grpc/serve-grpc.ts')
  const settings = settingsOf(options)
  const token = tokenOf(options)
  return serveGrpc(options.grpc, {
    caller,
    settings,
    log: deps.log,
    guardAll: !isLoopback(options.grpc.host) || settings.isAuthRequired,
    token: () => token,
    newRequestId: () => deps.ids.uuid(),
    monotonicMs: () => deps.clock.monotonicMs(),
    stopping,
    ...(limit === null ? {} : { limit }),
    ...(metrics === null ? {} : { observe: metrics.seen }),
  })
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
