/**
 * Frames of the Go program's WebSocket (COL-801). Units go bare; everything else has a text `type`, which keeps it from
 * being read as a unit by clients that decode every frame as one.
 */
export const legacyFrames = {
  connected: (clientId: string) => ({ event: 'connected', client_id: clientId, type: 'connected' }),
  heartbeat: (timestamp: string) => ({ type: 'heartbeat', timestamp }),
  heartbeatAck: () => ({ type: 'heartbeat_ack' }),
  subscribeAck: (contexts: readonly string[]) => ({ type: 'subscribe_ack', contexts }),
  error: (error: LegacyError) => ({ error, type: 'error' }),
} as const

export type LegacyError =
  | 'Invalid message format'
  | 'Missing or invalid message type'
  | 'Invalid contexts format for subscribe'
  | 'Invalid context ID in list'
  | 'Unknown message type'

export type LegacyClientFrame =
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'subscribe'; readonly contexts: readonly string[]; readonly wantsAck: boolean }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'error'; readonly error: LegacyError }

const failed = (error: LegacyError): LegacyClientFrame => ({ kind: 'error', error })

/** What a text frame of a legacy client asks for. */
export function parseLegacyFrame(text: string): LegacyClientFrame {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return failed('Invalid message format')
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) return failed('Invalid message format')
  const { type, action, contexts, context_ids: contextIds } = frame as Readonly<Record<string, unknown>>
  if (type === undefined && action === 'ping') return { kind: 'nothing' }
  if (type === undefined && action === 'subscribe') {
    const ids = textsOf(contextIds)
    return ids === null || ids.length === 0
      ? { kind: 'nothing' }
      : { kind: 'subscribe', contexts: ids, wantsAck: false }
  }
  if (typeof type !== 'string') return failed('Missing or invalid message type')
  if (type === 'heartbeat') return { kind: 'heartbeat' }
  if (type !== 'subscribe') return failed('Unknown message type')
  if (!Array.isArray(contexts)) return failed('Invalid contexts format for subscribe')
  const ids = textsOf(contexts)
  return ids === null ? failed('Invalid context ID in list') : { kind: 'subscribe', contexts: ids, wantsAck: true }
}

const textsOf = (list: unknown): readonly string[] | null =>
  Array.isArray(list) && list.every((one): one is string => typeof one === 'string') ? list : null
