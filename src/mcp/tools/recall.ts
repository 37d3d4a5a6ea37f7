import { fenced } from '../../model/fence.ts'
import { searchedPlaces, type SearchAnswer } from '../../api/search.ts'
import type { Observation } from '../../model/records.ts'
import type { Arguments } from '../arguments.ts'
import type { Connection } from '../connection.ts'
import { oneLine } from '../../model/text.ts'
import { entryLines, hitLines, originOf, relationLines } from '../shown.ts'
import { flag, list, readPlace, ref, text, tool, whole, type ToolAnswer } from '../tool.ts'

const contextBytesDefault = 16_384
const searchDefault = 10
const projectsNamed = 8

const contextTool = tool({
  name: 'mem_context',
  profiles: ['core', 'agent'],
  description: 'Recent memory of this project. Call at the start and after compaction.',
  effect: 'read',
  parameters: { ...readPlace, scope: text, max_bytes: whole, compact: flag },
  answers: { result: text },
  run: async (connection, given) => {
    const place = await placeOfRead(connection, given)
    if (place.missing !== null) return place.missing
    const { context } = await connection.caller.call('memory.context', {
      ...place.filter,
      scope: given.text('scope'),
      max_bytes: bytesMaxOf(given.number('max_bytes')),
      compact: given.flag('compact'),
      timezone: connection.timezone,
    })
    const stats = await connection.caller.call('memory.stats', { all_projects: true })
    const named = stats.projects.slice(0, projectsNamed).map(oneLine).join(', ')
    const counted = `${stats.total_sessions} sessions, ${stats.total_observations} observations, projects: ${named || 'none yet'}`
    const shown = context === '' ? 'No previous session memories found.' : fenced(context)
    return { ...place.shown, result: `${shown}\n\nMemory stats: ${counted}`, ...sessionInUse(connection) }
  },
})

/** Never without end: what caps nothing stands for the default. */
const bytesMaxOf = (given: number | undefined): number =>
  given !== undefined && given > 0 ? given : contextBytesDefault

const searchTool = tool({
  name: 'mem_search',
  profiles: ['core', 'agent'],
  description: 'Search memory before asking the person or repeating work.',
  effect: 'read',
  parameters: {
    query: text,
    type: text,
    ...readPlace,
    all_projects: flag,
    scope: text,
    match_mode: { enum: ['any', 'all'] },
    response_format: { enum: ['compact', 'full'] },
    limit: whole,
    in: { enum: ['memory', 'transcripts', 'all'] },
  },
  required: ['query'],
  answers: { result: text, results: list },
  run: async (connection, given) => {
    const query = given.needed('query')
    const where = given.choice('in', ['memory', 'transcripts', 'all'])
    const place = await placeOfRead(connection, given)
    if (place.missing !== null) return { ...place.missing, results: [] }
    const answer = await connection.caller.call('memory.search', {
      ...place.filter,
      query,
      type: given.text('type'),
      scope: given.text('scope'),
      match_mode: given.choice('match_mode', ['any', 'all']),
      limit: given.number('limit') ?? searchDefault,
      ...(where === undefined || where === 'memory' ? {} : { in: [...placesOf[where]] }),
    })
    if (answer.found !== undefined) return { ...place.shown, ...entriesText(answer, query), results: answer.found }
    const isFull = given.choice('response_format', ['compact', 'full']) === 'full'
    return { ...place.shown, ...foundText(answer, query), results: answer.hits.map((hit) => resultOf(hit, isFull)) }
  },
})

/** What an agent may look through beside its memory. */
const placesOf = { transcripts: ['transcripts'], all: searchedPlaces } as const

function entriesText({ found = [], unread_transcripts: unread = 0 }: SearchAnswer, query: string): ToolAnswer {
  const left = unread === 0 ? '' : `\n\n${unread} conversations not read yet; ask again.`
  if (found.length === 0) return { result: `Nothing found for: "${query}"${left}` }
  const lines = found.map((entry, index) => entryLines(entry, index)).join('\n\n')
  return { result: `Found ${found.length}:\n\n${fenced(lines)}${left}` }
}

function foundText(answer: SearchAnswer, query: string): ToolAnswer {
  if (answer.hits.length === 0) return { result: `No memories found for: "${query}"` }
  const count = answer.hits.length
  const hits = answer.hits.map((hit, index) => hitLines(hit, index)).join('\n\n')
  return { result: `Found ${count} ${count === 1 ? 'memory' : 'memories'}:\n\n${fenced(hits)}` }
}

function resultOf(hit: SearchAnswer['hits'][number], isFull: boolean): ToolAnswer {
  return {
    id: hit.id,
    sync_id: hit.sync_id,
    title: hit.title,
    type: hit.type,
    state: hit.ext.state ?? 'active',
    ...(hit.review_after === undefined ? {} : { review_after: hit.review_after }),
    rank: hit.rank,
    ...(hit.project === undefined ? {} : { project: hit.project }),
    ...(hit.ext.author === undefined ? {} : { author: hit.ext.author }),
    ...(isFull ? { content: fenced(hit.content) } : {}),
  }
}

