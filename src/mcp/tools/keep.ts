import type { SaveResult } from '../../api/observations.ts'
import type { Input } from '../../api/operations.ts'
import type { Connection } from '../connection.ts'
import { oneLine } from '../../model/text.ts'
import { warningOf } from '../shown.ts'
import { flag, list, ref, text, tool, whole, writePlace, type ToolAnswer } from '../tool.ts'

const saveTool = tool({
  name: 'mem_save',
  profiles: ['core', 'agent'],
  description:
    'Keep a decision, fix, discovery, convention or preference. content: What, Why, Where, Learned. The same topic_key revises.',
  effect: 'write',
  parameters: {
    title: text,
    content: text,
    type: { type: 'string', default: 'manual' },
    session_id: text,
    scope: { enum: ['project', 'personal', 'global'] },
    topic_key: text,
    ...writePlace,
    capture_prompt: flag,
    author: text,
    ttl: text,
    expires_at: text,
    operation_id: text,
  },
  required: ['title', 'content'],
  answers: { result: text, sync_id: text, outcome: text, session_id: text },
  run: async (connection, given) => {
    const saved = await saveBy(connection, {
      title: given.text('title') ?? '',
      content: given.text('content', 'observation') ?? '',
      type: given.text('type'),
      scope: given.text('scope'),
      topic_key: given.text('topic_key'),
      project: given.text('project'),
      session_id: given.text('session_id'),
      author: given.text('author'),
      ttl: given.text('ttl'),
      expires_at: given.text('expires_at'),
      operation_id: given.text('operation_id'),
    })
    return savedAnswer(connection, saved)
  },
})

/** One save of this connection, in its session. */
async function saveBy(connection: Connection, input: Input<'observation.save'>): Promise<SaveResult> {
  const session_id = await connection.sessionOfWrite(input.session_id)
  const given = { ...connection.place, ...connection.agentPid, ...input, session_id }
  const saved = await connection.caller.call('observation.save', given)
  await connection.wrote(input.session_id, saved.session_id, saved.warnings)
  return saved
}

async function savedAnswer(connection: Connection, saved: SaveResult): Promise<ToolAnswer> {
  const { title, type, suggested_topic_key: suggested, warnings, candidates, ...rest } = saved
  const lines = [
    saved.outcome === 'queued'
      ? `Memory queued: "${oneLine(title)}" (${oneLine(type)})`
      : `Memory saved: "${oneLine(title)}" (${oneLine(type)})`,
    ...(suggested === undefined ? [] : [`Suggested topic_key: ${suggested}`]),
    ...reviewLines(saved),
  ]
  const { project, project_source, available_projects, ...extras } = rest
  const { project_path } = await connection.here()
  return {
    project,
    project_source,
    project_path,
    result: lines.join('\n'),
    ...warningOf(warnings),
    ...extras,
    candidates,
    ...(available_projects === undefined ? {} : { available_projects }),
  }
}

/** At most one notice per save (MEM-903). */
function reviewLines({ candidates, judgment_required }: SaveResult): readonly string[] {
  if (!judgment_required || candidates.length === 0) return []
  return [
    `CONFLICT REVIEW PENDING — ${candidates.length} candidate(s): judge each by mem_judge with its judgment_id. ` +
      'Ask the person when your confidence is below 0.7, or before supersedes or conflicts_with on an architecture, ' +
      'policy or decision; otherwise decide yourself.',
  ]
}

const summaryTool = tool({
  name: 'mem_session_summary',
  profiles: ['core', 'agent'],
  description:
    'Summarise the session before it ends: Goal, Instructions, Discoveries, Accomplished, Next Steps, Relevant Files.',
  effect: 'write',
  parameters: { content: text, session_id: text, ...writePlace },
  required: ['content'],
  answers: { result: text, sync_id: text, outcome: text, session_id: text },
  run: async (connection, given) => {
    const content = given.needed('content')
    const named = given.text('project')
    const { project } = await connection.where(named)
    const saved = await saveBy(connection, {
      title: `Session summary: ${project}`,
      content,
      type: 'session_summary',
      ...(named === undefined ? {} : { project: named }),
      session_id: given.text('session_id'),
    })
    connection.summary = content
    return savedAnswer(connection, saved)
  },
})

const captureTool = tool({
  name: 'mem_capture_passive',
  profiles: ['agent'],
  description: 'Keep the items under a "## Key Learnings:" heading of a text.',
  effect: 'write',
  parameters: { content: text, session_id: text, source: text, project: text },
  required: ['content'],
  answers: { result: text, extracted: whole, saved: whole, duplicates: whole },
  run: async (connection, given) => {
    const content = given.needed('content')
    const named = given.text('session_id')
    const session_id = await connection.sessionOfWrite(named)
    const counts = await connection.caller.call('observation.capture', {
      ...connection.place,
      content,
      session_id,
      source: given.text('source'),
      project: given.text('project'),
    })
    await connection.wrote(named, session_id, [])
    const { extracted, saved, duplicates } = counts
    const result = `Extracted ${extracted} learnings: ${saved} saved, ${duplicates} duplicates`
    return { ...(await shownPlace(connection, given.text('project'))), result, ...counts, session_id }
  },
})

const promptTool = tool({
  name: 'mem_save_prompt',
  profiles: ['agent'],
  description: 'Keep what the person asked.',
  effect: 'write',
  parameters: { content: text, session_id: text, ...writePlace },
  required: ['content'],
  answers: { result: text, id: whole, session_id: text },
  run: async (connection, given) => {
    const content = given.needed('content')
    const named = given.text('session_id')
    const session_id = await connection.sessionOfWrite(named)
    const saved = await connection.caller.call('prompt.save', {
      ...connection.place,
      ...connection.agentPid,
      content,
      session_id,
      project: given.text('project'),
    })
    await connection.wrote(named, saved.session_id, saved.warnings)
    const { warnings, ...extras } = saved
    const result = saved.status === 'repeated' ? 'Prompt was known' : 'Prompt saved'
    return { ...(await shownPlace(connection, given.text('project'))), result, ...warningOf(warnings), ...extras }
  },
})

