import type { ResolvedProject } from '../../api/projects.ts'
import { isAbsolute } from 'node:path'
import { EngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import {
  bodyFlag,
  bodyList,
  bodyName,
  optional,
  queryFlag,
  queryText,
  readPlaceOf,
  required,
} from '../request-values.ts'
import { route, type Route, type RouteRequest } from '../route.ts'

export const systemRoutes: readonly Route[] = [
  route('GET', '/health', 'system.health', { guard: 'open', input: () => ({}), failure: 'health check failed' }),
  route('GET', '/status', 'system.status', { guard: 'open', input: () => ({}) }),
  route('GET', '/export', 'backup.export', {
    guard: 'guarded',
    input: readPlaceOf,
    headers: () => ({ 'Content-Disposition': 'attachment; filename="engram-export.json"' }),
  }),
  route('POST', '/import', 'backup.import', {
    guard: 'guarded',
    bodyBytesMax: limits.httpImportBytesMax,
    input: (request) => ({ backup: request.body ?? {}, strict: queryFlag(request, 'strict') }),
  }),
  route('GET', '/doctor', 'doctor.report', {
    guard: 'open',
    input: (request) => ({ ...readPlaceOf(request), ...optional('check', queryText(request, 'check')) }),
  }),
  route('GET', '/projects', 'project.list', {
    guard: 'open',
    input: () => ({}),
    output: (projects) => ({ projects, count: projects.length }),
  }),
  currentProjectRoute(),
  route('POST', '/projects/rescue-ownership', 'project.rescue', {
    guard: 'token',
    bodyBytesMax: limits.httpRescueBytesMax,
    input: rescueInput,
  }),
]

/** Never an error: a plug-in that asks where it is gets an answer it can show (MEM-802, MEM-1303). */
function currentProjectRoute(): Route {
  const found = route('GET', '/project/current', 'project.resolve', {
    guard: 'open',
    input: (request) => ({
      ...optional('directory', directoryOf(request)),
      ...optional('project_override', request.projectOverride),
    }),
    output: currentProject,
  })
  return {
    ...found,
    answer: async (caller, request) => {
      try {
        return await found.answer(caller, request)
      } catch (error) {
        if (!(error instanceof EngramError) || error.row.http >= 500) throw error
        return { status: 200, body: unknownProject(cwdOf(request) ?? '', error.message) }
      }
    },
  }
}

const cwdOf = (request: RouteRequest): string | undefined =>
  queryText(request, 'cwd') ?? queryText(request, 'directory')

/** The directory a server was started in is not that of whoever asks, so nothing is resolved against it. */
function directoryOf(request: RouteRequest): string | undefined {
  const cwd = cwdOf(request)
  if (cwd === undefined || isAbsolute(cwd)) return cwd
  throw new EngramError('invalid_request', 'Expected an absolute path as cwd.', { details: { field: 'cwd' } })
}

const unknownProject = (cwd: string, hint: string) => ({
  project: '',
  project_source: 'dir_basename',
  project_path: '',
  cwd: cwd.slice(0, limits.directoryBytesMax),
  available_projects: [],
  error_hint: hint,
})

function currentProject({ project, project_source, project_path, cwd, available_projects, warnings }: ResolvedProject) {
  const warning = warnings.length === 0 ? undefined : warnings.map((one) => one.message).join(' ')
  return { project, project_source, project_path, cwd, available_projects, ...optional('warning', warning) }
}

const namesMissing = 'old_project and new_project are required'

const renamed = route('POST', '/projects/migrate', 'project.migrate', {
  guard: 'guarded',
  input: (request) => ({
    old_project: required(bodyName(request, 'old_project'), namesMissing),
    new_project: required(bodyName(request, 'new_project'), namesMissing),
  }),
  output: ({ status, reason, ...rest }) => ({ status, ...optional('reason', reason), ...rest }),
})

const rescued = route('POST', '/projects/migrate', 'project.rescue', { guard: 'token', input: rescueInput })

/** One path of two meanings, told apart by the body: a rename in v1.14, later an alias of the rescue (MEM-1303). */
export const migrateRoute: Route = {
  ...renamed,
  bodyBytesMax: limits.httpRescueBytesMax,
  guard: (request) => (isRescue(request) ? 'token' : 'guarded'),
  answer: (caller, request) => (isRescue(request) ? rescued : renamed).answer(caller, request),
}

const isRescue = ({ body }: RouteRequest): boolean => body !== null && Object.hasOwn(body, 'target_project')

function rescueInput(request: RouteRequest) {
  if (bodyFlag(request, 'confirmed') !== true) throw new EngramError('invalid_request', 'confirmed: expected true.')
  return {
    target_project: required(bodyName(request, 'target_project'), 'target_project is required'),
    session_ids: bodyList(request, 'session_ids').map(String),
    observation_ids: bodyList(request, 'observation_ids'),
    prompt_ids: bodyList(request, 'prompt_ids'),
  }
}
