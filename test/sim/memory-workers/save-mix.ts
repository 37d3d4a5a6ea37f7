import type { Caller } from '../../../src/api/caller.ts'
import type { LogLine, SaveKind } from './log-lines.ts'

export const project = 'simulation'
export const sharedTexts = 4
export const sharedTopics = 4
/** A topic is shared within one project and scope: half of the keys live in the other scope. */
export const topicScope = (key: string): 'project' | 'personal' => (Number(key) % 2 === 0 ? 'project' : 'personal')

const syllables = 'ba de fi go hu ka le mi no pu ra se ti vo xu za'.split(' ')

/** An invented word of three syllables; 4,096 of them, so that texts differ as memories do. */
const inventedWord = (number: number): string =>
  [number >> 8, number >> 4, number].map((part) => syllables[part & 15]).join('')

/** Some words that differ from number to number. */
export const inventedWords = (number: number, length = 12): string =>
  Array.from({ length }, (_, at) => inventedWord((number * 2_654_435 + at * 40_503) >>> 3)).join(' ')

export type Wanted = {
  readonly kind: SaveKind
  readonly key: string
  readonly content: string
  readonly syncId: string
}
export type Told = { readonly syncId: string; readonly outcome: string; readonly count: number }

/** What the `n`th call of a writer saves. `last` is the sync id of its last own memory, or ''. */
export function wantedSave(writer: number, n: number, chance: number, last: string): Wanted {
  const own = `${writer}-${n}`
  const kind = kindOf(chance, last)
  const key = keyOf(kind, own, last, n)
  const content =
    kind === 'repeat' ? `The shared text number ${key}.` : `${inventedWords(writer * 7_919 + n)} (${kind} ${own})`
  return { kind, key, content, syncId: kind === 'update' ? last : '' }
}

function kindOf(chance: number, last: string): SaveKind {
  if (chance < 0.45) return 'new'
  if (chance < 0.65) return 'repeat'
  if (chance < 0.8) return 'topic'
  if (chance < 0.9 || last === '') return 'prompt'
  return 'update'
}

function keyOf(kind: SaveKind, own: string, last: string, n: number): string {
  if (kind === 'repeat') return String(n % sharedTexts)
  if (kind === 'topic') return String(n % sharedTopics)
  return kind === 'update' ? last : own
}

/** The first words of a text. */
export const titleOf = (content: string): string => content.split(' ').slice(0, 3).join(' ')

/** Makes the call. */
export async function callSave(caller: Caller, writer: number, wanted: Wanted): Promise<Told> {
  const { kind, key, content } = wanted
  const place = { project, session_id: `session-${writer % 5}` }
  if (kind === 'prompt') {
    const saved = await caller.call('prompt.save', { ...place, content })
    return { syncId: saved.sync_id, outcome: saved.status, count: 1 }
  }
  if (kind === 'update') {
    const { observation } = await caller.call('observation.update', { id: wanted.syncId, content })
    return { syncId: observation.sync_id, outcome: 'updated', count: observation.revision_count }
  }
  const shared = kind === 'topic' ? { topic_key: `shared/topic-${key}`, scope: topicScope(key) } : {}
  const title = kind === 'new' ? titleOf(content) : `Shared ${kind} ${key}`
  const saved = await caller.call('observation.save', { ...place, ...shared, title, content, type: 'discovery' })
  return {
    syncId: saved.sync_id,
    outcome: saved.outcome,
    count: kind === 'repeat' ? saved.duplicate_count : saved.revision_count,
  }
}

export const tryLine = ({ kind, key, content }: Wanted): LogLine => ({ t: 'try', kind, key, content })
