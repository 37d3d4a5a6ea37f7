import type { EndedStale } from '../../api/sessions.ts'
import { EngramError } from '../../model/errors.ts'
import type { SessionSummary } from '../../model/records.ts'
import { command, type CommandContext } from '../command.ts'
import { durationOption, numberOption, requiredArgument } from '../option-values.ts'
import { allOption, onePlace, projectOption, readPlace } from '../place.ts'
import { printList } from '../table.ts'
import { counted } from '../text/amounts.ts'
import { encodedName } from '../text/project-name.ts'
import { shownTime } from '../text/times.ts'
import { oneLine, visible } from '../visible.ts'

export const sessionListCommand = command({
  path: 'session list',
  section: 'Sessions and projects',
  summary: 'Sessions of agents, newest first',
  options: [
    projectOption,
    allOption,
    { flags: '--open', description: 'only those not ended' },
    { flags: '--limit <n>', description: 'at most so many', defaultText: '20' },
  ],
  aliases: ['sessions'],
  examples: ['engram session list --open', 'engram session list --all --limit 100 --json'],
  run: async (context) => {
    const sessions = await context.call('session.list', {
      ...readPlace(context),
      open: context.flag('open'),
      limit: numberOption(context, 'limit', 1),
    })
    if (context.json) return context.printJson(sessions)
    if (sessions.length === 0) context.note('No sessions.')
    await printSessions(context, sessions)
  },
})

async function printSessions(context: CommandContext, sessions: readonly SessionSummary[]): Promise<void> {
  const time = (text: string): string => shownTime(text, context.config.timezone.value)
  const state = (row: SessionSummary): string => (row.ended_at === undefined ? 'open' : 'ended')
  await printList(
    context,
    sessions,
    [
      { title: 'Session', of: (row) => oneLine(row.id) },
      { title: 'Project', of: (row) => oneLine(row.project) },
      { title: 'Started', of: (row) => time(row.started_at) },
      { title: 'State', of: state, optional: true },
      { title: 'Memories', of: (row) => String(row.observation_count), align: 'right' },
      { title: 'Summary', of: (row) => oneLine(row.summary ?? ''), flexible: true, optional: true },
    ],
    (row) =>
      [
        encodedName(row.id),
        encodedName(row.project),
        time(row.started_at),
        state(row),
        counted(row.observation_count, 'memory', 'memories'),
      ].join('  '),
  )
}

export const sessionShowCommand = command({
  path: 'session show',
  section: 'Sessions and projects',
  summary: 'One session',
  arguments: [{ name: 'id', description: 'id of the session', required: true }],
  examples: ['engram session show manual-save-demo', 'engram session show 4f1c --json'],
  run: async (context) => {
    const session = await context.call('session.get', { id: requiredArgument(context, 'id') })
    context.answer(session, () => {
      const field = (name: string, value: string | undefined): readonly string[] =>
        value === undefined || value === '' ? [] : [`${context.paint.dim(`${name}:`.padEnd(11))}${value}`]
      const time = (text: string | undefined): string | undefined =>
        text === undefined ? undefined : shownTime(text, context.config.timezone.value)
      return [
        ...field('Session', context.paint.name(oneLine(session.id))),
        ...field('Project', oneLine(session.project)),
        ...field('Directory', oneLine(session.directory)),
        ...field('Ownership', session.ownership_mode),
        ...field('Agent', oneLine(session.ext?.author ?? '')),
        ...field('Started', time(session.started_at)),
        ...field('Ended', time(session.ended_at) ?? 'no'),
        ...field('Ended by', session.ext?.ended_by),
        ...(session.summary === undefined ? [] : ['', visible(session.summary, { keepLines: true })]),
      ].join('\n')
    })
  },
})

export const sessionEndCommand = command({
  path: 'session end',
  section: 'Sessions and projects',
  summary: 'End one session, or all that were idle for long',
  details:
    'Without an id it lists the sessions idle for longer than --by-age, in all projects or one; --apply ends them.',
  arguments: [{ name: 'id', description: 'id of the session', required: false }],
  options: [
    { flags: '--summary <text>', description: 'what was done in it' },
    { flags: '--by-age <age>', description: 'idle for longer than this: 72h, 30d, 2w', defaultText: '72h' },
    { flags: '--project <name>', description: 'only sessions of this project', isProject: true },
    { flags: '--apply', description: 'end them; without it nothing is changed' },
  ],
  examples: ['engram session end 4f1c --summary "Pool size settled"', 'engram session end --by-age 30d --apply'],
  run: (context) => (context.argument('id') === undefined ? endMany(context) : endOne(context)),
})

async function endOne(context: CommandContext): Promise<void> {
  for (const name of ['by-age', 'project']) {
    if (context.option(name) !== undefined) throw new EngramError('usage', `Expected an id or --${name}, got both.`)
  }
  const ended = await context.call('session.end', {
    id: requiredArgument(context, 'id'),
    summary: context.option('summary'),
  })
  const already = ended.status === 'already_ended'
  const answer = { id: ended.id, status: already ? 'already_ended' : 'ended', ended_at: ended.ended_at }
  const time = shownTime(ended.ended_at, context.config.timezone.value)
  context.answer(answer, () => `Session ${oneLine(ended.id)} ${already ? `had already ended at ${time}` : 'ended'}`)
}

async function endMany(context: CommandContext): Promise<void> {
  if (context.option('summary') !== undefined) throw new EngramError('usage', 'Expected a session id for --summary.')
  const project = context.option('project')
  const result = await context.call('session.end-stale', {
    ...(project === undefined ? {} : { project: onePlace(context).project }),
    by_age: durationOption(context, 'by-age'),
    apply: context.flag('apply'),
  })
  const list = result.dry_run ? { would_end: result.sessions } : { ended: result.sessions }
  context.answer({ dry_run: result.dry_run, ...list, count: result.count }, () => endedText(result, context))
}

function endedText(result: EndedStale, context: CommandContext): string {
  const head = result.dry_run
    ? `DRY RUN — ${result.count} session(s) would be ended:`
    : `${result.count} session(s) ended:`
  const lines = result.sessions.map((session) => {
    const last = shownTime(session.last_activity_at, context.config.timezone.value)
    return `  ${oneLine(session.id)}  ${oneLine(session.project)}  last activity ${last}`
  })
  const next = result.dry_run && result.count > 0 ? [context.paint.dim('Pass --apply to end them.')] : []
  return [result.count === 0 ? head.replace(/:$/, '') : head, ...lines, ...next].join('\n')
}
