import { type Client, credentials, makeClientConstructor, type ServiceError, status } from '@grpc/grpc-js'
import type { DescMessage, DescService } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { service as health } from 'grpc-health-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registryOf } from './grpc/buf.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'

/** Clients that share nothing with the server, not even the library. */
const grpc = { host: '127.0.0.1', port: 0 }
let server: LocalServer
beforeAll(async () => {
  server = await startLocalServer({ grpc })
})
afterAll(() => server.close())

describe('another implementation of gRPC', () => {
  type Calls = Readonly<
    Record<string, (request: object, options?: object) => Promise<Readonly<Record<string, unknown>>>>
  >
  const connected = (contract: 'kept' | 'ours'): Calls => {
    const service: DescService | undefined = registryOf(contract).getService('engram.v3.EngramService')
    if (service === undefined) throw new Error('no service')
    const transport = createGrpcTransport({ baseUrl: `http://${server.grpc}` })
    return createClient(service, transport)
  }

  it('COL-C3 COL-302 a unit is made, got and found', async () => {
    const calls = connected('kept')
    const sent = { contextId: 'connect', agentId: 'a', type: 1, payload: Buffer.from('harbour'), meta: { k: 'v' } }
    const made = await calls['createWorkUnit']?.(sent)
    const unit = made?.['unit'] as { readonly id: string; readonly meta: DescMessage }
    expect(unit).toMatchObject({ contextId: 'connect', type: 1, meta: { k: 'v' } })
    expect((await calls['getWorkUnit']?.({ id: unit.id }))?.['unit']).toEqual(unit)
    expect(await calls['search']?.({ query: 'harbour' })).toMatchObject({ unitIds: [unit.id], totalResults: 1 })
  })

  it('COL-C3 COL-1903 errors carry their status and our code', async () => {
    const failed = connected('kept')['getWorkUnit']?.({ id: 'none' })
    const error = await failed?.then(() => null).catch((thrown: unknown) => ConnectError.from(thrown))
    expect(error?.code).toBe(Code.NotFound)
    expect(error?.rawMessage).toBe('There is no unit "none".')
    expect(error?.metadata.get('engram-code')).toBe('unit_not_found')
  })

  it('COL-C3 COL-305 a deadline and a cancel end a wait', async () => {
    const calls = connected('ours')
    await calls['acquireLock']?.({ resourcePath: 'held', agentId: 'a' })
    const waits = { resourcePath: 'held', agentId: 'b', waitTimeoutMs: 20_000n }
    const late = await calls['acquireLock']?.(waits, { timeoutMs: 150 }).catch((thrown: unknown) => thrown)
    expect(ConnectError.from(late).code).toBe(Code.DeadlineExceeded)
    const gone = new AbortController()
    const cancelled = calls['acquireLock']?.({ ...waits, agentId: 'c' }, { signal: gone.signal })
    setTimeout(() => gone.abort(), 50)
    await expect(cancelled).rejects.toMatchObject({ code: Code.Canceled })
  })
})

describe('the standard health protocol', () => {
  type Answered = (error: ServiceError | null, answer?: { readonly status: string }) => void
  type HealthClient = Client & {
    Check(request: object, done: Answered): void
    Watch(request: object): NodeJS.ReadableStream
  }
  const clientOf = (target: string): HealthClient => {
    const Health = makeClientConstructor(health, 'grpc.health.v1.Health')
    return new Health(target, credentials.createInsecure()) as unknown as HealthClient
  }
  const check = (client: HealthClient, service: string): Promise<string> =>
    new Promise((resolve) => {
      client.Check({ service }, (error, answer) =>
        resolve(error === null ? (answer?.status ?? '') : (status[error.code] ?? '')),
      )
    })

  it('COL-C3 COL-305 the server and its service are serving, another is unknown', async () => {
    const client = clientOf(server.grpc)
    expect(await check(client, '')).toBe('SERVING')
    expect(await check(client, 'engram.v3.EngramService')).toBe('SERVING')
    expect(await check(client, 'engram.v4.Other')).toBe('NOT_FOUND')
    client.close()
  })

  it('COL-C3 COL-305 whoever watches is told of the end', async () => {
    const stopping = await startLocalServer({ grpc })
    const client = clientOf(stopping.grpc)
    const heard: string[] = []
    const watch = client.Watch({ service: '' })
    const first = new Promise((resolve) => watch.once('data', resolve))
    const ended = new Promise((resolve) => watch.once('end', resolve).once('error', resolve))
    watch.on('data', (answer: { readonly status: string }) => heard.push(answer.status))
    await first
    await stopping.close()
    await ended
    expect(heard).toEqual(['SERVING', 'NOT_SERVING'])
    client.close()
  })
})
