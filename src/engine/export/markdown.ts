import { categories, type Category } from '../../model/categories.ts'
import type { ArchivedMessage } from '../../model/ports.ts'
import type { Observation } from '../../model/records.ts'
import { oneLine } from '../../model/text.ts'
import type { ExportParts } from './parts.ts'

export const categoryTitles: Readonly<Record<Category, string>> = {
  decisions: 'Decisions',
  solutions: 'Solutions',
  patterns: 'Patterns',
  bugs: 'Bugs',
  insights: 'Insights',
  questions: 'Questions',
  procedures: 'Procedures',
  preferences: 'Preferences',
}

/** One document: categories as headings, each memory with id, date and origin (ING-EXP-3). */
export function toMarkdown(parts: ExportParts): string {
  const sections = categories.flatMap((category) => {
    const text = categoryMarkdown(parts, category)
    return text === '' ? [] : [`## ${categoryTitles[category]}\n\n${text}`]
  })
  return [
    `# ${oneLine(parts.project)}\n`,
    `*Exported ${parts.exportedAt} by Engram ${parts.version}: ${parts.observations.length} memories.*\n`,
    ...sections,
    sessionsMarkdown(parts),
    ...parts.conversations.map(
      (one) => `## Conversation ${oneLine(one.session.id)}\n\n${conversationMarkdown(one.messages)}`,
    ),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

/** ` · auto 0.75` beside what nobody has reviewed (ING-EXT-7). */
export function autoNote(one: Observation): string {
  const { confidence, provenance } = one.ext ?? {}
  return confidence === undefined || provenance?.review !== 'unreviewed' ? '' : ` · auto ${confidence.toFixed(2)}`
}

/** The memories of one category as Markdown, '' when there are none. */
export function categoryMarkdown(parts: ExportParts, category: Category): string {
  return parts.observations
    .filter((one) => one.category === category)
    .map((one) => {
      const auto = autoNote(one)
      const author = one.ext?.author === undefined ? '' : ` · ${oneLine(one.ext.author)}`
      const head = `### ${oneLine(one.title)}\n\n*#${one.id} · ${oneLine(one.type)} · ${one.created_at}${author}${auto}*\n`
      return `${head}\n${closeBlocks(one.content.trim())}\n`
    })
    .join('\n')
}

function sessionsMarkdown(parts: ExportParts): string {
  const told = parts.sessions.filter((session) => (session.summary ?? '') !== '')
  if (told.length === 0) return ''
  const entries = told.map(
    (session) => `### ${oneLine(session.started_at)}\n\n${closeBlocks((session.summary ?? '').trim())}\n`,
  )
  return `## Sessions\n\n${entries.join('\n')}`
}

export function conversationMarkdown(messages: readonly ArchivedMessage[]): string {
  return messages
    .map((message) => {
      const calls = (message.tool_calls ?? []).map((call) => `\`${call.function?.name ?? 'call'}\``).join(' ')
      const text = [message.content.trim(), calls].filter((part) => part !== '').join('\n\n')
      return `**${oneLine(message.role)}**${message.created_at === undefined ? '' : ` *${message.created_at}*`}\n\n${closeBlocks(text)}\n`
    })
    .join('\n')
}

/**
 * A record that leaves a code fence, a comment or a block of raw HTML open must not swallow what comes after it
 * (RET-757): what is open at its end is closed there.
 */
function closeBlocks(text: string): string {
  const fence = openFence(text)
  const closed = fence === null ? text : `${text}\n${fence}`
  const lower = closed.toLowerCase()
  const endings = rawBlocks
    .filter(([open, end]) => lower.lastIndexOf(open) > lower.lastIndexOf(end))
    .map(([, end]) => end)
  return endings.length === 0 ? closed : `${closed}\n${endings.join('\n')}`
}

const rawBlocks: readonly (readonly [open: string, end: string])[] = [
  ['<!--', '-->'],
  ['<![cdata[', ']]>'],
  ['<?', '?>'],
  ['<script', '</script>'],
  ['<style', '</style>'],
  ['<textarea', '</textarea>'],
  ['<pre', '</pre>'],
]

/** The fence that stands open at the end. Only the same mark, at least as long and alone on its line, closes one. */
function openFence(text: string): string | null {
  let open: string | null = null
  for (const line of text.split('\n')) {
    const [, mark = '', rest = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (mark === '') continue
    if (open === null) open = mark.startsWith('`') && rest.includes('`') ? null : mark
    else if (mark.startsWith(open) && rest.trim() === '') open = null
  }
  return open
}
