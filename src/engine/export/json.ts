import { categories, type Category } from '../../model/categories.ts'
import type { ArchivedMessage } from '../../model/ports.ts'
import { categoryMarkdown, conversationMarkdown } from './markdown.ts'
import type { ExportedConversation, ExportParts } from './parts.ts'

/** The keys other programs read hold the categories but for questions under other names (ING-EXP-2). */
const knowledgeKeys: readonly (readonly [string, Category | null])[] = [
  ['context', null],
  ['decisions', 'decisions'],
  ['solutions', 'solutions'],
  ['patterns', 'patterns'],
  ['bugs', 'bugs'],
  ['insights', 'insights'],
  ['questions', 'questions'],
  ['procedures', 'procedures'],
  ['preferences', 'preferences'],
]

/** Markdown for who reads knowledge, canonical records for who imports it without loss. */
export function toJson(parts: ExportParts): string {
  const knowledge = knowledgeKeys.map(([key, category]) => [
    key,
    category === null ? contextText(parts) : categoryMarkdown(parts, category),
  ])
  const document = {
    project: parts.project,
    exported_at: parts.exportedAt,
    tool: 'engram',
    tool_url: '',
    knowledge: Object.fromEntries(knowledge) as Readonly<Record<string, string>>,
    conversations: parts.conversations.map((one) => conversationJson(one, parts.project)),
    format_version: 2,
    observations: parts.observations.map(({ category: _category, ...observation }) => observation),
    relations: parts.relations,
    sessions: parts.sessions,
    tombstones: parts.tombstones.map(({ change_seq: _local, hard: _hard, ...tombstone }) => tombstone),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

const contextText = (parts: ExportParts): string =>
  categories
    .map((category) => ({ category, count: parts.observations.filter((one) => one.category === category).length }))
    .filter((one) => one.count > 0)
    .map((one) => `- ${one.category}: ${one.count}`)
    .join('\n')

function conversationJson(one: ExportedConversation, project: string) {
  const { session, messages } = one
  return {
    session_id: session.id,
    content: conversationMarkdown(messages),
    meta: {
      project,
      model: messages.findLast((message) => message.model_name !== undefined)?.model_name ?? '',
      start_time: session.started_at,
      end_time: session.ended_at ?? '',
      turn_count: messages.filter((message) => message.role === 'user').length,
      total_input_tokens: 0,
      total_output_tokens: 0,
      tool_usage: toolUsage(messages),
    },
  }
}

function toolUsage(messages: readonly ArchivedMessage[]): Readonly<Record<string, number>> {
  const names = messages.flatMap((message) =>
    (message.tool_calls ?? []).map((call) => call.function?.name ?? 'unknown'),
  )
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
