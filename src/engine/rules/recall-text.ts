import type { Category } from '../../model/categories.ts'
import { cutCodePoints, estimateTokens, oneLine } from '../../model/text.ts'
import type { ObservationRow, SessionRow } from '../../store/rows.ts'
import { autoMark } from './provenance.ts'

export type RecallItem = { readonly row: ObservationRow; readonly category: Category }

const bulletCharsMax = 600
const summaryCharsMax = 1_500
const summaryShareMax = 0.25
const linesPerRecordMax = 5

const headings: Readonly<Record<Category, string>> = {
  decisions: 'Decisions',
  solutions: 'Solutions',
  patterns: 'Patterns',
  bugs: 'Bugs',
  insights: 'Insights',
  questions: 'Open questions',
  procedures: 'Procedures',
  preferences: 'Preferences',
}

/** Questions stand last, before the summary of the last session (ING-CMD-1). */
const order: readonly Category[] = [
  'decisions',
  'solutions',
  'patterns',
  'bugs',
  'insights',
  'procedures',
  'preferences',
  'questions',
]

export type RecallBounds = {
  readonly tokens: number
  /** The origin of this data dir: what came from others stands apart, last. Null: no difference is made. */
  readonly here: string | null
}

/** Markdown by category, whole bullets only, never above the budget; empty when there is nothing. */
export function renderRecall(
  project: string,
  items: readonly RecallItem[],
  lastSession: SessionRow | null,
  bounds: RecallBounds,
): { readonly text: string; readonly items: readonly RecallItem[] } {
  if (items.length === 0 && lastSession === null) return { text: '', items: [] }
  const closing = lastSession === null ? '' : summarySection(lastSession)
  const title = `# ${oneLine(project)} - Project Context\n`
  // The summary stands last, but a long one must not take the place of every memory.
  const reserved = Math.min(estimateTokens(closing), Math.floor(bounds.tokens * summaryShareMax))
  let room = bounds.tokens - estimateTokens(title) - reserved
  const chosen: RecallItem[] = []
  const blocks: string[] = []
  for (const section of sectionsOf(items, bounds.here)) {
    const bullets: string[] = []
    const heading = `\n## ${section.heading}\n\n`
    for (const item of section.items) {
      const text = `${bulletOf(item.row)}\n`
      const cost = estimateTokens(text) + (bullets.length === 0 ? estimateTokens(heading) : 0)
      if (cost > room) continue
      room -= cost
      bullets.push(text)
      chosen.push(item)
    }
    if (bullets.length > 0) blocks.push(heading + bullets.join(''))
  }
  const closingFits = estimateTokens(closing) <= room + reserved
  const text = title + blocks.join('') + (closingFits ? closing : '')
  return { text: estimateTokens(text) > bounds.tokens ? '' : text, items: chosen }
}

type Section = { readonly heading: string; readonly items: readonly RecallItem[] }

/** By category; what other machines wrote, where it is told apart, behind all of ours. */
function sectionsOf(items: readonly RecallItem[], here: string | null): readonly Section[] {
  const isOurs = ({ row }: RecallItem): boolean => here === null || row.origin === here
  const of = (category: Category): readonly RecallItem[] => items.filter((one) => one.category === category)
  return [
    ...order.map((category) => ({ heading: headings[category], items: of(category).filter(isOurs) })),
    { heading: 'From other machines', items: order.flatMap((category) => of(category).filter((one) => !isOurs(one))) },
  ]
}

const bulletOf = (row: ObservationRow): string =>
  `- **${oneLine(row.title)}**${autoMark(row)} — ${shortLine(row.content, bulletCharsMax)}`

const summarySection = (session: SessionRow): string =>
  `\n## Last session\n\n- ${session.started_at}: ${shortLine(session.summary ?? '', summaryCharsMax)}\n`

const shortLine = (text: string, chars: number): string => oneLine(cutCodePoints(text.trim(), chars))

/** Up to 5 lines of title and content that contain the text, whatever its case (ING-CMD-3). */
export function linesWith(row: Pick<ObservationRow, 'title' | 'content'>, query: string): readonly string[] {
  const wanted = query.toLowerCase()
  const lines = [row.title, ...row.content.split('\n')].map((line) => line.trim())
  return lines.filter((line) => line.toLowerCase().includes(wanted)).slice(0, linesPerRecordMax)
}
