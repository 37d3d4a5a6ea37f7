import { EngramError } from '../../model/errors.ts'
import { command, type ExitCode } from '../command.ts'
import { requiredOption } from '../option-values.ts'
import { allOption, projectOption, readPlace } from '../place.ts'
import { renderDoctor, renderRepair } from '../text/doctor.ts'
import { pageOf } from '../text/page.ts'

const section = 'This machine'

/** What is broken is broken for all: the doctor looks everywhere unless told otherwise. */
const anyProject = { ...projectOption, defaultText: 'all projects' }

export const doctorCommand = command({
  path: 'doctor',
  section,
  summary: 'Check the store without changing it',
  details: 'Exit code 1 when something is blocked or broken; warnings alone are 0.',
  options: [{ flags: '--check <name>', description: 'only this check' }, anyProject, allOption],
  examples: ['engram doctor', 'engram doctor --check integrity --json'],
  run: async (context): Promise<ExitCode> => {
    const everywhere = context.option('project') === undefined
    const report = await context.call('doctor.report', {
      ...(everywhere ? { all_projects: true } : readPlace(context)),
      check: context.option('check'),
    })
    context.answer(report, () => renderDoctor(report, pageOf(context)))
    return report.status === 'blocked' || report.status === 'error' ? 1 : 0
  },
})

const modes = [
  ['plan', 'plan'],
  ['dry-run', 'dry_run'],
  ['apply', 'apply'],
] as const

export const doctorRepairCommand = command({
  path: 'doctor repair',
  section,
  summary: 'Repair what one check found',
  details: 'Nothing is changed without --apply, and --apply backs up first.',
  options: [
    { flags: '--check <name>', description: 'the check whose findings to repair' },
    anyProject,
    allOption,
    { flags: '--plan', description: 'say what would be done' },
    { flags: '--dry-run', description: 'the same as --plan' },
    { flags: '--apply', description: 'do it' },
  ],
  examples: [
    'engram doctor repair --check stale_open_sessions --plan',
    'engram doctor repair --check integrity --apply',
  ],
  run: async (context): Promise<ExitCode> => {
    const check = requiredOption(context, 'check')
    const given = modes.filter(([flag]) => context.flag(flag))
    const mode = given[0]?.[1]
    if (mode === undefined || given.length > 1) {
      throw new EngramError(
        'usage',
        `Expected exactly one of --plan, --dry-run and --apply, got ${given.length === 0 ? 'none' : given.length}.`,
      )
    }
    const everywhere = context.option('project') === undefined
    const report = await context.call('doctor.repair', {
      ...(everywhere ? { all_projects: true } : readPlace(context)),
      check,
      mode,
    })
    context.answer(report, () => renderRepair(report, pageOf(context)))
    return 0
  },
})
