import { EngramError } from '../../model/errors.ts'
import { fenced } from '../../model/fence.ts'
import type { LiveEvent, Lock, WorkUnit } from '../../model/live.ts'
import { cutCodePoints, oneLine } from '../../model/text.ts'
import type { Arguments } from '../arguments.ts'
import type { Connection } from '../connection.ts'
import { flag, list, text, tool, whole, type ToolAnswer } from '../tool.ts'

/**
 * Live work for agents (COL-2501): rooms they post to and wait in, and locks they take. Only on request: by name or `all`.
 *
 * Who an agent is: the name it gives, else the session of its connection, which its hooks know too, so that a lock taken
 * here lets its own edits pass and nobody else's (COL-1216).
 */
const waitMsDefault = 20_000
const waitMsMax = 30_000
const readDefault = 50
const payloadShownMax = 2_000

const agentId = text
const contextId = text

const whoOf = async (connection: Connection, given: Arguments): Promise<string> =>
  given.text('agent_id') ?? (await connection.sessionOfWrite(given.text('session_id')))

/** What succeeded under a session's name binds the connection to it, as a save does (MEM-704). */
const bound = (connection: Connection, given: Arguments): Promise<void> =>
  connection.wrote(given.text('agent_id') === undefined ? given.text('session_id') : undefined, '', [])

/** Who holds a lock must be one agent: by a way in that several share, one would pass through another's lock. */
async function holderOf(connection: Connection, given: Arguments): Promise<string> {
  if (connection.isShared && given.text('agent_id') === undefined && given.text('session_id') === undefined) {
    throw new EngramError('missing_agent_id', 'agent_id: needed here, since agents of one name share this connection.')
  }
  return whoOf(connection, given)
}

const postTool = tool({
  name: 'ctx_post',
  profiles: [],
  description: 'Post one unit of work to a shared context; it is made when missing.',
  effect: 'write',
  flat: true,
  parameters: { context_id: contextId, payload: text, type: text, reply_to: text, agent_id: agentId, session_id: text },
  required: ['context_id', 'payload'],
  answers: { result: text, unit_id: text, seq: whole, cursor: text },
  run: async (connection, given) => {
    const replyTo = given.text('reply_to')
    const { unit } = await connection.caller.call('work-unit.append', {
      context_id: given.needed('context_id'),
      agent_id: await whoOf(connection, given),
      type: given.text('type') ?? 'MESSAGE',
      payload: given.needed('payload', 'content'),
      create_context: true,
      ...(replyTo === undefined ? {} : { reply_to: replyTo }),
      ...metaOf(connection),
    })
    await bound(connection, given)
    const result = `Unit ${unit.id} is #${unit.seq} of ${oneLine(unit.context_id)}`
    return { result, unit_id: unit.id, seq: unit.seq, cursor: unit.cursor }
  },
})

const readTool = tool({
  name: 'ctx_read',
  profiles: [],
  description: 'Read units of a shared context: the newest, or those after a cursor.',
  effect: 'read',
  flat: true,
  parameters: { context_id: contextId, cursor: text, limit: whole },
  required: ['context_id'],
  answers: { result: text, units: list, next_cursor: text },
  run: async (connection, given) => {
    const cursor = given.text('cursor')
    const page = await connection.caller.call('work-unit.list', {
      context_id: given.needed('context_id'),
      limit: given.number('limit') ?? readDefault,
      ...(cursor === undefined ? { order: 'desc' as const } : { cursor }),
    })
    const units = cursor === undefined ? page.units.toReversed() : page.units
    const next = cursor === undefined ? (units.at(-1)?.cursor ?? 'begin') : page.next_cursor
    return { result: shownUnits(units), units: units.map(unitOf), next_cursor: next }
  },
})

const searchTool = tool({
  name: 'ctx_search',
  profiles: [],
  description: 'Search the units of shared contexts.',
  effect: 'read',
  flat: true,
  parameters: { query: text, context_id: contextId, limit: whole },
  required: ['query'],
  answers: { result: text, units: list },
  run: async (connection, given) => {
    const contextNamed = given.text('context_id')
    const { hits } = await connection.caller.call('work-unit.search', {
      query: given.needed('query'),
      order: 'relevance',
      limit: given.number('limit') ?? 10,
      include_units: true,
      ...(contextNamed === undefined ? {} : { context_ids: [contextNamed] }),
    })
    const units = hits.flatMap(({ unit }) => (unit === undefined ? [] : [unit]))
    return { result: shownUnits(units), units: units.map(unitOf) }
  },
})

