import { relationVerbs } from '../../model/records.ts'
import { EngramError } from '../../model/errors.ts'
import type { Arguments } from '../arguments.ts'
import { ref, text, tool, type ToolAnswer } from '../tool.ts'
import { shownPlace } from './keep.ts'

const verbs = { enum: [...relationVerbs] }
const confidence = { type: 'number' }

const judgeTool = tool({
  name: 'mem_judge',
  profiles: ['core', 'agent'],
  description: 'Settle a candidate of mem_save, or a conflict cfl-… with relation take:<version>.',
  effect: 'write',
  idempotent: true,
  parameters: {
    judgment_id: text,
    relation: { type: 'string', description: relationVerbs.join('|') },
    reason: text,
    evidence: text,
    confidence,
    session_id: text,
  },
  required: ['judgment_id', 'relation'],
  answers: { result: text },
  run: async (connection, given) => {
    const id = given.needed('judgment_id')
    const by = connection.agent ?? 'agent'
    if (id.startsWith('cfl-')) {
      const settled = await connection.caller.call('conflict.settle', { id, take: versionTaken(given), by })
      const place = await shownPlace(connection, settled.project)
      return { ...place, result: `Conflict ${id} settled: #${settled.id}`, id: settled.id, sync_id: settled.sync_id }
    }
    const session_id = given.text('session_id') ?? connection.sessionId
    const judged = await connection.caller.call('relation.judge', {
      id,
      relation: verbOf(given),
      reason: given.text('reason'),
      evidence: given.text('evidence'),
      confidence: given.number('confidence'),
      actor: 'agent',
      actor_kind: 'agent',
      ...(session_id === undefined ? {} : { session_id }),
    })
    const place = await shownPlace(connection, judged.project === '' ? undefined : judged.project)
    return { ...place, result: `Relation judged: ${judged.relation}`, relation: judged satisfies ToolAnswer }
  },
})

function versionTaken(given: Arguments): string {
  const taken = /^take:\s*(\S+)$/.exec(given.needed('relation').trim())?.[1]
  if (taken !== undefined) return taken
  throw new EngramError('invalid_request', 'relation: expected take:<version> for a conflict of versions.', {
    details: { field: 'relation' },
  })
}

function verbOf(given: Arguments): (typeof relationVerbs)[number] {
  given.needed('relation')
  return given.choice('relation', relationVerbs) ?? 'related'
}

const compareTool = tool({
  name: 'mem_compare',
  profiles: ['agent'],
  description: 'State the relation of two memories directly.',
  effect: 'write',
  idempotent: true,
  parameters: {
    memory_id_a: ref,
    memory_id_b: ref,
    relation: verbs,
    confidence,
    reasoning: text,
    model: text,
  },
  required: ['memory_id_a', 'memory_id_b', 'relation', 'confidence', 'reasoning'],
  answers: { result: text, sync_id: text },
  run: async (connection, given) => {
    given.needed('confidence')
    const { sync_id } = await connection.caller.call('relation.compare', {
      memory_id_a: given.ref('memory_id_a'),
      memory_id_b: given.ref('memory_id_b'),
      relation: verbOf(given),
      confidence: given.number('confidence') ?? 0,
      reasoning: given.needed('reasoning'),
      model: given.text('model'),
    })
    return { ...(await shownPlace(connection, undefined)), result: 'Relation stated', sync_id }
  },
})

export const relateTools = [judgeTool, compareTool] as const
