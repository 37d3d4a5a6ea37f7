import { ask, askInVain, type Asked, type Mode, type Refusals } from './asked.ts'
import type { Ground } from './ground.ts'
import { PlainIndex } from './plain.ts'
import { conversationTime, type ConversationSet } from './sets.ts'

const dayMs = 86_400_000
const turnMs = 30_000
const categories = [1, 2, 3, 4]

export type ConversationRun = {
  readonly asked: readonly Asked[]
  readonly skipped: number
  readonly elsewhere: Readonly<Record<Mode, Refusals>>
}

type Filled = {
  readonly project: string
  readonly ids: ReadonlyMap<string, number>
  readonly plain: PlainIndex
  readonly endMs: number
}

/** One project per conversation, one save per turn, then every question a day after the last session (RET-1203). */
export async function runConversations(
  ground: Ground,
  set: ConversationSet,
  modes: readonly Mode[],
  explains: boolean,
): Promise<ConversationRun> {
  const filled: Filled[] = []
  for (const conversation of set.conversations) filled.push(await fill(ground, conversation))
  await ground.settle()
  const asked: Asked[] = []
  let skipped = 0
  const elsewhere = { lexical: { asked: 0, refused: 0 }, hybrid: { asked: 0, refused: 0 } }
  for (const [at, conversation] of set.conversations.entries()) {
    const own = filled[at]
    const next = filled[(at + 1) % filled.length]
    if (own === undefined || next === undefined) continue
    ground.at(own.endMs + dayMs)
    for (const question of conversation.questions) {
      if (!categories.includes(question.category)) continue
      const gold = question.evidence.flatMap((id) => own.ids.get(id) ?? [])
      if (gold.length === 0) {
        skipped++
        continue
      }
      const plain = own.plain.find(question.question)
      for (const mode of modes) {
        const told = { text: question.question, project: own.project, gold, plain }
        const more = { category: question.category, conversation: conversation.id, isHard: false }
        asked.push({ ...(await ask(ground, mode, told, explains)), ...more })
        if (next === own) continue
        elsewhere[mode].asked++
        if (await askInVain(ground, mode, question.question, next.project)) elsewhere[mode].refused++
      }
    }
  }
  for (const one of filled) one.plain.close()
  return { asked, skipped, elsewhere }
}

async function fill(ground: Ground, conversation: ConversationSet['conversations'][number]): Promise<Filled> {
  const project = conversation.id
  const ids = new Map<string, number>()
  const plain = new PlainIndex()
  let endMs = 0
  for (const session of conversation.sessions) {
    const startMs = conversationTime(session.date)
    if (Number.isNaN(startMs)) throw new Error(`${project} ${session.id}: ${session.date} is no date`)
    const sessionId = `${project}-${session.id}`
    await ground.at(startMs).startSession(sessionId, project)
    for (const [at, turn] of session.turns.entries()) {
      const picture = turn.image_caption === undefined ? '' : ` [shares ${turn.image_caption}]`
      const content = `${turn.text}${picture}`
      const said = { type: 'turn', title: turn.speaker, author: turn.speaker, content }
      endMs = Math.max(endMs, startMs + at * turnMs)
      const id = await ground.at(startMs + at * turnMs).save({ ...said, project, session_id: sessionId })
      ids.set(turn.id, id)
      plain.add(id, turn.speaker, content)
    }
  }
  return { project, ids, plain, endMs }
}
