import type { SearchAnswer } from '../../api/search.ts'
import { command, type CommandContext } from '../command.ts'
import { choiceOption, numberOption } from '../option-values.ts'
import { allOption, projectOption, readPlace } from '../place.ts'
import { queryRemarks, renderHits, searchRemarks } from '../text/hits.ts'
import { pageOf } from '../text/page.ts'

const matches = ['any', 'all'] as const
const modes = ['auto', 'lexical', 'semantic', 'hybrid'] as const
const orders = ['relevance', 'recent'] as const

export const searchCommand = command({
  path: 'search',
  section: 'Memory',
  summary: 'Find memories by words, best first',
  details:
    'Any words will do: quotes keep words together, a topic key (with /) leads when it is exact. ' +
    'Nothing in a query is an error.',
  arguments: [{ name: 'words', description: 'what to look for', required: true, variadic: true }],
  options: [
    projectOption,
    allOption,
    { flags: '--type <type>', description: 'only this type', repeatable: true },
    { flags: '--scope <scope>', description: 'only this scope (project, personal, global)' },
    { flags: '--limit <n>', description: 'at most so many', defaultText: '10' },
    { flags: '--match <how>', description: 'any or all of the words', choices: matches, defaultText: 'any' },
    { flags: '--since <when>', description: 'not before this date' },
    { flags: '--until <when>', description: 'not after this date' },
    { flags: '--session <id>', description: 'only of this session' },
    { flags: '--tool <name>', description: 'only kept by this tool' },
    { flags: '--author <name>', description: 'only by this person or agent' },
    { flags: '--include-expired', description: 'also what has expired' },
    { flags: '--mode <mode>', description: 'how to look', choices: modes, defaultText: 'auto' },
    { flags: '--order <order>', description: 'best or newest first', choices: orders, defaultText: 'relevance' },
    { flags: '--budget <tokens>', description: 'only what fits into so many tokens' },
    { flags: '--regex', description: 'the words are a regular expression over titles and contents' },
    { flags: '--strict', description: 'nothing instead of doubtful results' },
    { flags: '--explain', description: 'why each result stands where it stands' },
  ],
  examples: [
    'engram search connection pool timeout',
    'engram search --all --type decision --limit 5 "how do we deploy"',
    'engram search architecture/auth-model --explain',
  ],
  run: async (context) => {
    const query = context.words('words').join(' ')
    const answer = await context.call('memory.search', { ...searchInput(context), query })
    const remarks = [
      ...searchRemarks(answer),
      ...fallbackRemarks(context, answer),
      ...(context.flag('explain') ? queryRemarks(answer) : []),
    ]
    if (context.json) return context.printJson(answer)
    const versionsInConflict = await versionCounts(context, answer)
    context.print(renderHits(answer, { ...pageOf(context), query, versionsInConflict }).trimEnd())
    for (const remark of remarks) context.note(context.paint.dim(remark))
    if (answer.hits.length === 0 && answer.project !== null && context.terminal.isTty) {
      context.note(context.paint.dim(`looked in project ${answer.project}; --all looks everywhere`))
    }
  },
})

/** Who asks for meaning and gets words is told why. */
function fallbackRemarks(context: CommandContext, answer: SearchAnswer): readonly string[] {
  const isOther = context.option('mode') === 'hybrid' && answer.mode === 'lexical' && answer.degraded === undefined
  return isOther ? [`searched by words alone: ${answer.mode_reason ?? 'no reason given'}; see engram index`] : []
}

function searchInput(context: CommandContext) {
  const type = context.options('type')
  return {
    ...readPlace(context),
    ...(type.length === 0 ? {} : { type: [...type] }),
    scope: context.option('scope'),
    since: context.option('since'),
    until: context.option('until'),
    session_id: context.option('session'),
    tool: context.option('tool'),
    author: context.option('author'),
    include_expired: context.flag('include-expired'),
    limit: numberOption(context, 'limit', 1),
    match_mode: choiceOption(context, 'match', matches),
    mode: choiceOption(context, 'mode', modes),
    order: choiceOption(context, 'order', orders),
    budget_tokens: numberOption(context, 'budget', 1),
    regex: context.flag('regex'),
    strict: context.flag('strict'),
    explain: context.flag('explain'),
  }
}

/** How many versions stand in each open conflict among the hits: the hit itself only names the conflict. */
async function versionCounts(context: CommandContext, answer: SearchAnswer): Promise<ReadonlyMap<string, number>> {
  const ids = [...new Set(answer.hits.flatMap((hit) => hit.ext.conflicts ?? []))]
  const counts = await Promise.all(
    ids.map(async (id) => {
      const found = await context.call('conflict.get', { id })
      return [id, found.heads.length] as const
    }),
  )
  return new Map(counts)
}
