import { z } from 'zod'
import { limits } from '../model/limits.ts'
import { liveKinds, loggedKinds, type EventKind } from '../model/live.ts'

/**
 * Frames of the WebSocket subprotocol `engram.v1` (COL-803): JSON text, `{op, id?, …}`. Every client frame with an `id`
 * gets exactly one `result` or `error` with it.
 */
export const subprotocol = 'engram.v1'

const kinds: readonly [EventKind, ...EventKind[]] = [...loggedKinds, ...liveKinds]
const frameId = z.union([z.string().max(128), z.number()]).optional()
const sub = z.string().min(1).max(128)
const texts = z.array(z.string().min(1).max(limits.contextIdBytesMax)).max(limits.liveFilterMax)

/** Where a stream begins: a cursor or its words, `{last}`, `{since}` (RFC 3339). */
const from = z.union([
  z.string().max(limits.cursorCharsMax),
  z.object({ last: z.number().int().min(0).max(limits.livePageMax) }),
  z.object({ since: z.string().max(64) }),
])

const policy = z.union([
  z.enum(['pause', 'disconnect', 'drop']),
  z.object({ conflate: z.object({ meta: z.string().min(1).max(limits.metaKeyBytesMax) }) }),
])

export const clientFrame = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('hello'),
    id: frameId,
    agent_id: z.string().min(1).max(limits.agentIdBytesMax).optional(),
    token: z.string().max(8_192).optional(),
    client: z.string().max(256).optional(),
    caps: z.array(z.string().max(64)).max(64).optional(),
  }),
  z.object({
    op: z.literal('subscribe'),
    id: frameId,
    sub,
    /** `["*"]` or `"*"`: all. */
    contexts: z.union([z.literal('*'), texts]),
    from: from.optional(),
    kinds: z.array(z.enum(kinds)).max(kinds.length).optional(),
    filter: z
      .object({
        types: z
          .array(z.union([z.number(), z.string().max(64)]))
          .max(limits.liveFilterMax)
          .optional(),
        agents: texts.optional(),
        meta: z.record(z.string(), z.string()).optional(),
      })
      .optional(),
    policy: policy.optional(),
    credits: z.number().int().min(1).max(1_000_000).optional(),
  }),
  z.object({ op: z.literal('unsubscribe'), id: frameId, sub }),
  z.object({ op: z.literal('credit'), id: frameId, sub, n: z.number().int().min(1).max(1_000_000) }),
  z.object({
    op: z.literal('call'),
    id: frameId,
    operation: z.string().max(64),
    input: z.unknown(),
    idempotency_key: z.string().max(255).optional(),
  }),
  z.object({ op: z.literal('ping'), id: frameId }),
])
export type ClientFrame = z.infer<typeof clientFrame>

export type FrameId = string | number

/** What the server sends, `event` apart: that one is put together as text around the stored event. */
export type ServerFrame =
  | {
      readonly op: 'welcome'
      readonly id?: FrameId
      readonly client_id: string
      readonly epoch: number
      readonly server_time: string
      readonly heartbeat_ms: number
      readonly limits: Readonly<Record<string, number>>
    }
  | { readonly op: 'result'; readonly id: FrameId; readonly output: unknown }
  | {
      readonly op: 'error'
      readonly id?: FrameId
      readonly code: string
      readonly error: string
      readonly details: Readonly<Record<string, unknown>>
      readonly retry_after_ms?: number
    }
  | { readonly op: 'live'; readonly sub: string; readonly cursor: string }
  | {
      readonly op: 'reset'
      readonly sub: string
      readonly reason: string
      readonly earliest: string
      readonly latest: string
    }
  | {
      readonly op: 'lagged'
      readonly sub: string
      readonly from: string
      readonly to: string
      readonly count: number
      readonly cursor: string
    }
  | { readonly op: 'heartbeat'; readonly subs: Readonly<Record<string, string>>; readonly server_time: string }
  | {
      readonly op: 'goaway'
      readonly reason: string
      readonly reconnect_after_ms: number
      readonly cursors: Readonly<Record<string, string>>
    }
  | { readonly op: 'pong'; readonly id?: FrameId }

export const frameText = (frame: ServerFrame): string => JSON.stringify(frame)

/** @param event the `/v1` text of the event, see `eventText` */
export const eventFrameText = (sub: string, n: number, event: string): string =>
  `{"op":"event","sub":${JSON.stringify(sub)},"n":${n},${event.slice(1)}`

/** Close codes of both WebSocket dialects (COL-808). */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  policy: 1008,
  tooBig: 1009,
  internal: 1011,
  restart: 1012,
  tooSlow: 1013,
  protocol: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
} as const
