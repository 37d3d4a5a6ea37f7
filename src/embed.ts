import { resolve } from 'node:path'
import type { Input, OperationName, Output } from './api/operations.ts'
import { type Address, defaultHost, splitAddress } from './cli/config.ts'
import type { ServerConfig } from './cli/server-config.ts'
import type { ClientEvent, Kinds } from './client/records.ts'
import type { StartAt } from './client/subscription.ts'
import { EngramError } from './model/errors.ts'
import type { Delivery, From, SubscribeRequest } from './model/live-feed.ts'
import type { CallContext } from './model/operation.ts'
import { serverConfigOf, type Config } from './embed-config.ts'
import { openEngine, type OpenedEngine } from './open-engine.ts'
import { parseTime } from './model/times.ts'
import { openLog } from './platform/log.ts'
import { eventText } from './protocol/event-json.ts'
import { fromWire, toWire, type Camel } from './protocol/member-names.ts'

/** An engine inside a program: `new ─start─▶ running ─shutdown─▶ over`. It installs no signal handlers. */
export interface Engine {
  /** Resolves when it is ready. An aborted signal is a shutdown. */
  start(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Idempotent. Past `timeoutMs` what is left is cut, and it rejects with `deadline_exceeded`; nothing kept is lost. */
  shutdown(options?: { readonly timeoutMs?: number }): Promise<void>
  call<N extends OperationName>(operation: N, input: Camel<Input<N>>, context?: CallContext): Promise<Camel<Output<N>>>
  /** As the client's, without a socket between. */
  subscribe(
    contexts: string | readonly string[],
    options?: { readonly from?: StartAt; readonly kinds?: Kinds; readonly signal?: AbortSignal },
  ): AsyncIterable<ClientEvent>
  /** Where it listens: the URL of HTTP, then `host:port` of gRPC where that is set; empty without a port. */
  readonly addresses: readonly string[]
}

const shutdownTimeoutMs = 10_000

/** Checks everything and touches nothing; throws EngramError. */
export function createEngine(config: Config): Engine {
  const served = serverConfigOf(config)
  const address = config.serverAddr === null ? null : splitAddress(config.serverAddr, 'serverAddr')
  const grpc = splitAddress(config.server?.grpcAddr, 'server.grpcAddr')
  if (grpc !== null && address === null) {
    throw new EngramError('invalid_request', 'server.grpcAddr: expected none without serverAddr.')
  }
  let running: Running | null = null
  let state: 'new' | 'running' | 'over' = 'new'
  const opened = (): OpenedEngine => {
    if (running === null || state !== 'running') throw new EngramError('store_closed', 'The engine does not run.')
    return running.opened
  }
  const engine: Engine = {
    get addresses() {
      return running?.addresses ?? []
    },
    start: async ({ signal } = {}) => {
      if (state !== 'new') throw new EngramError('store_closed', 'An engine starts once.')
      state = 'running'
      try {
        running = await run(config, served, { address, grpc })
      } catch (error) {
        state = 'over'
        throw error
      }
      if (signal?.aborted === true) await engine.shutdown()
      else signal?.addEventListener('abort', () => void engine.shutdown().catch(() => undefined), { once: true })
    },
    shutdown: async ({ timeoutMs = shutdownTimeoutMs } = {}) => {
      if (state === 'new') state = 'over'
      if (running === null) return
      state = 'over'
      await within(running.stop(timeoutMs), timeoutMs)
    },
    call: async (operation, input, context) =>
      fromWire(await opened().caller.call(operation, toWire(input) as Input<typeof operation>, context)),
    subscribe: (contexts, options = {}) => follow(opened(), contexts, options),
  }
  return engine
}

type Running = {
  readonly opened: OpenedEngine
  readonly addresses: readonly string[]
  readonly stop: (timeoutMs: number) => Promise<void>
}

type Places = { readonly address: Address | null; readonly grpc: Address | null }

async function run(config: Config, served: ServerConfig, { address, grpc }: Places): Promise<Running> {
  const log = await openLog({ format: 'json', ...served.log, level: config.logLevel, component: 'engine' })
  for (const warning of served.warnings) log.warn(warning)
  const opened = await openEngine({
    dataDir: resolve(config.dataDir),
    settings: served.engine,
    log,
    isServer: true,
  })
  const closed = (): Promise<void> => log.close()
  return address === null ? runAlone(opened, closed) : runServed(opened, { config, served, address, grpc }, closed)
}

async function runAlone(opened: OpenedEngine, closed: () => Promise<void>): Promise<Running> {
  const { startUpkeep } = await import('./upkeep.ts')
  const upkeep = startUpkeep(opened)
  await opened.live.begin()
  let stopped: Promise<void> | null = null
  const stop = async (): Promise<void> => {
    await upkeep.stop()
    await opened.close()
    await closed()
  }
  return { opened, addresses: [], stop: () => (stopped ??= stop()) }
}

type Serving = Pick<Places, 'grpc'> & {
  readonly config: Config
  readonly served: ServerConfig
  readonly address: Address
}

async function runServed(
  opened: OpenedEngine,
  { config, served: { settings }, address, grpc }: Serving,
  closed: () => Promise<void>,
): Promise<Running> {
  const { serve } = await import('./serve.ts')
  const stopping = new AbortController()
  const timeout: { ms?: number } = {}
  let told: (addresses: readonly string[]) => void = () => undefined
  const listening = new Promise<readonly string[]>((resolve) => (told = resolve))
  const served = serve(
    opened,
    {
      ...onLoopback(address),
      socket: undefined,
      grpc: grpc === null ? undefined : onLoopback(grpc),
      token: config.token,
      allowedHosts: config.server?.allowedHosts ?? [],
      projectOverride: undefined,
      server: settings,
      get stopTimeoutMs() {
        return timeout.ms ?? shutdownTimeoutMs
      },
      onListening: (...addresses) => told(addresses.filter((one) => one !== undefined)),
    },
    stopping.signal,
  ).finally(() => void closed())
  const failed = served.then((outcome) => {
    if (outcome === 'already') throw new EngramError('address_in_use', 'This data dir is already served there.')
    throw new EngramError('store_closed', 'The server ended.')
  })
  failed.catch(() => undefined)
  const addresses = await Promise.race([listening, failed])
  const stop = async (timeoutMs: number): Promise<void> => {
    timeout.ms = timeoutMs
    stopping.abort()
    await served
  }
  return { opened, addresses, stop }
}

const onLoopback = ({ host, port }: Address): Address => ({ host: host === '' ? defaultHost : host, port })

async function within(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    // Cutting what is left takes a moment of its own.
    timer = setTimeout(
      () => reject(new EngramError('deadline_exceeded', 'The engine did not stop in time.')),
      timeoutMs + 500,
    )
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

async function* follow(
  opened: OpenedEngine,
  contexts: string | readonly string[],
  { from = 'now', kinds = ['unit.created'], signal }: NonNullable<Parameters<Engine['subscribe']>[1]>,
): AsyncGenerator<ClientEvent> {
  const feed = await opened.live.feed()
  const request: SubscribeRequest = {
    contexts: contexts === 'all' ? 'all' : typeof contexts === 'string' ? [contexts] : contexts,
    from: placeOf(from),
    ...(kinds === 'all' ? {} : { kinds }),
  }
  for await (const delivery of feed.follow(request, signal)) yield told(delivery)
}

function placeOf(from: StartAt): From {
  if (typeof from === 'string' || 'last' in from) return from
  const sinceMs = parseTime(from.since)
  if (sinceMs === null) throw new EngramError('invalid_request', 'since: expected a time.')
  return { sinceMs }
}

function told(delivery: Delivery): ClientEvent {
  const about = { contextId: '', seq: 0, ts: '', agentId: '', cursor: delivery.cursor }
  switch (delivery.kind) {
    case 'live':
      return { ...about, kind: 'stream.live' }
    case 'lagged':
      return { ...about, kind: 'stream.lagged', count: delivery.count }
    case 'event': {
      const { data, ...rest } = fromWire<ClientEvent & { readonly data: object }>(
        JSON.parse(eventText(delivery.event, delivery.cursor)),
      )
      return { ...rest, seq: rest.seq ?? 0, cursor: delivery.cursor, ...data }
    }
  }
}