const waitTool = tool({
  name: 'ctx_wait',
  profiles: [],
  description: 'Wait for what happens next in a shared context, after a cursor or from now on.',
  effect: 'read',
  flat: true,
  parameters: { context_id: contextId, cursor: text, wait_ms: whole },
  required: ['context_id'],
  answers: { result: text, events: list, next_cursor: text },
  run: async (connection, given) => {
    const asked = given.number('wait_ms') ?? waitMsDefault
    const { events, next_cursor } = await connection.caller.call('event.list', {
      context_id: given.needed('context_id'),
      cursor: given.text('cursor') ?? 'now',
      limit: readDefault,
      wait_ms: Math.min(waitMsMax, Math.max(0, asked)),
    })
    const shown = events.length === 0 ? 'Nothing happened.' : fenced(events.map(eventLine).join('\n'))
    return { result: shown, events, next_cursor }
  },
})

const acquireTool = tool({
  name: 'lock_acquire',
  profiles: [],
  description: 'Take a lock before touching what others may touch; a file is file:<project>/<path>.',
  effect: 'write',
  flat: true,
  parameters: {
    resource_path: text,
    reason: text,
    ttl_ms: whole,
    wait_ms: whole,
    context_id: contextId,
    agent_id: agentId,
    session_id: text,
  },
  required: ['resource_path'],
  answers: { result: text, lock_id: text, fencing_token: whole, expires_at: text },
  run: async (connection, given) => {
    const reason = given.text('reason')
    const wait = given.number('wait_ms')
    const ttl = given.number('ttl_ms')
    const contextNamed = given.text('context_id')
    const { lock, extended } = await connection.caller.call('lock.acquire', {
      resource_path: given.needed('resource_path'),
      agent_id: await holderOf(connection, given),
      ...(wait === undefined ? {} : { wait_timeout_ms: Math.min(waitMsMax, wait) }),
      ...(ttl === undefined ? {} : { ttl_ms: ttl }),
      ...(contextNamed === undefined ? {} : { context_id: contextNamed }),
      meta: { ...metaOf(connection).meta, ...(reason === undefined ? {} : { reason }) },
    })
    await bound(connection, given)
    return shownLock(lock, extended ? 'extended' : 'acquired')
  },
})

const renewTool = tool({
  name: 'lock_renew',
  profiles: [],
  description: 'Keep a lock for longer.',
  effect: 'write',
  flat: true,
  parameters: { resource_path: text, lock_id: text, ttl_ms: whole, agent_id: agentId, session_id: text },
  required: ['resource_path', 'lock_id'],
  answers: { result: text, lock_id: text, fencing_token: whole, expires_at: text },
  run: async (connection, given) => {
    const ttl = given.number('ttl_ms')
    const { lock } = await connection.caller.call('lock.renew', {
      resource_path: given.needed('resource_path'),
      lock_id: given.needed('lock_id'),
      agent_id: await holderOf(connection, given),
      ...(ttl === undefined ? {} : { ttl_ms: ttl }),
    })
    await bound(connection, given)
    return shownLock(lock, 'renewed')
  },
})

const releaseTool = tool({
  name: 'lock_release',
  profiles: [],
  description: 'Give a lock back.',
  effect: 'write',
  flat: true,
  parameters: { resource_path: text, lock_id: text, agent_id: agentId, session_id: text },
  required: ['resource_path', 'lock_id'],
  answers: { result: text, released: flag },
  run: async (connection, given) => {
    const { released } = await connection.caller.call('lock.release', {
      resource_path: given.needed('resource_path'),
      lock_id: given.needed('lock_id'),
      agent_id: await holderOf(connection, given),
    })
    await bound(connection, given)
    return { result: 'Released.', released }
  },
})

export const liveTools = [postTool, readTool, searchTool, waitTool, acquireTool, renewTool, releaseTool] as const

/** The program's name beside the session, for people who read the log. */
const metaOf = ({ agent }: Connection): { readonly meta: Readonly<Record<string, string>> } => ({
  meta: agent === undefined ? {} : { agent },
})

function shownLock(lock: Lock, what: 'acquired' | 'extended' | 'renewed'): ToolAnswer {
  const { lock_id, fencing_token, expires_at } = lock
  return { result: `${oneLine(lock.resource_path)} ${what} until ${expires_at}`, lock_id, fencing_token, expires_at }
}

const payloadOf = (unit: WorkUnit): string => cutCodePoints(unit.payload ?? '(bytes)', payloadShownMax)

const unitLine = (unit: WorkUnit): string =>
  `#${unit.seq} ${unit.ts} ${oneLine(unit.agent_id)} ${unit.type}: ${payloadOf(unit)}`

const shownUnits = (units: readonly WorkUnit[]): string =>
  units.length === 0 ? 'No units.' : fenced(units.map(unitLine).join('\n'))

const unitOf = (unit: WorkUnit): ToolAnswer => ({ ...unit })

function eventLine(event: LiveEvent): string {
  const { unit, ...others } = event.data
  if (unit !== undefined) return unitLine(unit)
  return `${event.kind} ${oneLine(JSON.stringify(others)).slice(0, payloadShownMax)}`
}
