import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { z } from 'zod'

/** A set is known by its shape, never by its name (RET-1202). */
export type RetrievalSet = ConversationSet | CodeMemorySet

export type ConversationSet = {
  readonly kind: 'conversations'
  readonly name: string
  readonly hash: string
  readonly conversations: readonly z.infer<typeof conversation>[]
}

export type CodeMemorySet = {
  readonly kind: 'code-memory'
  readonly name: string
  readonly hash: string
  readonly memories: readonly z.infer<typeof memory>[]
  readonly queries: readonly z.infer<typeof query>[]
}

const turn = z.object({ id: z.string(), speaker: z.string(), text: z.string(), image_caption: z.string().optional() })
const session = z.object({ id: z.string(), date: z.string(), turns: z.array(turn) })
const question = z.object({ question: z.string(), category: z.number(), evidence: z.array(z.string()) })
const conversation = z.object({ id: z.string(), sessions: z.array(session), questions: z.array(question) })
const memory = z.object({
  id: z.string(),
  title: z.string(),
  text: z.string(),
  type: z.string(),
  created: z.string(),
})
const query = z.object({
  id: z.string(),
  when: z.string(),
  query: z.string(),
  query_long: z.string(),
  gold: z.array(z.string()),
  split: z.string(),
})

/** Every set anywhere below a folder, in order of name. */
export function findSets(directory: string): readonly RetrievalSet[] {
  return foldersBelow(directory).flatMap((folder) => setsIn(directory, folder))
}

const foldersBelow = (folder: string): readonly string[] => [
  folder,
  ...readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted()
    .flatMap((name) => foldersBelow(join(folder, name))),
]

function setsIn(root: string, folder: string): readonly RetrievalSet[] {
  const [memories, queries] = [join(folder, 'memories.json'), join(folder, 'queries.json')]
  if (existsSync(memories) && existsSync(queries)) {
    const texts = [readFileSync(memories, 'utf8'), readFileSync(queries, 'utf8')] as const
    return [
      {
        kind: 'code-memory',
        name: relative(root, folder) || basename(folder),
        hash: hashOf(texts.join('\0')),
        memories: parse(z.array(memory), memories, texts[0]),
        queries: parse(z.array(query), queries, texts[1]),
      },
    ]
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .flatMap((name) => conversationsIn(join(folder, name)))
}

function conversationsIn(path: string): readonly ConversationSet[] {
  const text = readFileSync(path, 'utf8')
  const root: unknown = JSON.parse(text)
  const first: unknown = Array.isArray(root) ? root[0] : undefined
  if (typeof first !== 'object' || first === null || !('sessions' in first) || !('questions' in first)) return []
  const conversations = parse(z.array(conversation), path, text)
  return [{ kind: 'conversations', name: basename(path, '.json'), hash: hashOf(text), conversations }]
}

/** What is missing is told with file, index and key. */
function parse<T>(schema: z.ZodType<T>, path: string, text: string): T {
  const result = schema.safeParse(JSON.parse(text))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Error(`${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'does not fit'}`)
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

/** `1:56 pm on 8 May, 2023`, taken as UTC; NaN when it is no such text. */
export function conversationTime(text: string): number {
  const match = /^(\d{1,2}):(\d{2}) ([ap]m) on (\d{1,2}) (\w+),? (\d{4})$/i.exec(text.trim())
  if (match === null) return Number.NaN
  const [, hour, minute, half, day, month, year] = match
  const hours = (Number(hour) % 12) + (half?.toLowerCase() === 'pm' ? 12 : 0)
  const midnight = Date.parse(`${day} ${month} ${year} 00:00:00 UTC`)
  return midnight + (hours * 60 + Number(minute)) * 60_000
}
