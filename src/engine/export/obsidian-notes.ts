import { cutUtf8 } from '../../model/text.ts'
import type { ObservationRow, SessionRow } from '../../store/rows.ts'

/** A vault's notes by their path below `<vault>/engram/` (MEM-1403). */
export type Notes = {
  readonly observations: ReadonlyMap<string, string>
  readonly sessions: ReadonlyMap<string, string>
  readonly topics: ReadonlyMap<string, string>
}

const slugBytesMax = 120
const notesOfTopicMin = 2

/** Pure: the same records give the same notes, so that untouched files stay untouched. */
export function notesOf(observations: readonly ObservationRow[], sessions: ReadonlyMap<string, SessionRow>): Notes {
  const paths = new Map(observations.map((row) => [row.id, notePath(row)]))
  const topics = topicGroups(observations)
  const notes = new Map(
    observations.map((row) => [paths.get(row.id) ?? '', noteOf(row, sessions.has(row.session_id), topics)] as const),
  )
  const bySession = Map.groupBy(observations, (row) => row.session_id)
  const hubs = [...bySession].flatMap(([id, rows]) => {
    const session = sessions.get(id)
    return session === undefined ? [] : [[`_sessions/${fileSlug(id)}.md`, sessionHub(session, rows, paths)] as const]
  })
  const topicHubs = [...topics].map(([prefix, rows]) => [topicPath(prefix), topicHub(prefix, rows, paths)] as const)
  return { observations: notes, sessions: new Map(hubs), topics: new Map(topicHubs) }
}

/** Where the notes of a project lie. */
export const projectFolder = (project: string | null): string => `${fileSlug(project ?? 'unsorted')}/`

export const notePath = (row: ObservationRow): string =>
  `${projectFolder(row.project)}${fileSlug(row.type)}/${fileSlug(row.title)}-${row.id}.md`

/** Letters and digits of every script stay; what a file system or a link minds becomes `-`. */
export function fileSlug(text: string): string {
  const words =
    text
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}_]+/gu) ?? []
  return cutUtf8(words.join('-'), slugBytesMax).replace(/-+$/, '') || 'note'
}

function noteOf(
  row: ObservationRow,
  hasSession: boolean,
  topics: ReadonlyMap<string, readonly ObservationRow[]>,
): string {
  const prefix = topicPrefix(row.topic_key)
  const links = [
    ...(hasSession ? [`*Session*: [[_sessions/${fileSlug(row.session_id)}|${wikiText(row.session_id)}]]`] : []),
    ...(prefix !== null && topics.has(prefix)
      ? [`*Topic*: [[${topicPath(prefix).replace(/\.md$/, '')}|${wikiText(prefix)}]]`]
      : []),
  ]
  const closing = links.length === 0 ? '' : `\n---\n${links.join('\n')}\n`
  return `${frontMatter(row)}\n# ${oneLine(row.title)}\n\n${row.content.trim()}\n${closing}`
}

function frontMatter(row: ObservationRow): string {
  const fields: readonly (readonly [string, string | number | readonly string[] | null])[] = [
    ['id', row.id],
    ['type', row.type],
    ['project', row.project],
    ['scope', row.scope],
    ['topic_key', row.topic_key],
    ['session_id', row.session_id],
    ['created_at', row.created_at],
    ['updated_at', row.updated_at],
    ['revision_count', row.revision_count],
    ['tags', [row.project ?? 'unsorted', row.type]],
    ['aliases', [row.title]],
  ]
  const lines = fields.flatMap(([key, value]) => (value === null ? [] : [`${key}: ${yamlValue(value)}`]))
  return `---\n${lines.join('\n')}\n---\n`
}

/** JSON is YAML: a quoted text can hold nothing that ends the front matter. */
const yamlValue = (value: string | number | readonly string[]): string =>
  typeof value === 'number' ? String(value) : JSON.stringify(value)

/** Topic keys share a hub by what stands before the last `/`. */
function topicPrefix(key: string | null): string | null {
  if (key === null) return null
  const at = key.lastIndexOf('/')
  return at > 0 ? key.slice(0, at) : key
}

function topicGroups(observations: readonly ObservationRow[]): ReadonlyMap<string, readonly ObservationRow[]> {
  const groups = Map.groupBy(
    observations.filter((row) => row.topic_key !== null),
    (row) => topicPrefix(row.topic_key) ?? '',
  )
  return new Map([...groups].filter(([, rows]) => rows.length >= notesOfTopicMin))
}

const topicPath = (prefix: string): string => `_topics/${prefix.split('/').map(fileSlug).join('--')}.md`

function sessionHub(session: SessionRow, rows: readonly ObservationRow[], paths: ReadonlyMap<number, string>): string {
  const summary = (session.summary ?? '').trim()
  const told = summary === '' ? '' : `${summary}\n\n`
  return `# Session ${oneLine(session.id)}\n\n${session.project} · ${session.started_at}\n\n${told}${linkList(rows, paths)}`
}

const topicHub = (prefix: string, rows: readonly ObservationRow[], paths: ReadonlyMap<number, string>): string =>
  `# ${oneLine(prefix)}\n\n${linkList(rows, paths)}`

const linkList = (rows: readonly ObservationRow[], paths: ReadonlyMap<number, string>): string =>
  rows.map((row) => `- [[${(paths.get(row.id) ?? '').replace(/\.md$/, '')}|${wikiText(row.title)}]]\n`).join('')

const oneLine = (text: string): string => text.trim().replace(/\s*\r?\n\s*/g, ' ')

/** What a wiki link may show: brackets and bars would end it. */
const wikiText = (text: string): string => oneLine(text).replace(/[[\]|]/g, ' ')
