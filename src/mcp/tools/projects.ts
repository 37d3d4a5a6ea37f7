import { EngramError } from '../../model/errors.ts'
import { fenced } from '../../model/fence.ts'
import { warningOf } from '../shown.ts'
import { list, readPlace, text, tool, whole } from '../tool.ts'
import { placeOfRead, sessionInUse } from './recall.ts'
import { shownPlace } from './keep.ts'

const currentTool = tool({
  name: 'mem_current_project',
  profiles: ['agent'],
  description: 'The project of a directory and how it was found.',
  effect: 'read',
  flat: true,
  parameters: { directory: text, cwd: text },
  answers: { project: text, project_source: text, project_path: text, cwd: text, available_projects: list },
  run: async (connection, given) => {
    const directory = given.text('directory', 'cwd')
    const found =
      directory === undefined ? await connection.here() : await connection.caller.call('project.resolve', { directory })
    const { warnings, known: _, ...flat } = found
    return { ...flat, ...warningOf(warnings), ...sessionInUse(connection) }
  },
})

const listTool = tool({
  name: 'mem_list_projects',
  profiles: ['agent'],
  description: 'Every project with counts.',
  effect: 'read',
  flat: true,
  parameters: {},
  answers: { projects: list, count: whole },
  run: async (connection) => {
    const projects = (await connection.caller.call('project.list', {})).map((one) => ({
      name: one.name,
      observation_count: one.observation_count,
      session_count: one.session_count,
      prompt_count: one.prompt_count,
      directories: one.directories,
    }))
    return { projects, count: projects.length }
  },
})

const mergeTool = tool({
  name: 'mem_merge_projects',
  profiles: ['admin'],
  description: 'File spellings of one project name (comma list) under another.',
  effect: 'destroy',
  parameters: { from: text, to: text },
  required: ['from', 'to'],
  answers: { result: text },
  run: async (connection, given) => {
    const from = given
      .needed('from')
      .split(',')
      .flatMap((one) => (one.trim() === '' ? [] : [one.trim()]))
    if (from.length === 0) {
      throw new EngramError('invalid_request', 'from: expected names of projects.', { details: { field: 'from' } })
    }
    const merged = await connection.caller.call('project.merge', { from, to: given.needed('to') })
    const moved = merged.observations + merged.sessions + merged.prompts
    const counts = `${merged.observations} observations, ${merged.sessions} sessions, ${merged.prompts} prompts`
    const result = moved === 0 ? 'Nothing to merge' : `Merged into "${merged.to}": ${counts}`
    return { ...(await shownPlace(connection, merged.to)), result, ...merged }
  },
})

const statsTool = tool({
  name: 'mem_stats',
  profiles: ['admin'],
  description: 'Counts of memory.',
  effect: 'read',
  parameters: { ...readPlace },
  answers: { result: text },
  run: async (connection, given) => {
    const place = await placeOfRead(connection, given)
    if (place.missing !== null) return place.missing
    const stats = await connection.caller.call(
      'memory.stats',
      given.text('project') === undefined ? { all_projects: true } : place.filter,
    )
    const lines = [
      'Memory System Stats:',
      `- Sessions: ${stats.total_sessions}`,
      `- Observations: ${stats.total_observations}`,
      `- Prompts: ${stats.total_prompts}`,
      `- Projects: ${stats.projects.join(', ') || 'none yet'}`,
    ]
    return { ...place.shown, result: fenced(lines.join('\n')), ...stats }
  },
})

const doctorTool = tool({
  name: 'mem_doctor',
  profiles: ['agent'],
  description: 'Check the store without changing it.',
  effect: 'read',
  flat: true,
  parameters: { ...readPlace, check: text },
  answers: { status: text, project: text, summary: { type: 'object' }, checks: list },
  run: async (connection, given) => {
    const place = await placeOfRead(connection, given)
    const filter = place.missing === null ? place.filter : { all_projects: true }
    return connection.caller.call('doctor.report', { ...filter, check: given.text('check') })
  },
})

export const projectTools = [currentTool, listTool, statsTool, mergeTool, doctorTool] as const
