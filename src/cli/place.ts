import { EngramError } from '../model/errors.ts'
import { nameProject } from '../model/project-name.ts'
import type { CommandContext, CommandOption } from './command.ts'
import { visible } from './visible.ts'

/** Where a command looks or writes: what was named, else what the directory belongs to (MEM-804). */
export type WritePlace = {
  readonly project?: string
  readonly directory: string
  readonly project_override?: string
}

export type ReadPlace = WritePlace | { readonly all_projects: true }

export const projectOption: CommandOption = {
  flags: '--project <name>',
  description: 'the project',
  defaultText: 'the one of this directory',
  isProject: true,
}

export const allOption: CommandOption = { flags: '--all', description: 'all projects' }

/** For writing. The engine's answer itself warns of a name that was changed. */
export const writePlace = (context: CommandContext, named = context.option('project')): WritePlace =>
  placeOf(context, named)

/** For what concerns exactly one project. */
export function onePlace(context: CommandContext, named = context.option('project')): WritePlace {
  if (named !== undefined) noteReduced(context, named)
  return placeOf(context, named)
}

/** As {@link onePlace}; `--all` looks everywhere. */
export function readPlace(context: CommandContext, named = context.option('project')): ReadPlace {
  if (!context.flag('all')) return onePlace(context, named)
  if (named !== undefined) throw new EngramError('usage', 'Expected either a project or --all, got both.')
  return { all_projects: true }
}

/** Nothing named: the project of the process (`ENGRAM_PROJECT`), else of the directory. */
function placeOf(context: CommandContext, named: string | undefined): WritePlace {
  const override = context.config.project.value
  // Refused before anything is opened when it can be no project (MEM-110).
  if (named !== undefined) nameProject(decoded(named))
  return {
    ...(named === undefined ? {} : { project: named }),
    directory: context.terminal.directory,
    ...(override === undefined ? {} : { project_override: override }),
  }
}

/** A name that looks like a path is reduced, and that is said (MEM-803). */
export function noteReduced(context: CommandContext, given: string): void {
  const named = nameProject(decoded(given))
  if (!named.reducedFromPath) return
  context.note(
    `note: the project name ${JSON.stringify(visible(given))} looks like a path; ${visible(named.name)} is used`,
  )
}

/** Names with blanks and the like are printed percent-encoded and may come back so (ING-CMD-4). */
function decoded(given: string): string {
  if (!given.includes('%')) return given
  try {
    return decodeURIComponent(given)
  } catch {
    return given
  }
}
