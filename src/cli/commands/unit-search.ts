import type { UnitHits } from '../../api/work-units.ts'
import { command, type CommandContext } from '../command.ts'
import { metaNamed } from '../live-options.ts'
import { choiceOption, numberOption, shareOption } from '../option-values.ts'
import { pageOf } from '../text/page.ts'
import { renderUnitHits, unitSearchRemarks } from '../text/unit-hits.ts'

const modes = ['auto', 'keyword', 'semantic', 'hybrid'] as const
const orders = ['relevance', 'recent'] as const
const directions = ['in', 'out', 'both'] as const

export const unitSearchCommand = command({
  path: 'unit search',
  section: 'Working together',
  summary: 'Find units by words, by meaning and by what they are',
  details:
    'By words every word must be in a unit. By meaning (--mode hybrid or semantic) the best stand first, and a unit may hold ' +
    'none of the words. Every filter must hold, whichever way it goes.',
  arguments: [
    { name: 'words', description: 'what to look for; all units when left out', required: false, variadic: true },
  ],
  options: [
    { flags: '--context <id>', description: 'only of this context', repeatable: true },
    { flags: '--agent <name>', description: 'only those of this agent', repeatable: true },
    { flags: '--type <type>', description: 'only these', repeatable: true },
    { flags: '--meta <key=value>', description: 'only with this pair of meta', repeatable: true },
    { flags: '--since <when>', description: 'not before this time' },
    { flags: '--until <when>', description: 'before this time' },
    { flags: '--related-to <unit>', description: 'only what a relation joins with this unit' },
    { flags: '--relation <type>', description: 'only by relations of this type', repeatable: true },
    {
      flags: '--direction <which>',
      description: 'pointing at it, pointed at, both',
      choices: directions,
      defaultText: 'both',
    },
    { flags: '--mode <mode>', description: 'how to look', choices: modes, defaultText: 'auto' },
    {
      flags: '--min-similarity <cosine>',
      description: 'of what meaning alone finds, only what is this near',
      defaultText: '0.1',
    },
    { flags: '--order <order>', description: 'best or newest first', choices: orders, defaultText: 'relevance' },
    { flags: '--limit <n>', description: 'at most so many', defaultText: '10' },
    { flags: '--cursor <cursor>', description: 'go on from here' },
    { flags: '--units', description: 'with --json: each unit whole' },
    { flags: '--explain', description: 'why each result stands where it stands; by meaning only' },
  ],
  examples: [
    'engram unit search flaky tests --context release-42',
    'engram unit search --mode hybrid "why did the deployment fail" --explain',
    'engram unit search --type ERROR --agent coder --order recent',
  ],
  run: async (context) => {
    const answer = await context.call('work-unit.search', searchInput(context))
    if (context.json) return context.printJson(answer)
    context.print(renderUnitHits(answer, pageOf(context)))
    for (const remark of [...unitSearchRemarks(answer), ...moreRemark(answer)]) context.note(context.paint.dim(remark))
  },
})

const moreRemark = ({ next_cursor: cursor }: UnitHits): readonly string[] =>
  cursor === '' ? [] : [`More: --cursor ${cursor}`]

function searchInput(context: CommandContext) {
  const [contexts, agents, types] = [context.options('context'), context.options('agent'), context.options('type')]
  const relations = context.options('relation')
  const meta = metaNamed(context)
  const query = context.words('words').join(' ')
  return {
    ...(query === '' ? {} : { query }),
    ...(contexts.length === 0 ? {} : { context_ids: [...contexts] }),
    ...(agents.length === 0 ? {} : { agent_ids: [...agents] }),
    ...(types.length === 0 ? {} : { types: [...types] }),
    ...(Object.keys(meta).length === 0 ? {} : { meta_filters: meta }),
    ...(relations.length === 0 ? {} : { relation_types: [...relations] }),
    since: context.option('since'),
    until: context.option('until'),
    related_to: context.option('related-to'),
    direction: choiceOption(context, 'direction', directions),
    mode: choiceOption(context, 'mode', modes),
    min_similarity: shareOption(context, 'min-similarity'),
    order: choiceOption(context, 'order', orders) ?? 'relevance',
    limit: numberOption(context, 'limit', 1) ?? 10,
    cursor: context.option('cursor'),
    include_units: !context.json || context.flag('units'),
    explain: context.flag('explain'),
  }
}
