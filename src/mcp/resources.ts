import { fenced } from '../model/fence.ts'
import { EngramError } from '../model/errors.ts'
import type { Connection } from './connection.ts'

const observationPattern = /^engram:\/\/observation\/([^/?#]{1,128})$/
const projectPattern = /^engram:\/\/context\/([^/?#]{1,300})$/

export const resourceList = [
  { uri: 'engram://context', name: 'Memory of this project', mimeType: 'text/markdown' },
  { uri: 'engram://projects', name: 'Projects memory knows', mimeType: 'application/json' },
]

export const resourceTemplates = [
  { uriTemplate: 'engram://context/{project}', name: 'Memory of a project', mimeType: 'text/markdown' },
  { uriTemplate: 'engram://observation/{id}', name: 'One memory, whole', mimeType: 'text/markdown' },
]

export type ResourceText = { readonly uri: string; readonly mimeType: string; readonly text: string }

/** One resource by its address. Rejects with `not_found`. */
export async function readResource(connection: Connection, uri: string): Promise<ResourceText> {
  const markdown = (text: string): ResourceText => ({ uri, mimeType: 'text/markdown', text })
  if (uri === 'engram://context') return markdown(await contextOf(connection, undefined))
  if (uri === 'engram://projects') {
    const projects = await connection.caller.call('project.list', {})
    return { uri, mimeType: 'application/json', text: JSON.stringify(projects) }
  }
  const project = projectPattern.exec(uri)?.[1]
  if (project !== undefined) return markdown(await contextOf(connection, decoded(project)))
  const id = observationPattern.exec(uri)?.[1]
  if (id === undefined) throw new EngramError('not_found', `No resource ${JSON.stringify(uri.slice(0, 200))}.`)
  const found = await connection.caller.call('observation.get', { id: /^\d+$/.test(id) ? Number(id) : decoded(id) })
  return markdown(fenced(`# ${found.title}\n\n${found.content}`))
}

async function contextOf(connection: Connection, named: string | undefined): Promise<string> {
  const { project } = await connection.where(named)
  const place = project === '' ? { all_projects: true } : { project_override: project }
  const { context } = await connection.caller.call('memory.context', { ...place, max_bytes: 16_384 })
  return fenced(context)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
