import { oneLine } from '../../model/text.ts'
import { warningOf } from '../shown.ts'
import { text, tool } from '../tool.ts'
import { shownPlace } from './keep.ts'

const startTool = tool({
  name: 'mem_session_start',
  profiles: ['agent'],
  description: 'Name the session this connection writes to.',
  effect: 'write',
  idempotent: true,
  parameters: { id: text, directory: text, project: text },
  required: ['id'],
  answers: { result: text, session_id: text },
  run: async (connection, given) => {
    const directory = given.text('directory')
    const project = given.text('project')
    const started = await connection.caller.call('session.start', {
      id: given.needed('id', 'session_id'),
      ...connection.place,
      ...(directory === undefined ? {} : { directory }),
      ...(project === undefined ? {} : { project }),
      ...(connection.agent === undefined ? {} : { agent: connection.agent }),
      ...connection.agentPid,
    })
    await connection.rebind(started.id)
    const { project_path } = await connection.here()
    return {
      project: started.project,
      project_source: started.project_source,
      project_path,
      result: `Session "${oneLine(started.id)}" started for project "${started.project}"`,
      ...warningOf(started.warnings),
      session_id: started.id,
    }
  },
})

const endTool = tool({
  name: 'mem_session_end',
  profiles: ['agent'],
  description: 'End a session.',
  effect: 'write',
  idempotent: true,
  parameters: { id: text, summary: text },
  required: ['id'],
  answers: { result: text, session_id: text },
  run: async (connection, given) => {
    const ended = await connection.caller.call('session.end', {
      id: given.needed('id', 'session_id'),
      summary: given.text('summary'),
    })
    const place = await shownPlace(connection, undefined)
    return { ...place, result: `Session "${oneLine(ended.id)}" completed`, session_id: ended.id, status: ended.status }
  },
})

export const sessionTools = [startTool, endTool] as const
