import {
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  setLogVerbosity,
  status,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { listenFailure } from '../listen.ts'
import { calls, type Answered, type Asked } from './calls.ts'
import { engramService, healthService, serviceNamed } from './contract.ts'
import { Health } from './health.ts'
import { answerUnary, type Arrived, type UnaryAnswer, type UnaryOptions } from './unary.ts'

export type GrpcAddress = { readonly host: string; readonly port: number }

export type GrpcListening = {
  /** `host:port`, as a client names its target. */
  readonly address: string
  /** Calls that run may take so long; then they are cut. */
  close(timeoutMs: number): Promise<void>
}

/** Calls that one connection may have open at once; each holds its message in memory. */
const openCallsMax = 1_000

/**
 * The service of the contract and its health on one address (COL-302, COL-305). Without TLS: whoever lets others reach it
 * puts a proxy before it, as with HTTP. Rejects as HTTP does where it cannot listen.
 */
export async function serveGrpc(address: GrpcAddress, options: UnaryOptions): Promise<GrpcListening> {
  // It would tell the terminal what we tell by a failure.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    'grpc.max_receive_message_length': options.settings.bodyBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': openCallsMax,
    'grpc.max_connection_idle_ms': options.settings.timeouts.idleMs,
  })
  const health = new Health()
  const watches = new Set<ServerWritableStream<unknown, object>>()
  server.addService(serviceNamed(engramService), engramHandlers(options))
  server.addService(serviceNamed(healthService), healthHandlers(health, watches))
  const port = await bound(server, address)
  return {
    address: `${bracketed(address.host)}:${port}`,
    close: (timeoutMs) => {
      health.stop()
      for (const one of watches) one.end()
      return closed(server, timeoutMs)
    },
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

function bound(server: Server, { host, port }: GrpcAddress): Promise<number> {
  const target = `${bracketed(host)}:${port}`
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, given) => {
      if (error === null) resolve(given)
      else reject(listenFailure(withCode(error), { kind: 'tcp', host, port }))
    })
  })
}

/** The library tells the system's code in its sentence alone. */
const withCode = (error: Error): Error => Object.assign(error, { code: /\bE[A-Z]+\b/.exec(error.message)?.[0] })

function closed(server: Server, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), timeoutMs)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function engramHandlers(options: UnaryOptions): UntypedServiceImplementation {
  const handlers = Object.entries(calls).map(([name, run]) => {
    // The contract decodes each message, so it is the one that its call is written for.
    const handler: handleUnaryCall<unknown, object> = (call, callback) => {
      void answerUnary(arrivedBy(name, call), run as (asked: Asked<never>) => Promise<Answered>, options).then(
        (answer) => {
          call.sendMetadata(metadataOf(answer.headers))
          if ('message' in answer) callback(null, answer.message)
          else callback(failed(answer))
        },
      )
    }
    return [name, handler] as const
  })
  return Object.fromEntries(handlers)
}

function arrivedBy(name: string, call: ServerUnaryCall<unknown, object>): Arrived {
  const gone = new AbortController()
  call.on('cancelled', () => gone.abort())
  return {
    name,
    request: call.request,
    header: (key) => {
      const [value] = call.metadata.get(key)
      return typeof value === 'string' && value !== '' ? value : undefined
    },
    // Without the port: who opens many connections is one caller.
    address: call.getPeer().replace(/:\d+$/, ''),
    signal: gone.signal,
  }
}

function metadataOf(values: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(values)) metadata.set(name, value)
  return metadata
}

function failed({ failure, headers }: Extract<UnaryAnswer, { readonly failure: unknown }>) {
  const metadata = metadataOf({ ...failure.metadata, 'x-request-id': headers['x-request-id'] ?? '' })
  if (failure.details !== '') metadata.set('engram-details-bin', Buffer.from(failure.details))
  const code = (status as unknown as Readonly<Record<string, status>>)[failure.status] ?? status.UNKNOWN
  return { code, details: failure.message, metadata }
}

type HealthRequest = { readonly service: string }

function healthHandlers(
  health: Health,
  watches: Set<ServerWritableStream<unknown, object>>,
): UntypedServiceImplementation {
  const check: handleUnaryCall<HealthRequest, object> = ({ request: { service } }, callback) => {
    const state = health.of(service)
    if (state === undefined) callback({ code: status.NOT_FOUND, details: `There is no service ${service}.` })
    else callback(null, { status: state })
  }
  const watch: handleServerStreamingCall<HealthRequest, object> = (call) => {
    const end = health.watch(call.request.service, (state) => call.write({ status: state }))
    watches.add(call)
    call.on('cancelled', () => {
      end()
      watches.delete(call)
      call.end()
    })
  }
  return { Check: check, Watch: watch }
}
