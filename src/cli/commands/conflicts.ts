import type { DeferredRow, RelationListing, RelationPage } from '../../api/relations.ts'
import { EngramError } from '../../model/errors.ts'
import { judgmentStatuses, type VersionConflict } from '../../model/records.ts'
import { command, type CommandContext } from '../command.ts'
import { choiceOption, numberOption, requiredArgument } from '../option-values.ts'
import { allOption, onePlace, projectOption, readPlace } from '../place.ts'
import { printList } from '../table.ts'
import { counted } from '../text/amounts.ts'
import { renderConflict, renderRelation, renderRelationStats } from '../text/conflicts.ts'
import { changedText } from '../text/observation.ts'
import { pageOf } from '../text/page.ts'
import { shownTime } from '../text/times.ts'
import { typedText } from '../typed-text.ts'
import { oneLine } from '../visible.ts'

const section = 'Relations and conflicts'
const kinds = ['relation', 'version'] as const
const statuses = [...judgmentStatuses, 'all'] as const

export const conflictListCommand = command({
  path: 'conflicts list',
  section,
  summary: 'Pairs to judge and versions in conflict',
  options: [
    projectOption,
    allOption,
    { flags: '--kind <kind>', description: 'only one kind', choices: kinds, defaultText: 'both' },
    { flags: '--status <status>', description: 'relations in this state', choices: statuses, defaultText: 'pending' },
    { flags: '--settled', description: 'versions that were settled' },
    { flags: '--since <when>', description: 'relations not before this date' },
    { flags: '--limit <n>', description: 'at most so many of each kind', defaultText: '50' },
    { flags: '--offset <n>', description: 'relations after the first so many', defaultText: '0' },
  ],
  examples: ['engram conflicts list', 'engram conflicts list --kind version --all --json'],
  run: async (context) => {
    const kind = choiceOption(context, 'kind', kinds)
    const relations = kind === 'version' ? null : await relationsOf(context)
    const versions = kind === 'relation' ? null : await versionsOf(context)
    if (context.json) return context.printJson(kind === undefined ? { relations, versions } : (relations ?? versions))
    if ((relations?.relations.length ?? 0) + (versions?.length ?? 0) === 0) context.note('No conflicts.')
    if (versions !== null) await printVersions(context, versions)
    if (versions !== null && versions.length > 0 && (relations?.relations.length ?? 0) > 0) context.print('')
    if (relations !== null) await printRelations(context, relations)
  },
})

function relationsOf(context: CommandContext): Promise<RelationPage> {
  const status = choiceOption(context, 'status', statuses) ?? 'pending'
  return context.call('relation.list', {
    ...readPlace(context),
    ...(status === 'all' ? {} : { status }),
    since: context.option('since'),
    limit: numberOption(context, 'limit', 1),
    offset: numberOption(context, 'offset'),
  })
}

const versionsOf = (context: CommandContext): Promise<readonly VersionConflict[]> =>
  context.call('conflict.list', {
    ...readPlace(context),
    settled: context.flag('settled'),
    limit: numberOption(context, 'limit', 1),
  })

async function printVersions(context: CommandContext, rows: readonly VersionConflict[]): Promise<void> {
  const time = (row: VersionConflict): string => shownTime(row.detected_at, context.config.timezone.value)
  await printList(
    context,
    rows,
    [
      { title: 'Conflict', of: (row) => row.id },
      { title: 'Kind', of: (row) => row.kind },
      { title: 'Versions', of: (row) => String(row.heads.length), align: 'right' },
      { title: 'Seen', of: time },
      { title: 'Memory', of: (row) => oneLine(row.title), flexible: true },
    ],
    (row) => `${row.id}  ${row.kind}  ${row.heads.length} versions  ${time(row)}  ${oneLine(row.title)}`,
  )
}

async function printRelations(context: CommandContext, page: RelationPage): Promise<void> {
  const state = (row: RelationListing): string =>
    row.judgment_status === 'judged' ? row.relation : row.judgment_status
  await printList(
    context,
    page.relations,
    [
      { title: 'Relation', of: (row) => `#${row.id}` },
      { title: 'State', of: state },
      { title: 'Created', of: (row) => shownTime(row.created_at, context.config.timezone.value) },
      { title: 'A', of: (row) => oneLine(row.source_title), flexible: true },
      { title: 'B', of: (row) => oneLine(row.target_title), flexible: true },
    ],
    (row) => `#${row.id}  ${state(row)}  ${oneLine(row.source_title)}  ↔  ${oneLine(row.target_title)}`,
  )
  const rest = page.total - page.offset - page.relations.length
  if (rest > 0) context.note(context.paint.dim(`${rest} more: --offset ${page.offset + page.relations.length}`))
}

export const conflictShowCommand = command({
  path: 'conflicts show',
  section,
  summary: 'One conflict with all its texts, or one pair with both ends',
  arguments: [
    { name: 'id', description: 'cfl-… of a version conflict, number or sync id of a relation', required: true },
  ],
  examples: ['engram conflicts show cfl-0123456789abcdef', 'engram conflicts show 4'],
  run: async (context) => {
    const id = requiredArgument(context, 'id')
    if (id.startsWith('cfl-')) {
      const conflict = await context.call('conflict.get', { id })
      return context.answer(conflict, () => renderConflict(conflict, pageOf(context)))
    }
    const relation = await context.call('relation.get', { id })
    context.answer(relation, () => renderRelation(relation, pageOf(context)))
  },
})

