import { searchedPlaces, type SearchAnswer, type SearchedPlace } from '../../api/search.ts'
import { command, type CommandContext } from '../command.ts'
import { choiceOption, misfit, numberOption } from '../option-values.ts'
import { allOption, projectOption, readPlace } from '../place.ts'
import { renderFound } from '../text/found.ts'
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
    {
      flags: '--in <what>',
      description: `what is looked through, by commas: ${searchedPlaces.join(', ')}`,
      defaultText: 'memory',
    },
    { flags: '--transcripts', description: 'archived conversations too' },
    { flags: '--context <id>', description: 'work units of this context alone', repeatable: true },
    { flags: '--match <how>', description: 'any or all of the words', choices: matches, defaultText: 'any' },
    { flags: '--since <when>', description: 'not before this date' },
    { flags: '--until <when>', description: 'not after this date' },
    { flags: '--session <id>', description: 'only of this session' },
    { flags: '--tool <name>', description: 'only kept by this tool' },
    { flags: '--author <name>', description: 'only by this person or agent' },
    { flags: '--include-expired', description: 'also what has expired' },
    { flags: '--mode <mode>', description: 'how to look', choices: modes, defaultText: 'auto' },
    { flags: '--min-similarity <cosine>', description: 'of what meaning alone finds, only what is this near (0 to 1)' },
    { flags: '--order <order>', description: 'best or newest first', choices: orders, defaultText: 'relevance' },
    { flags: '--budget <tokens>', description: 'only what fits into so many tokens' },
    { flags: '--regex', description: 'the words are a regular expression over texts' },
    { flags: '--strict', description: 'nothing instead of doubtful results' },
    { flags: '--explain', description: 'why each result stands where it stands' },
  ],
  examples: [
    'engram search connection pool timeout',
    'engram search --all --type decision --limit 5 "how do we deploy"',
    'engram search architecture/auth-model --explain',
    'engram search --in memory,prompts,transcripts "why did the deploy fail"',
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
    const page = { ...pageOf(context), query, versionsInConflict }
    context.print((answer.found === undefined ? renderHits(answer, page) : renderFound(answer, page)).trimEnd())
    for (const remark of remarks) context.note(context.paint.dim(remark))
    const isEmpty = (answer.found ?? answer.hits).length === 0
    if (isEmpty && answer.project !== null && context.terminal.isTty) {
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
  const contexts = context.options('context')
  const places = searchedIn(context)
  return {
    ...readPlace(context),
    ...(places.length === 0 ? {} : { in: places }),
    ...(contexts.length === 0 ? {} : { context_ids: [...contexts] }),
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
    min_similarity: nearnessOption(context),
    order: choiceOption(context, 'order', orders),
    budget_tokens: numberOption(context, 'budget', 1),
    regex: context.flag('regex'),
    strict: context.flag('strict'),
    explain: context.flag('explain'),
  }
}

function nearnessOption(context: CommandContext): number | undefined {
  const given = context.option('min-similarity')
  if (given === undefined) return undefined
  const value = Number(given)
  if (given.trim() !== '' && value >= 0 && value <= 1) return value
  throw misfit('min-similarity', 'a number from 0 to 1', given)
}

/** `--transcripts` adds to what `--in` names; nothing named = memory, which the engine takes for granted. */
function searchedIn(context: CommandContext): SearchedPlace[] {
  const names = (context.option('in') ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]))
  const named = names.map((name): SearchedPlace => {
    const place = searchedPlaces.find((one) => one === name || `${one}s` === name || one === `${name}s`)
    if (place !== undefined) return place
    throw misfit('in', `some of ${searchedPlaces.join(', ')}`, name)
  })
  if (!context.flag('transcripts')) return [...new Set(named)]
  return [...new Set<SearchedPlace>([...(named.length === 0 ? (['memory'] as const) : named), 'transcripts'])]
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
