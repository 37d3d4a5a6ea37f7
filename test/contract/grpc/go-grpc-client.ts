import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export type Message = Readonly<Record<string, unknown>>
export type Called =
  | { readonly code: 0; readonly message: Message; readonly metadata: Metadata }
  | { readonly code: number; readonly details: string; readonly metadata: Metadata }

export type CallOptions = {
  readonly metadata?: Readonly<Record<string, string>>
  readonly deadlineMs?: number
  /** Aborted: the call is cancelled. */
  readonly signal?: AbortSignal
}

export type GrpcClient = {
  call(name: string, request: object, options?: CallOptions): Promise<Called>
  close(): void
}

/** The two contracts a client may have been made from: that of the Go program as it is kept, and ours. */
export const contracts = { kept: 'test/contract/grpc/kept/engram.proto', ours: 'proto/engram.proto' } as const

const reading = { keepCase: true, longs: Number, defaults: true, arrays: true, objects: true } as const

/** What a client may be asked by the name of a call. */
type Methods = Readonly<
  Record<
    string,
    (
      request: object,
      metadata: Metadata,
      options: object,
      done: (error: ServiceError | null, message?: Message) => void,
    ) => { cancel(): void; on(event: 'metadata', heard: (metadata: Metadata) => void): void }
  >
>

/** A client as any program makes one: from the contract alone, by the library of gRPC. */
export function grpcClient(target: string, contract: keyof typeof contracts): GrpcClient {
  const loaded = loadPackageDefinition(loadSync(contracts[contract], reading)) as unknown as {
    readonly engram: { readonly v3: { readonly EngramService: new (...given: unknown[]) => Client & Methods } }
  }
  const client = new loaded.engram.v3.EngramService(target, credentials.createInsecure())
  return {
    call: (name, request, options = {}) => called(client, name, request, options),
    close: () => client.close(),
  }
}

function called(client: Methods, name: string, request: object, options: CallOptions): Promise<Called> {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value)
  const deadline = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs }
  return new Promise((resolve) => {
    let initial = new Metadata()
    const call = client[name]?.(request, metadata, deadline, (error, message) => {
      if (error === null) resolve({ code: 0, message: message ?? {}, metadata: initial })
      else resolve({ code: error.code, details: error.details, metadata: error.metadata })
    })
    call?.on('metadata', (heard) => (initial = heard))
    options.signal?.addEventListener('abort', () => call?.cancel(), { once: true })
  })
}
