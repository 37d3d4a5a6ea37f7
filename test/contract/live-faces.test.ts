import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Face, type FaceStep, overGrpc, overRest, overSocket } from './grpc/faces.ts'
import { grpcClient, type GrpcClient } from './grpc/go-grpc-client.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'
import { hear, type HeardSocket } from './http/stream-clients.ts'

const runs = Number(process.env['ENGRAM_FACE_RUNS'] ?? 60)

type World = { readonly server: LocalServer; readonly face: Face }
let worlds: readonly World[] = []
let client: GrpcClient
let socket: HeardSocket

beforeAll(async () => {
  const [rest, grpc, socketed] = [
    await startLocalServer(),
    await startLocalServer({ grpc: { host: '127.0.0.1', port: 0 } }),
    await startLocalServer(),
  ]
  client = grpcClient(grpc.grpc, 'ours')
  socket = hear(`ws://127.0.0.1:${socketed.port}/v1/stream`, ['engram.v1'])
  await new Promise((resolve) => socket.socket.once('open', resolve))
  // The agent of each step counts, not that of the connection.
  socket.send({ op: 'hello', agent_id: 'socket' })
  await socket.until(({ op }) => op === 'welcome')
  worlds = [
    { server: rest, face: overRest(rest) },
    { server: grpc, face: overGrpc(client) },
    { server: socketed, face: overSocket(socket) },
  ]
})
afterAll(async () => {
  client.close()
  socket.close()
  for (const { server } of worlds) await server.close()
})

const context = fc.constantFrom('a', 'b/c', 'd?e', '$locks', 'x'.repeat(300), 'tab\t')
const agent = fc.constantFrom('ana', 'ben', 'c'.repeat(257), 'new\nline')
const text = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('harbour', 'password = "hunter2hunter2"'))
const meta = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom('k', '__proto__', 'constructor', ''), text), text), { maxLength: 3 })
  .map((pairs) => Object.fromEntries(pairs))
const wellFormed = (value: string): string => value.toWellFormed()
const resource = fc.constantFrom('/r', 'r s', '%2F', 'long'.repeat(300))
const unitIdGiven = fc.constantFrom(
  '',
  '',
  '01a00000-0000-7000-8000-000000000001',
  '01a00000-0000-7000-8000-000000000002',
  'no uuid',
)

const step: fc.Arbitrary<FaceStep> = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    context,
    agent,
    type: fc.integer({ min: -1, max: 10 }),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      text.map((one) => Buffer.from(wellFormed(one))),
    ),
    meta,
    id: unitIdGiven,
  }),
  fc.record({
    kind: fc.constant('update' as const),
    context,
    agent: fc.constantFrom('ana', 'ben'),
    name: text,
    add: fc.array(agent, { maxLength: 3 }),
    remove: fc.array(agent, { maxLength: 2 }),
    meta,
  }),
  fc.record({
    kind: fc.constant('acquire' as const),
    resource,
    agent,
    ttlMs: fc.constantFrom(60_000, 3_600_000, 5, 100_000_000),
  }),
  fc.record({ kind: fc.constant('release' as const), resource, agent, isOwnId: fc.boolean() }),
  fc.record({ kind: fc.constant('get' as const), id: fc.constantFrom('01a00000-0000-7000-8000-000000000001', 'none') }),
  fc.record({ kind: fc.constant('list' as const), context, limit: fc.constantFrom(1, 100), reverse: fc.boolean() }),
  fc.record({
    kind: fc.constant('search' as const),
    query: text,
    types: fc.array(fc.integer({ min: 0, max: 10 }), { maxLength: 2 }),
  }),
)

/** The id that this server gave to the present lease, where the step wants the right one. */
async function lockIdFor(one: FaceStep, { server }: World): Promise<string> {
  if (one.kind !== 'release' || !one.isOwnId) return 'another'
  const held = await server.caller.call('lock.get', { resource_path: one.resource }).catch(() => null)
  return held?.lock.lock_id ?? 'another'
}

/** What is there, without what only one server can have: ids it made, times, cursors. */
async function stateOf({ server: { caller } }: World) {
  const { contexts } = await caller.call('context.list', { sort: 'id', limit: 100 })
  const rooms = await Promise.all(
    contexts.map(async ({ id, display_name, agent_ids, meta: kept, version, last_seq, created_by }) => {
      const { units } = await caller.call('work-unit.list', { context_id: id, limit: 1_000 })
      const told = units.map(({ agent_id, type, payload, payload_base64, meta: own, seq }) =>
        JSON.stringify({ agent_id, type, payload, payload_base64, meta: Object.entries(own), seq }),
      )
      const head = { id, display_name, agent_ids, meta: Object.entries(kept), version, last_seq, created_by }
      return JSON.stringify({ head, told })
    }),
  )
  const { locks } = await caller.call('lock.list', {})
  return {
    rooms,
    locks: locks.map(({ resource_path, holder_agent, fencing_token, ttl_ms }) => [
      resource_path,
      holder_agent,
      fencing_token,
      ttl_ms,
    ]),
  }
}

it(
  'COL-P10 REST = gRPC = WebSocket call: the same operations give the same codes and the same state',
  { timeout: 20_000 + runs * 1_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        for (const one of steps) {
          const codes = await Promise.all(worlds.map(async (world) => world.face(one, await lockIdFor(one, world))))
          expect(codes, JSON.stringify(one)).toEqual(codes.map(() => codes[0]))
        }
        const states = await Promise.all(worlds.map(stateOf))
        expect(states).toEqual(states.map(() => states[0]))
      }),
      { numRuns: runs },
    )
  },
)
