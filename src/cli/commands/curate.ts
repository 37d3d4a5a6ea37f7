import type { Forgotten } from '../../api/review.ts'
import { categories } from '../../model/categories.ts'
import { EngramError } from '../../model/errors.ts'
import type { Observation } from '../../model/records.ts'
import { confirmed } from '../ask.ts'
import { command, type CommandArgument, type CommandContext, type CommandOption, type ExitCode } from '../command.ts'
import { categoryOf, durationOption, requiredArgument } from '../option-values.ts'
import { onePlace, writePlace } from '../place.ts'
import { counted } from '../text/amounts.ts'
import { savedText, tellSaved } from '../text/saved.ts'
import { shownTime } from '../text/times.ts'
import { typedText } from '../typed-text.ts'
import { oneLine } from '../visible.ts'

const section = 'Extracted memories'
const projectArgument: CommandArgument = {
  name: 'project',
  description: 'the project',
  required: true,
  isProject: true,
}
const yesOption: CommandOption = { flags: '--yes', description: 'do not ask' }
const ttlOption: CommandOption = { flags: '--ttl <duration>', description: 'hide it after this time, such as 30d' }

export const promoteCommand = command({
  path: 'promote',
  section,
  summary: 'Keep extracted memories as if you had written them',
  arguments: [
    projectArgument,
    { name: 'id', description: 'its number, #number or sync id', required: false },
    { name: 'category', description: `one of ${categories.join(', ')} (default: as it is)`, required: false },
  ],
  options: [
    { flags: '--global', description: 'for all projects' },
    { flags: '--label <label>', description: 'a name under which it is replaced' },
    ttlOption,
    { flags: '--all-strong', description: 'every one from 0.70 on' },
    yesOption,
  ],
  examples: ['engram promote my-project 41 decisions', 'engram promote my-project --all-strong --yes'],
  run: async (context) => {
    const id = context.argument('id')
    const allStrong = context.flag('all-strong')
    if ((id === undefined) !== allStrong) throw new EngramError('usage', 'Expected an id or --all-strong.')
    return allStrong ? promoteAll(context) : promoteOne(context, id ?? '')
  },
})

export const drainCommand = command({
  path: 'drain',
  section,
  summary: 'The same as `promote <project> --all-strong`',
  arguments: [projectArgument],
  options: [yesOption],
  examples: ['engram drain my-project', 'engram drain my-project --yes --json'],
  run: (context) => promoteAll(context),
})

async function promoteOne(context: CommandContext, id: string): Promise<ExitCode> {
  const category = context.argument('category')
  const { promoted } = await context.call('extracted.promote', {
    ...onePlace(context, requiredArgument(context, 'project')),
    ids: [id],
    ...(category === undefined ? {} : { category: categoryOf(category) }),
    global: context.flag('global'),
    label: context.option('label'),
    ttl: context.option('ttl'),
  })
  context.answer({ promoted }, () => promoted.map(promotedLine).join('\n'))
  return 0
}

async function promoteAll(context: CommandContext): Promise<ExitCode> {
  const place = onePlace(context, requiredArgument(context, 'project'))
  const strong = await context.call('extracted.list', { ...place, strength: 'strong', limit: 500 })
  if (strong.length === 0) {
    context.answer({ promoted: [] }, () => 'Nothing to promote.')
    return 0
  }
  if (!context.json) context.note(strong.map(candidateLine).join('\n'))
  if (!(await confirmed(context, `${counted(strong.length, 'memory', 'memories')} will be promoted. Go on?`))) return 1
  const { promoted } = await context.call('extracted.promote', { ...place, all_strong: true })
  context.answer({ promoted }, () => `Promoted ${counted(promoted.length, 'memory', 'memories')}`)
  return 0
}

const promotedLine = (one: Observation): string =>
  `Memory #${one.id} promoted: "${oneLine(one.title)}" (${oneLine(one.type)})`

const candidateLine = (one: Observation): string =>
  `  #${one.id} [${oneLine(one.type)}] ${oneLine(one.title)} (auto ${one.ext?.confidence?.toFixed(2) ?? '?'})`