export const conflictStatsCommand = command({
  path: 'conflicts stats',
  section,
  summary: 'Counts of relations by verb and state',
  options: [projectOption, allOption],
  examples: ['engram conflicts stats', 'engram conflicts stats --all --json'],
  run: async (context) => {
    const stats = await context.call('relation.stats', readPlace(context))
    context.answer(stats, () => renderRelationStats(stats))
  },
})

export const conflictScanCommand = command({
  path: 'conflicts scan',
  section,
  summary: 'Look through a project for pairs worth judging',
  details: 'Without --apply nothing is noted down. It compares words; no LLM is asked.',
  options: [
    projectOption,
    { flags: '--limit <n>', description: 'look at so many memories, 1 to 100' },
    { flags: '--cursor <n>', description: 'go on after this one' },
    { flags: '--max-insert <n>', description: 'note at most so many pairs, 1 to 100', defaultText: '100' },
    { flags: '--apply', description: 'note the pairs as pending' },
  ],
  examples: ['engram conflicts scan', 'engram conflicts scan --project my-app --apply'],
  run: async (context) => {
    const result = await context.call('relation.scan', {
      ...onePlace(context),
      cursor: numberOption(context, 'cursor'),
      limit: numberOption(context, 'limit', 1),
      max_insert: numberOption(context, 'max-insert', 1),
      apply: context.flag('apply'),
    })
    context.answer(result, () =>
      [
        `${result.dry_run ? 'DRY RUN — ' : ''}${counted(result.inspected, 'memory', 'memories')} of ${oneLine(result.project)} looked at`,
        `  Pairs found:     ${result.candidates_found}`,
        `  Known already:   ${result.already_related}`,
        `  ${result.dry_run ? 'Would be noted:' : 'Noted:         '}  ${result.dry_run ? result.candidates_found - result.already_related : result.inserted}`,
        ...(result.capped ? ['  Stopped at --max-insert; run it again.'] : []),
        ...(result.next_cursor === undefined ? [] : [context.paint.dim(`Go on with --cursor ${result.next_cursor}`)]),
      ].join('\n'),
    )
    if (!context.json && result.warning !== undefined) context.note(`note: ${oneLine(result.warning)}`)
  },
})

export const conflictDeferredCommand = command({
  path: 'conflicts deferred',
  section,
  summary: 'Arrived rows that wait for what they point to',
  options: [
    { flags: '--status <status>', description: 'only in this state (deferred, dead)' },
    { flags: '--limit <n>', description: 'at most so many', defaultText: '50' },
    { flags: '--offset <n>', description: 'after the first so many', defaultText: '0' },
    { flags: '--replay', description: 'try them again' },
  ],
  examples: ['engram conflicts deferred', 'engram conflicts deferred --replay'],
  run: async (context) => {
    if (context.flag('replay')) {
      const replayed = await context.call('relation.replay', {})
      return context.answer(
        replayed,
        () =>
          `Tried ${counted(replayed.retried, 'row')}: ${replayed.succeeded} taken, ${replayed.failed} still waiting, ${replayed.dead} undecodable`,
      )
    }
    const page = await context.call('relation.deferred', {
      status: context.option('status'),
      limit: numberOption(context, 'limit', 1),
      offset: numberOption(context, 'offset'),
    })
    if (context.json) return context.printJson(page)
    if (page.rows.length === 0) context.note('No rows are waiting.')
    await printDeferred(context, page.rows)
  },
})

const printDeferred = (context: CommandContext, rows: readonly DeferredRow[]): Promise<void> =>
  printList(
    context,
    rows,
    [
      { title: 'Sync id', of: (row) => oneLine(row.sync_id) },
      { title: 'Entity', of: (row) => oneLine(row.entity) },
      { title: 'State', of: (row) => oneLine(row.apply_status) },
      { title: 'Tries', of: (row) => String(row.retry_count), align: 'right' },
      { title: 'Waits for', of: (row) => oneLine(row.last_error), flexible: true },
    ],
    (row) =>
      [row.sync_id, row.entity, row.apply_status, String(row.retry_count), row.last_error].map(oneLine).join('  '),
  )

export const conflictSettleCommand = command({
  path: 'conflicts settle',
  section,
  summary: 'Settle a version conflict: take one version, or give the text',
  arguments: [{ name: 'id', description: 'cfl-… of the conflict', required: true }],
  options: [
    { flags: '--take <version>', description: 'the version to keep' },
    { flags: '--content <text>', description: 'the text to keep; - reads standard input' },
    { flags: '--title <title>', description: 'its title, with --content' },
    { flags: '--by <name>', description: 'who settles it' },
  ],
  examples: [
    'engram conflicts settle cfl-0123456789abcdef --take 9f86d081884c7d65',
    'engram conflicts settle cfl-0123456789abcdef --content - < merged.md',
  ],
  run: async (context) => {
    const take = context.option('take')
    const content = context.option('content')
    if ((take === undefined) === (content === undefined)) {
      throw new EngramError('usage', 'Expected either --take or --content.', {
        hint: 'See `engram conflicts show <id>`.',
      })
    }
    const observation = await context.call('conflict.settle', {
      id: requiredArgument(context, 'id'),
      take,
      content: content === undefined ? undefined : await typedText(context, content),
      title: context.option('title'),
      by: context.option('by'),
    })
    context.answer(observation, () => changedText('settled', observation))
  },
})
