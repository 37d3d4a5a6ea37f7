import { EngramError } from '../../model/errors.ts'
import { relationVerbs } from '../../model/records.ts'
import { command } from '../command.ts'
import { requiredArgument, shareOption } from '../option-values.ts'
import { oneLine } from '../visible.ts'

const section = 'Relations and conflicts'
const verbs = relationVerbs.join(', ')

export const conflictJudgeCommand = command({
  path: 'conflicts judge',
  section,
  summary: 'Say what a pending pair means; judging again overwrites',
  arguments: [
    { name: 'id', description: 'number or sync id of the relation', required: true },
    { name: 'relation', description: verbs, required: true, choices: relationVerbs },
  ],
  options: [
    { flags: '--reason <text>', description: 'why' },
    { flags: '--evidence <text>', description: 'what shows it' },
    { flags: '--confidence <share>', description: 'how sure, 0 to 1', defaultText: '1' },
    { flags: '--by <name>', description: 'who judges', defaultText: 'person' },
  ],
  examples: [
    'engram conflicts judge 4 supersedes --reason "the pool was raised in May"',
    'engram conflicts judge 5 not_conflict',
  ],
  run: async (context) => {
    const relation = await context.call('relation.judge', {
      id: requiredArgument(context, 'id'),
      relation: verbOf(requiredArgument(context, 'relation')),
      reason: context.option('reason'),
      evidence: context.option('evidence'),
      confidence: shareOption(context, 'confidence'),
      actor: context.option('by') ?? 'person',
      actor_kind: 'person',
    })
    context.answer(relation, () => `Relation #${relation.id} judged: ${relation.relation}`)
  },
})

export const conflictCompareCommand = command({
  path: 'conflicts compare',
  section,
  summary: 'State the relation of two memories directly',
  arguments: [
    { name: 'a', description: 'a memory', required: true },
    { name: 'b', description: 'another memory', required: true },
    { name: 'relation', description: verbs, required: true, choices: relationVerbs },
  ],
  options: [
    { flags: '--reason <text>', description: 'why, at most 200 characters' },
    { flags: '--confidence <share>', description: 'how sure, 0 to 1', defaultText: '1' },
  ],
  examples: [
    'engram conflicts compare 12 9 supersedes --reason "newer figure"',
    'engram conflicts compare 12 14 compatible',
  ],
  run: async (context) => {
    const result = await context.call('relation.compare', {
      memory_id_a: requiredArgument(context, 'a'),
      memory_id_b: requiredArgument(context, 'b'),
      relation: verbOf(requiredArgument(context, 'relation')),
      confidence: shareOption(context, 'confidence') ?? 1,
      reasoning: context.option('reason') ?? '',
    })
    context.answer(result, () => `Relation stated (${oneLine(result.sync_id)})`)
  },
})

function verbOf(word: string) {
  const verb = relationVerbs.find((one) => one === word)
  if (verb === undefined) throw new EngramError('usage', `Expected one of ${verbs}, got ${JSON.stringify(word)}.`)
  return verb
}
