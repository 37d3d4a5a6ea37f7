import { relationshipTypes, workUnitTypes, type Context, type Lock, type WorkUnit } from '../../model/live.ts'
import { goTime } from '../../protocol/unit-json.ts'

/** Records as messages; what is left out is the empty value of its kind. */

export const unitMessage = (unit: WorkUnit): object => ({
  ...unit,
  type: workUnitTypes.indexOf(unit.type),
  ts: goTime(unit.ts),
  payload:
    unit.payload_base64 === undefined ? Buffer.from(unit.payload ?? '') : Buffer.from(unit.payload_base64, 'base64'),
  relationships: unit.relationships.map((one) => ({ ...one, type: relationshipTypes.indexOf(one.type) })),
})

export const contextMessage = (context: Context): object => ({
  ...context,
  created_at: goTime(context.created_at),
  updated_at: goTime(context.updated_at),
  status: context.status === 'active' ? 0 : 1,
})

export const lockMessage = (lock: Lock): object => ({
  ...lock,
  expires_at: goTime(lock.expires_at),
  server_time: goTime(lock.server_time),
  acquired_at: goTime(lock.acquired_at),
})
