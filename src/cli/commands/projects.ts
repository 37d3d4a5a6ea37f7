import type { ProjectListing, PrunedProjects } from '../../api/projects.ts'
import { EngramError } from '../../model/errors.ts'
import { command, type CommandContext } from '../command.ts'
import { requiredOption } from '../option-values.ts'
import { noteReduced, writePlace } from '../place.ts'
import { printList } from '../table.ts'
import { counted } from '../text/amounts.ts'
import { encodedName } from '../text/project-name.ts'
import { tellChanges } from '../text/saved.ts'
import { shownDay } from '../text/times.ts'
import { oneLine } from '../visible.ts'

const section = 'Sessions and projects'

export const projectListCommand = command({
  path: 'projects list',
  section,
  summary: 'Every project memory knows, most memories first',
  details:
    'In a pipe each line begins with the name; blanks and characters a shell acts on are percent-encoded there, and ' +
    'every command takes such a name back.',
  options: [{ flags: '--names', description: 'names only' }],
  aliases: ['projects'],
  examples: ['engram projects', 'for p in $(engram projects --names); do engram recall "$p"; done'],
  run: async (context) => {
    const projects = await context.call('project.list', {})
    if (context.json) return context.printJson(projects)
    if (projects.length === 0) context.note('No projects yet.')
    if (context.flag('names')) {
      if (projects.length > 0) context.print(projects.map((one) => encodedName(one.name)).join('\n'))
      return
    }
    await printProjects(context, projects)
  },
})

async function printProjects(context: CommandContext, projects: readonly ProjectListing[]): Promise<void> {
  const day = (row: ProjectListing): string => shownDay(row.last_activity_at ?? '', context.config.timezone.value)
  await printList(
    context,
    projects,
    [
      { title: 'Project', of: (row) => encodedName(row.name) },
      { title: 'Sessions', of: (row) => String(row.session_count), align: 'right' },
      { title: 'Memories', of: (row) => String(row.observation_count), align: 'right' },
      { title: 'Prompts', of: (row) => String(row.prompt_count), align: 'right', optional: true },
      { title: 'Last', of: day },
      { title: 'Directories', of: (row) => row.directories.map(oneLine).join(', '), flexible: true, optional: true },
    ],
    (row) =>
      [
        encodedName(row.name),
        counted(row.session_count, 'session'),
        counted(row.observation_count, 'memory', 'memories'),
        day(row),
      ]
        .join('  ')
        .trimEnd(),
  )
}

export const projectCurrentCommand = command({
  path: 'projects current',
  section,
  summary: 'The project of this directory, and how it was found',
  examples: ['engram projects current', 'engram projects current --json'],
  run: async (context) => {
    const found = await context.call('project.resolve', writePlace(context))
    context.answer(
      found,
      () => `${oneLine(found.project)} (${found.project_source}${found.known ? '' : ', nothing kept yet'})`,
    )
    if (!context.json) tellChanges(context, found)
  },
})

export const projectMergeCommand = command({
  path: 'projects merge',
  section,
  summary: 'File everything of some projects under another one',
  details: 'The old names stay as aliases, so that late arrivals land right. Without --apply nothing is changed.',
  options: [
    {
      flags: '--from <names>',
      description: 'the projects to move, comma-separated',
      repeatable: true,
      isProject: true,
    },
    { flags: '--to <name>', description: 'where to', isProject: true },
    { flags: '--dry-run', description: 'only count (the default)' },
    { flags: '--apply', description: 'do it' },
    { flags: '--force', description: 'also names that are no variants of each other' },
  ],
  examples: [
    'engram projects merge --from my_app,MyApp --to my-app --dry-run',
    'engram projects merge --from old-name --to new-name --force --apply',
  ],
  run: async (context) => {
    if (context.flag('dry-run') && context.flag('apply'))
      throw new EngramError('usage', 'Expected --dry-run or --apply, got both.')
    const from = context
      .options('from')
      .flatMap((one) => one.split(','))
      .filter((one) => one.trim() !== '')
    if (from.length === 0) throw new EngramError('usage', 'Expected --from.')
    const to = requiredOption(context, 'to')
    noteReduced(context, to)
    const merged = await context.call('project.merge', {
      from,
      to,
      force: context.flag('force'),
      dry_run: !context.flag('apply'),
    })
    context.answer(merged, () => {
      const counts = `${counted(merged.observations, 'memory', 'memories')}, ${counted(merged.sessions, 'session')}, ${counted(merged.prompts, 'prompt')}`
      const names = `${merged.from.map(oneLine).join(', ') || 'nothing'} into ${oneLine(merged.to)}`
      return merged.dry_run ? `DRY RUN — would merge ${names}: ${counts}` : `Merged ${names}: ${counts}`
    })
    if (!context.json && merged.dry_run) context.note(context.paint.dim('Pass --apply to do it.'))
  },
})

