import { fromJSON } from '@grpc/proto-loader'
import protobuf from 'protobufjs'
import { engramProto, healthProto } from './proto-texts.ts'

export const engramService = 'engram.v3.EngramService'
export const healthService = 'grpc.health.v1.Health'

/** Names as they are written, enums and 64-bit numbers as numbers: an unknown number stays what it is (COL-306). */
const decoding = { keepCase: true, longs: Number, defaults: true } as const

/** One call as the library of gRPC wants it. A type of our own: what we publish does not name that library. */
export type CallDefinition = {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly requestSerialize: (message: object) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => object
  readonly responseSerialize: (message: object) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => object
}

/** How the calls of a service are named, read and written. */
export function serviceNamed(
  name: typeof engramService | typeof healthService,
): Readonly<Record<string, CallDefinition>> {
  const definition = fromJSON(name === engramService ? withTimestamp(engramProto) : parsed(healthProto), decoding)[name]
  // A message has a format and a service has none.
  if (definition === undefined || 'format' in definition) throw new Error(`no service ${name}`)
  return definition
}

const root = (text: string): protobuf.Root => protobuf.parse(text, new protobuf.Root(), { keepCase: true }).root
const parsed = (text: string): protobuf.INamespace => root(text).toJSON()

/** The one file that ours imports comes with the library. */
function withTimestamp(text: string): protobuf.INamespace {
  const whole = root(text)
  whole.addJSON(protobuf.common.get('google/protobuf/timestamp.proto')?.nested ?? {})
  return whole.toJSON()
}
