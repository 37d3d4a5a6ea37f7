import { relationshipTypes, workUnitTypes, type Context, type Lock, type WorkUnit } from '../model/live.ts'

/**
 * The encodings of units, contexts and locks (COL-401, COL-406). `v1` is how they are stored; `v3` is what the Go
 * program's clients decode: types as numbers, times as `{seconds, nanos}`, payload in base64, what is empty left out.
 */

/** Zero members are left out, as Go does. */
export type GoTime = { readonly seconds?: number; readonly nanos?: number }

/** @param time RFC 3339 as we write it */
export function goTime(time: string): GoTime {
  const ms = Date.parse(time)
  const seconds = Math.floor(ms / 1_000)
  const nanos = (ms - seconds * 1_000) * 1_000_000
  return { ...(seconds === 0 ? {} : { seconds }), ...(nanos === 0 ? {} : { nanos }) }
}

const hasKeys = (map: object): boolean => Object.keys(map).length > 0

/** @param base64Of UTF-8 of a text in standard base64: the machine's own is faster than anything written here */
export function goUnit(unit: WorkUnit, base64Of: (text: string) => string): Readonly<Record<string, unknown>> {
  const payload = unit.payload_base64 ?? base64Of(unit.payload ?? '')
  return {
    id: unit.id,
    context_id: unit.context_id,
    agent_id: unit.agent_id,
    type: workUnitTypes.indexOf(unit.type),
    ts: goTime(unit.ts),
    ...(hasKeys(unit.meta) ? { meta: unit.meta } : {}),
    ...(payload === '' ? {} : { payload }),
    ...(unit.relationships.length === 0
      ? {}
      : {
          relationships: unit.relationships.map(({ target_id, type, meta }) => ({
            target_id,
            type: relationshipTypes.indexOf(type),
            ...(hasKeys(meta) ? { meta } : {}),
          })),
        }),
    ...(unit.content_type === undefined ? {} : { content_type: unit.content_type }),
    ...(unit.thread_id === undefined ? {} : { thread_id: unit.thread_id }),
    seq: unit.seq,
    gseq: unit.gseq,
    cursor: unit.cursor,
  }
}

export function goContext(context: Context): Readonly<Record<string, unknown>> {
  return {
    id: context.id,
    ...(context.display_name === '' ? {} : { display_name: context.display_name }),
    ...(context.agent_ids.length === 0 ? {} : { agent_ids: context.agent_ids }),
    ...(context.pinned_units.length === 0 ? {} : { pinned_units: context.pinned_units }),
    ...(hasKeys(context.meta) ? { meta: context.meta } : {}),
    created_at: goTime(context.created_at),
    updated_at: goTime(context.updated_at),
    version: context.version,
    status: context.status,
    last_seq: context.last_seq,
    earliest_seq: context.earliest_seq,
    created_by: context.created_by,
  }
}

export function goLock(lock: Lock): Readonly<Record<string, unknown>> {
  const { expires_at, server_time, acquired_at, meta, ...rest } = lock
  return {
    resource_path: rest.resource_path,
    holder_agent: rest.holder_agent,
    expires_at: goTime(expires_at),
    lock_id: rest.lock_id,
    fencing_token: rest.fencing_token,
    ttl_ms: rest.ttl_ms,
    remaining_ms: rest.remaining_ms,
    server_time: goTime(server_time),
    acquired_at: goTime(acquired_at),
    ...(rest.context_id === undefined ? {} : { context_id: rest.context_id }),
    ...(hasKeys(meta) ? { meta } : {}),
  }
}