export const forgetCommand = command({
  path: 'forget',
  section,
  summary: 'Delete some memories of a project; extracted ones do not come back',
  details: 'Without a selector it lists the sessions one could choose. More than 20 at once asks, or needs --yes.',
  arguments: [projectArgument, { name: 'id', description: 'one memory', required: false }],
  options: [
    { flags: '--session <id>', description: 'those of this session' },
    { flags: '--topic <key>', description: 'those under this topic or label' },
    { flags: '--expired', description: 'those that have expired' },
    { flags: '--stale <duration>', description: 'those not seen or confirmed for so long, such as 180d' },
    { flags: '--all', description: 'all of the project' },
    { flags: '--auto', description: 'extracted ones only' },
    { flags: '--purge', description: 'for ever, with transcripts and prompts of the session' },
    { flags: '--dry-run', description: 'only list them' },
    yesOption,
  ],
  examples: ['engram forget my-project 41', 'engram forget my-project --auto --stale 180d --dry-run'],
  run: async (context) => {
    const input = forgetInput(context)
    const preview = await context.call('memory.forget', { ...input, dry_run: true })
    // A session without memories may still have prompts and a transcript to purge.
    const hasWork = preview.selected.length > 0 || (context.flag('purge') && context.option('session') !== undefined)
    if (context.flag('dry-run') || !hasSelector(context) || !hasWork) {
      context.answer(preview, () => previewText(preview, context))
      return 0
    }
    const isAsked = preview.selected.length > unaskedMax
    const question = `${counted(preview.selected.length, 'memory', 'memories')} will be forgotten${preview.hard_delete ? ' for ever' : ''}. Go on?`
    if (isAsked && !(await confirmed(context, question))) return 1
    const done = await context.call('memory.forget', { ...input, confirmed: true })
    context.answer(done, () => forgottenText(done))
    return 0
  },
})

/** Forgetting more than this at once wants to be confirmed (ING-REV-3). */
const unaskedMax = 20
const listedMax = 20

const hasSelector = (context: CommandContext): boolean =>
  context.argument('id') !== undefined ||
  ['session', 'topic', 'stale'].some((name) => context.option(name) !== undefined) ||
  ['expired', 'all'].some((name) => context.flag(name))

function forgetInput(context: CommandContext) {
  const id = context.argument('id')
  return {
    ...onePlace(context, requiredArgument(context, 'project')),
    ...(id === undefined ? {} : { ids: [id] }),
    session_id: context.option('session'),
    topic: context.option('topic'),
    expired: context.flag('expired'),
    stale: durationOption(context, 'stale'),
    all: context.flag('all'),
    auto: context.flag('auto'),
    purge: context.flag('purge'),
  }
}

function previewText(preview: Forgotten, context: CommandContext): string {
  if (!hasSelector(context)) {
    if (preview.sessions.length === 0) return 'Nothing to forget.'
    const lines = preview.sessions.map((session) => {
      const started = shownTime(session.started_at, context.config.timezone.value)
      return `  ${oneLine(session.session_id)}  ${started}  ${counted(session.observations, 'memory', 'memories')}`
    })
    return ['Sessions (choose with --session, --topic, --stale, --expired, --all or an id):', ...lines].join('\n')
  }
  if (preview.selected.length === 0) return 'Nothing to forget.'
  const count = counted(preview.selected.length, 'memory', 'memories')
  return [`DRY RUN — ${count} would be forgotten:`, ...preview.selected.map(selectedLine)].join('\n')
}

const selectedLine = (one: Forgotten['selected'][number]): string =>
  `  #${one.id} [${oneLine(one.type)}] ${oneLine(one.title)}${one.auto ? ' (auto)' : ''}`

function forgottenText(done: Forgotten): string {
  const how = done.hard_delete ? 'hard-deleted' : 'soft-deleted'
  const prompts = done.prompts_deleted === 0 ? '' : `, ${counted(done.prompts_deleted, 'prompt')} deleted`
  const shown = done.selected.slice(0, listedMax).map(selectedLine)
  const rest = done.selected.length > listedMax ? [`  … and ${done.selected.length - listedMax} more`] : []
  const head = `Forgot ${counted(done.deleted, 'memory', 'memories')} (${how})${prompts}`
  return [done.deleted === 0 ? head : `${head}:`, ...shown, ...rest].join('\n')
}

export const addCommand = command({
  path: 'add',
  section: 'Memory',
  summary: 'Keep a memory by category',
  details: 'The same --label in the same project replaces; without a label nothing is ever replaced.',
  arguments: [
    projectArgument,
    { name: 'category', description: `one of ${categories.join(', ')}`, required: true },
    { name: 'content', description: 'the memory; - reads standard input', required: true },
  ],
  options: [
    { flags: '--title <title>', description: 'its title', defaultText: 'the first line' },
    { flags: '--label <label>', description: 'a name under which it is replaced' },
    { flags: '--global', description: 'for all projects' },
    { flags: '--author <name>', description: 'who says so' },
    ttlOption,
  ],
  examples: [
    'engram add my-project decisions "Ten connections: more starve the replica."',
    'engram add my-project procedures - --label release < release.md',
  ],
  run: async (context) => {
    const category = categoryOf(requiredArgument(context, 'category'))
    const result = await context.call('memory.add', {
      ...writePlace(context, requiredArgument(context, 'project')),
      category,
      content: await typedText(context, requiredArgument(context, 'content')),
      title: context.option('title'),
      label: context.option('label'),
      ttl: context.option('ttl'),
      global: context.flag('global'),
      author: context.option('author'),
    })
    context.answer(result, () => savedText(result))
    if (!context.json) tellSaved(context, result)
  },
})