const getTool = tool({
  name: 'mem_get_observation',
  profiles: ['core', 'agent'],
  description: 'The whole text of one memory.',
  effect: 'read',
  parameters: { id: ref, include_history: flag, history_cursor: text, ...readPlace },
  required: ['id'],
  answers: { result: text, id: whole },
  run: async (connection, given) => {
    const cursor = given.text('history_cursor')
    const found = await connection.caller.call('observation.get', {
      id: given.ref('id'),
      include_history: given.flag('include_history'),
      // The Go program counts pages from 0; ours are opaque.
      ...(cursor === undefined || cursor === '0' ? {} : { history_cursor: cursor }),
    })
    const { relations, history, ...observation } = found
    return {
      ...(await storedPlace(connection, observation)),
      result: wholeText(observation, relationLines(relations)),
      id: found.id,
      sync_id: found.sync_id,
      state: found.ext?.state ?? 'active',
      relations,
      ...(history === undefined ? {} : { history }),
    }
  },
})

function wholeText(observation: Observation, relations: readonly string[]): string {
  const head = [
    `#${observation.id} [${oneLine(observation.type)}] ${oneLine(observation.title)}`,
    `Session: ${oneLine(observation.session_id)}`,
    `Created: ${observation.created_at} | Updated: ${observation.updated_at}${originOf(observation.ext)}`,
    `Duplicates: ${observation.duplicate_count} | Revisions: ${observation.revision_count}`,
    ...(observation.topic_key === undefined ? [] : [`Topic: ${oneLine(observation.topic_key)}`]),
    ...(observation.deleted_at === undefined ? [] : [`Deleted: ${observation.deleted_at}`]),
  ]
  return fenced([...head, ...relations, '', observation.content].join('\n'))
}

const timelineTool = tool({
  name: 'mem_timeline',
  profiles: ['admin'],
  description: 'What was kept before and after one memory in its session.',
  effect: 'read',
  parameters: { observation_id: ref, before: whole, after: whole, ...readPlace },
  required: ['observation_id'],
  answers: { result: text, total_in_range: whole },
  run: async (connection, given) => {
    const found = await connection.caller.call('memory.timeline', {
      observation_id: given.ref('observation_id', 'id'),
      before: given.number('before'),
      after: given.number('after'),
    })
    const line = (one: { id: number; type: string; title: string }): string =>
      `  #${one.id} [${oneLine(one.type)}] ${oneLine(one.title)}`
    const session = found.session_info
    const lines = [
      ...(session === null ? [] : [`Session: ${oneLine(session.project)} (${session.started_at})`]),
      `Total observations in session: ${found.total_in_range}`,
      ...(found.before.length === 0 ? [] : ['─── Before ───', ...found.before.map(line)]),
      `>>>${line(found.focus).slice(1)} <<<`,
      ...found.focus.content.split('\n').map((one) => `    ${one}`),
      ...(found.after.length === 0 ? [] : ['─── After ───', ...found.after.map(line)]),
    ]
    const { total_in_range, before, after } = found
    const shown = await storedPlace(connection, found.focus)
    return { ...shown, result: fenced(lines.join('\n')), total_in_range, before, after }
  },
})

export const recallTools = [contextTool, searchTool, getTool, timelineTool] as const

/** The record says itself where it belongs. */
async function storedPlace(connection: Connection, { project }: Pick<Observation, 'project'>): Promise<ToolAnswer> {
  const here = await connection.here()
  return { project: project ?? '', project_source: 'stored_project', project_path: here.project_path }
}

export const sessionInUse = (connection: Connection): ToolAnswer =>
  connection.sessionId === undefined ? {} : { session_id: connection.sessionId }

type ReadPlaceFound = {
  readonly shown: ToolAnswer
  readonly filter: { readonly project_override?: string; readonly all_projects?: boolean }
  /** The answer when the project named is nobody's: empty, with what could be meant (MEM-806). */
  readonly missing: (ToolAnswer & { readonly result: string }) | null
}

/** Where a read looks: what was named, else where the connection stands; `personal` alone looks everywhere (MEM-605). */
export async function placeOfRead(connection: Connection, given: Arguments): Promise<ReadPlaceFound> {
  const named = given.text('project')
  if (given.flag('all_projects') === true) {
    const shown = { project: '', project_source: 'all_projects', project_path: '' }
    return { shown, filter: { all_projects: true }, missing: null }
  }
  const found = await connection.where(named)
  const { project, project_source, project_path } = found
  const shown = { project, project_source, project_path }
  if (named === undefined || found.known) {
    const isEverywhere = project === '' || (named === undefined && given.text('scope') === 'personal')
    return { shown, filter: isEverywhere ? { all_projects: true } : { project_override: project }, missing: null }
  }
  const available_projects = (await connection.caller.call('project.list', {})).map((one) => one.name)
  const result = `No memories found: the project "${oneLine(named)}" is unknown.`
  const warning = `unknown_project: ${JSON.stringify(named)} holds nothing.`
  return { shown, filter: {}, missing: { ...shown, result, warning, available_projects } }
}