const suggestTool = tool({
  name: 'mem_suggest_topic_key',
  profiles: ['agent'],
  description: 'A topic_key for a subject that will be revised.',
  effect: 'read',
  parameters: { type: text, title: text, content: text },
  answers: { result: text, topic_key: text },
  run: async (connection, given) => {
    const { topic_key } = await connection.caller.call('observation.suggest-topic', {
      type: given.text('type'),
      title: given.text('title'),
      content: given.text('content'),
    })
    return { ...(await shownPlace(connection, undefined)), result: `Suggested topic_key: ${topic_key}`, topic_key }
  },
})

const updateTool = tool({
  name: 'mem_update',
  profiles: ['agent'],
  description: 'Change fields of a memory; find and replace edit its text in place.',
  effect: 'write',
  parameters: {
    id: ref,
    expected_project: text,
    title: text,
    content: text,
    find: text,
    replace: text,
    type: text,
    scope: text,
    topic_key: text,
    project: text,
  },
  required: ['id'],
  answers: { result: text, id: whole, updated_fields: list },
  run: async (connection, given) => {
    const expected = given.text('expected_project')
    const updated = await connection.caller.call('observation.update', {
      id: given.ref('id'),
      expected_project: expected,
      title: given.text('title'),
      content: given.text('content'),
      find: given.text('find'),
      // Nothing is a fine thing to put in the place of what was found.
      replace: given.text('find') === undefined ? undefined : (given.text('replace') ?? ''),
      type: given.text('type'),
      scope: given.text('scope'),
      topic_key: given.text('topic_key'),
      // With the project it is expected in, another one moves it (MEM-403); alone it says where the agent stands.
      project: expected === undefined ? undefined : given.text('project'),
    })
    const { observation, updated_fields, truncation, redacted, warnings } = updated
    return {
      ...(await shownPlace(connection, observation.project)),
      result: `Memory updated: #${observation.id} "${oneLine(observation.title)}" (${oneLine(observation.type)}, scope=${observation.scope})`,
      ...warningOf(warnings),
      id: observation.id,
      sync_id: observation.sync_id,
      updated_fields,
      ...(truncation === undefined ? {} : { truncation }),
      redacted,
    }
  },
})

const pinOf = (name: 'mem_pin' | 'mem_unpin', pinned: boolean, description: string) =>
  tool({
    name,
    profiles: ['agent'],
    description,
    effect: 'write',
    idempotent: true,
    parameters: { id: ref },
    required: ['id'],
    answers: { result: text, id: whole, sync_id: text, pinned: flag },
    run: async (connection, given) => {
      const done = await connection.caller.call('observation.pin', { id: given.ref('id'), pinned })
      const result = `Memory #${done.id} ${pinned ? 'pinned' : 'unpinned'}`
      return { ...(await shownPlace(connection, undefined)), result, ...done }
    },
  })

const deleteTool = tool({
  name: 'mem_delete',
  profiles: ['admin'],
  description: 'Delete a memory; hard_delete removes it for ever, on every machine.',
  effect: 'destroy',
  parameters: { id: ref, expected_project: text, hard_delete: flag },
  required: ['id'],
  answers: { result: text, id: whole, hard_delete: flag },
  run: async (connection, given) => {
    const done = await connection.caller.call('observation.delete', {
      id: given.ref('id'),
      expected_project: given.text('expected_project'),
      hard: given.flag('hard_delete'),
    })
    return { ...(await shownPlace(connection, undefined)), result: `Memory #${done.id} deleted`, ...done }
  },
})

const reviewTool = tool({
  name: 'mem_review',
  profiles: ['agent'],
  description: 'Memories whose review is due (list), or mark one as reviewed (mark_reviewed).',
  effect: 'write',
  idempotent: true,
  parameters: {
    action: { enum: ['list', 'mark_reviewed'] },
    project: text,
    limit: whole,
    observation_id: ref,
  },
  required: ['action'],
  answers: { result: text },
  run: async (connection, given) => {
    const place = await shownPlace(connection, given.text('project'))
    if (given.choice('action', ['list', 'mark_reviewed']) === 'mark_reviewed') {
      const done = await connection.caller.call('observation.mark-reviewed', { id: given.ref('observation_id', 'id') })
      const next = done.review_after === undefined ? {} : { review_after: done.review_after }
      return { ...place, result: `Memory #${done.id} reviewed`, id: done.id, ...next }
    }
    const { project } = await connection.where(given.text('project'))
    const due = await connection.caller.call('observation.review-due', {
      ...(project === '' ? { all_projects: true } : { project_override: project }),
      limit: given.number('limit') ?? 10,
    })
    const observations = due.map(({ id, sync_id, title, type, review_after }) => ({
      id,
      sync_id,
      title,
      type,
      review_after,
    }))
    return { ...place, result: `${due.length} memories are due for review`, observations }
  },
})

export const keepTools = [
  saveTool,
  summaryTool,
  captureTool,
  promptTool,
  suggestTool,
  updateTool,
  reviewTool,
  pinOf('mem_pin', true, 'Pin a memory: it always stands in the context.'),
  pinOf('mem_unpin', false, 'Unpin a memory.'),
  deleteTool,
] as const

export async function shownPlace(connection: Connection, named: string | undefined): Promise<ToolAnswer> {
  const { project, project_source, project_path } = await connection.where(named)
  return { project, project_source, project_path }
}
