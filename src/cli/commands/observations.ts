import { EngramError } from '../../model/errors.ts'
import { command, type CommandArgument, type CommandContext } from '../command.ts'
import { numberOption, requiredArgument } from '../option-values.ts'
import { changedText, renderHistory, renderObservation } from '../text/observation.ts'
import { pageOf } from '../text/page.ts'
import { tellChanges } from '../text/saved.ts'
import { renderTimeline } from '../text/timeline.ts'
import { typedText } from '../typed-text.ts'

export const idArgument: CommandArgument = {
  name: 'id',
  description: 'its number, #number or sync id',
  required: true,
}

/** What names one memory: `12`, `#12` or a sync id. */
export const idOf = (context: CommandContext): string => requiredArgument(context, 'id')

export const showCommand = command({
  path: 'show',
  section: 'Memory',
  summary: 'One memory in full, also a deleted one',
  arguments: [idArgument],
  aliases: ['get'],
  examples: ['engram show 12', 'engram show 12 --json'],
  run: async (context) => {
    const observation = await context.call('observation.get', { id: idOf(context) })
    context.answer(observation, () => renderObservation(observation, pageOf(context)))
  },
})

const updateOptions = [
  { flags: '--title <title>', description: 'a new title' },
  { flags: '--content <text>', description: 'new content; - reads standard input' },
  { flags: '--find <text>', description: 'replace this text wherever it stands …' },
  { flags: '--replace <text>', description: '… by this one' },
  { flags: '--type <type>', description: 'another type' },
  { flags: '--scope <scope>', description: 'project, personal or global' },
  { flags: '--topic <key>', description: 'another topic key' },
  { flags: '--project <name>', description: 'file it under another project', isProject: true },
  { flags: '--expected-project <name>', description: 'refuse when it belongs to another one', isProject: true },
  { flags: '--author <name>', description: 'who says so' },
  { flags: '--ttl <duration>', description: 'hide it after this time, such as 30d' },
  { flags: '--expires <date>', description: 'hide it from this date on' },
] as const

export const updateCommand = command({
  path: 'update',
  section: 'Memory',
  summary: 'Change some fields of a memory; the state before is kept',
  arguments: [idArgument],
  options: updateOptions,
  examples: [
    'engram update 12 --title "Pool size is 20" --find ten --replace twenty',
    'engram update 12 --content - < decision.md',
  ],
  run: async (context) => {
    const content = context.option('content')
    const fields = {
      title: context.option('title'),
      content: content === undefined ? undefined : await typedText(context, content),
      find: context.option('find'),
      replace: context.option('replace'),
      type: context.option('type'),
      scope: context.option('scope'),
      topic_key: context.option('topic'),
      project: context.option('project'),
      author: context.option('author'),
      ttl: context.option('ttl'),
      expires_at: context.option('expires'),
    }
    if (Object.values(fields).every((value) => value === undefined)) {
      throw new EngramError('usage', 'Expected at least one field to change.', { hint: 'See `engram help update`.' })
    }
    const expected = context.option('expected-project')
    const result = await context.call('observation.update', {
      id: idOf(context),
      ...fields,
      expected_project: expected,
    })
    const what = result.updated_fields.length === 0 ? 'unchanged' : 'updated'
    context.answer(result, () => changedText(what, result.observation))
    if (!context.json) tellChanges(context, result)
  },
})

export const restoreCommand = command({
  path: 'restore',
  section: 'Memory',
  summary: 'Bring a soft-deleted memory back',
  arguments: [idArgument],
  examples: ['engram restore 12', 'engram restore obs-0123456789abcdef'],
  run: async (context) => {
    const observation = await context.call('observation.restore', { id: idOf(context) })
    context.answer(observation, () => changedText('restored', observation))
  },
})

const pinning = (pinned: boolean) => async (context: CommandContext) => {
  const result = await context.call('observation.pin', { id: idOf(context), pinned })
  context.answer(result, () => `Memory #${result.id} ${pinned ? 'pinned' : 'unpinned'}`)
}

export const pinCommand = command({
  path: 'pin',
  section: 'Memory',
  summary: 'Keep a memory at the top of what agents read; only on this machine',
  arguments: [idArgument],
  examples: ['engram pin 12', 'engram pin 12 --json'],
  run: pinning(true),
})

export const unpinCommand = command({
  path: 'unpin',
  section: 'Memory',
  summary: 'Undo a pin',
  arguments: [idArgument],
  examples: ['engram unpin 12', 'engram unpin 12 --json'],
  run: pinning(false),
})

export const timelineCommand = command({
  path: 'timeline',
  section: 'Memory',
  summary: 'What was kept before and after a memory in its session',
  arguments: [idArgument],
  options: [
    { flags: '--before <n>', description: 'so many before it', defaultText: '5' },
    { flags: '--after <n>', description: 'so many after it', defaultText: '5' },
  ],
  examples: ['engram timeline 12', 'engram timeline 12 --before 10 --after 0'],
  run: async (context) => {
    const result = await context.call('memory.timeline', {
      observation_id: idOf(context),
      before: numberOption(context, 'before'),
      after: numberOption(context, 'after'),
    })
    context.answer(result, () => renderTimeline(result, pageOf(context)))
  },
})

const historyMax = 20
const historyDefault = 10

export const historyCommand = command({
  path: 'history',
  section: 'Memory',
  summary: 'Earlier states of a memory, newest first',
  arguments: [idArgument],
  options: [
    { flags: '--limit <n>', description: `at most so many, 1 to ${historyMax}`, defaultText: String(historyDefault) },
    { flags: '--cursor <cursor>', description: 'where the last page ended' },
  ],
  examples: ['engram history 12', 'engram history 12 --limit 20 --json'],
  run: async (context) => {
    const limit = numberOption(context, 'limit', 1) ?? historyDefault
    if (limit > historyMax) throw new EngramError('usage', `--limit: expected 1 to ${historyMax}, got ${limit}.`)
    const history = await context.call('observation.history', {
      id: idOf(context),
      limit,
      cursor: context.option('cursor'),
    })
    context.answer(history, () => renderHistory(history, pageOf(context)))
  },
})
