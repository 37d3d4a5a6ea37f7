import type { SearchAnswer, SearchHit } from '../../src/api/search.ts'
import type { Ground } from './ground.ts'
import type { Answered } from './measures.ts'

export type Mode = 'lexical' | 'hybrid'
export type Order = 'replay' | 'static'
export type Field = 'query' | 'query_long'

/** One question in one way, and what came. */
export type Asked = Answered & {
  readonly question: string
  readonly mode: Mode
  readonly order?: Order
  readonly field?: Field
  readonly category?: number
  readonly conversation?: string
  readonly isHard: boolean
  /** The plain index's answer to the same question at the same moment. */
  readonly plain: Answered
  readonly confidence: SearchAnswer['confidence']
  readonly ms: number
  readonly miss?: Miss
}

/** A question whose gold is not in the first 10, with the reasons of gold and of the first three (RET-1205). */
export type Miss = { readonly gold: readonly Reason[]; readonly first: readonly Reason[] }
type Reason = Pick<SearchHit, 'id' | 'title'> & { readonly place: number; readonly why: unknown }

/** Questions asked where no answer can be, by where they come from (RET-702). */
export type Refusals = { asked: number; refused: number }

const listMax = 100

export type Question = {
  readonly text: string
  readonly project: string
  readonly gold: readonly number[]
  readonly plain: readonly number[]
}

/** Asks by one mode; an answer found another way than asked for is no figure of that mode, so it ends the run. */
export async function ask(ground: Ground, mode: Mode, question: Question, explains: boolean) {
  const { answer, ms } = await ground.search({
    query: question.text,
    project: question.project,
    mode,
    limit: listMax,
    explain: explains,
  })
  const isAsAsked = answer.mode === mode || answer.mode_reason === 'language' || answer.hits.length === 0
  if (!isAsAsked) throw new Error(`${mode} was asked, ${answer.mode} came: ${answer.degraded ?? answer.mode_reason}`)
  const list = answer.hits.map((hit) => hit.id)
  const found = placesOf(question.gold, list)
  const isMiss = explains && !found.places.some((place) => place !== null && place <= 10)
  return {
    ...found,
    question: question.text,
    mode,
    plain: placesOf(question.gold, question.plain),
    confidence: answer.confidence,
    ms,
    ...(isMiss ? { miss: missOf(answer, question.gold) } : {}),
  }
}

/** Whether a question nobody can answer there is refused. */
export async function askInVain(ground: Ground, mode: Mode, text: string, project: string): Promise<boolean> {
  const { answer } = await ground.search({ query: text, project, mode, limit: 3 })
  return answer.confidence !== 'ok'
}

function placesOf(gold: readonly number[], list: readonly number[]): Answered {
  const places = gold.map((id) => list.indexOf(id) + 1)
  return { places: places.map((place) => (place === 0 ? null : place)) }
}

function missOf(answer: SearchAnswer, gold: readonly number[]): Miss {
  const reasons = answer.hits.map((hit, at): Reason => {
    const { id, title } = hit
    return { id, title, place: at + 1, why: hit.ext.explanation }
  })
  return { gold: reasons.filter(({ id }) => gold.includes(id)), first: reasons.slice(0, 3) }
}