export const projectMoveCommand = command({
  path: 'projects move',
  section,
  summary: 'File some memories under another project',
  arguments: [{ name: 'ids', description: 'numbers, #numbers or sync ids', required: true, variadic: true }],
  options: [{ flags: '--to <name>', description: 'where to', isProject: true }],
  examples: ['engram projects move 12 13 --to my-app', 'engram projects move obs-0123456789abcdef --to my-app --json'],
  run: async (context) => {
    const to = requiredOption(context, 'to')
    noteReduced(context, to)
    const result = await context.call('observation.move', { ids: [...context.words('ids')], to })
    context.answer(result, () => {
      const moved = result.moved.map((id) => `#${id}`).join(' ')
      return `Moved ${counted(result.moved.length, 'memory', 'memories')} to ${oneLine(result.project)}${moved === '' ? '' : `: ${moved}`}`
    })
  },
})

export const projectConsolidateCommand = command({
  path: 'projects consolidate',
  section,
  summary: 'Names that are likely one project, with the command that joins them',
  examples: ['engram projects consolidate', 'engram projects consolidate --json'],
  run: async (context) => {
    const groups = await context.call('project.consolidate', {})
    context.answer(groups, () =>
      groups
        .map((group) => {
          const others = group.names.filter((name) => name !== group.canonical).map(encodedName)
          const head = `${context.paint.name(encodedName(group.canonical))}  ${others.join('  ')}  (${oneLine(group.why)})`
          return `${head}\n    engram projects merge --from ${others.join(',')} --to ${encodedName(group.canonical)} --force --apply`
        })
        .join('\n'),
    )
    if (!context.json && groups.length === 0) context.note('No two names look like one project.')
  },
})

export const projectPruneCommand = command({
  path: 'projects prune',
  section,
  summary: 'Forget projects that hold no memory any more',
  details: 'Their sessions, prompts and deleted memories go with them, for ever. Without --apply nothing is changed.',
  options: [{ flags: '--apply', description: 'do it' }],
  examples: ['engram projects prune', 'engram projects prune --apply'],
  run: async (context) => {
    const result = await context.call('project.prune', { apply: context.flag('apply') })
    context.answer(result, () => {
      const count = counted(result.projects.length, 'project')
      const head = result.dry_run ? `DRY RUN — ${count} would be forgotten` : `${count} forgotten`
      return [
        head + (result.projects.length === 0 ? '' : ':'),
        ...result.removed.map((one) => `  ${encodedName(one.project)}${goesWith(one)}`),
      ].join('\n')
    })
    if (!context.json && result.dry_run && result.projects.length > 0)
      context.note(context.paint.dim('Pass --apply to do it.'))
  },
})

/** What goes with a name; a name alone needs no word. */
function goesWith(removed: PrunedProjects['removed'][number]): string {
  const { observations, sessions, prompts } = removed
  const parts = [
    ...(sessions > 0 ? [counted(sessions, 'session')] : []),
    ...(prompts > 0 ? [counted(prompts, 'prompt')] : []),
    ...(observations > 0 ? [counted(observations, 'deleted memory', 'deleted memories')] : []),
  ]
  return parts.length === 0 ? '' : `  with ${parts.join(', ')}, for ever`
}

export const projectRescueCommand = command({
  path: 'projects rescue-ownership',
  section,
  summary: 'Give records that belong to no project to one',
  options: [
    { flags: '--project <name>', description: 'the project they shall belong to', isProject: true },
    { flags: '--session <id>', description: 'a session', repeatable: true },
    { flags: '--observation <id>', description: 'a memory', repeatable: true },
    { flags: '--prompt <id>', description: 'a prompt', repeatable: true },
  ],
  examples: [
    'engram projects rescue-ownership --project my-app --session 4f1c',
    'engram projects rescue-ownership --project my-app --observation 12 --observation 13',
  ],
  run: async (context) => {
    const target = requiredOption(context, 'project')
    noteReduced(context, target)
    const result = await context.call('project.rescue', {
      target_project: target,
      session_ids: [...context.options('session')],
      observation_ids: [...context.options('observation')],
      prompt_ids: [...context.options('prompt')],
    })
    context.answer(result, () => {
      const counts = [
        counted(result.rescued_observations, 'memory', 'memories'),
        counted(result.rescued_sessions, 'session'),
        counted(result.rescued_prompts, 'prompt'),
      ]
      const blocked = result.blocked.map((one) => `  ${one.kind} ${oneLine(one.id)} stays: ${oneLine(one.reason)}`)
      return [`${oneLine(result.target_project)} now owns ${counts.join(', ')}`, ...blocked].join('\n')
    })
    return result.complete ? 0 : 1
  },
})

export const initCommand = command({
  path: 'init',
  section,
  summary: 'Write .engram/config.json with the project of this directory',
  details: 'It is the only command that writes into a repository.',
  arguments: [{ name: 'name', description: 'the name (default: the one found)', required: false }],
  options: [{ flags: '--force', description: 'replace a file that says something else' }],
  examples: ['engram init', 'engram init my-app --force'],
  run: async (context) => {
    const name = context.argument('name')
    if (name !== undefined) noteReduced(context, name)
    const result = await context.call('project.init', {
      directory: context.terminal.directory,
      name,
      force: context.flag('force'),
    })
    context.answer(result, () =>
      result.written
        ? `Wrote ${oneLine(result.path)}: project ${oneLine(result.project)}`
        : `${oneLine(result.path)} says so already: project ${oneLine(result.project)}`,
    )
  },
})
