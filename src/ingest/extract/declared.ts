import type { Draft } from './candidate.ts'
import { howTo, labelRules } from './labels/patterns.ts'
import type { LabelRule } from './labels/patterns.ts'
import type { DeclaredType } from './labels/language.ts'
import { countWords, plain } from './prose.ts'
import type { Block } from './prose.ts'
import type { Timeline } from './spans.ts'
import { titleFrom } from './title.ts'

const base = 0.8
const wordsMin = 5
const stepsMin = 2
const labelCharsMax = 80
const blocksMax = 40
const statementCharsMax = 4_000

/** From a person only what a person can lay down: a ticket's `Fix: …` is a request, not a finding. */
const humanTypes: ReadonlySet<DeclaredType> = new Set(['decision', 'pattern'])

/** X-DECL: a line or heading with a label (`Decision: …`, `## Root cause`), and what stands under it. */
export function declared(timeline: Timeline): Draft[] {
  return timeline.entries.flatMap((entry, index) => {
    if (entry.kind === 'assistant') return declaredIn(timeline.blocksAt(index), index)
    if (entry.kind === 'human') return declaredIn(timeline.blocksAt(index), index, humanTypes)
    return []
  })
}

export function declaredIn(blocks: readonly Block[], index: number, types?: ReadonlySet<DeclaredType>): Draft[] {
  return blocks.flatMap((block, place) => {
    const found = labelOf(block)
    if (found === null || (types !== undefined && !types.has(found.type))) return []
    return statements(found, blocks, place).flatMap((statement) => toDraft(found, statement, index))
  })
}

type Labelled = {
  readonly type: DeclaredType
  /** As it stands, without marks and colon. */
  readonly label: string
  /** What follows on the same line. */
  readonly rest: string
  /** Each item below is a statement of its own. */
  readonly each: boolean
  /** The label names the procedure itself (`How to …`). */
  readonly named: boolean
}

/** `Label: text`, `**Label**: text`, `**Label:** text`, `Label — text`, a heading or bold line that is a label. */
function labelOf(block: Block): Labelled | null {
  const { label, rest } = splitLabel(block)
  if (label === '' || label.length > labelCharsMax) return null
  if (howTo.test(label) && rest === '' && isOpening(block))
    return { type: 'procedure', label, rest, each: false, named: true }
  const rule = labelRules.find((candidate: LabelRule) => candidate.pattern.test(label))
  if (rule === undefined) return null
  // Without a colon only a heading is a label: "Fix the tests" and "Rule" in a paragraph are words.
  if (rest === '' && !isOpening(block)) return null
  return { type: rule.type, label, rest, each: rule.each && rest === '', named: false }
}

const isOpening = (block: Block): boolean => block.kind === 'heading' || /[:：](?:\*\*)?$/.test(block.text)

function splitLabel(block: Block): { label: string; rest: string } {
  const match =
    /^(.{2,80}?)\s?(?:[:：](?:\*\*|__)?(?:\s|$)|[:：](?=[\p{Script=Han}“「])|\*\*\s?[:：—–-]\s|\s[—–]\s)/u.exec(
      block.text,
    )
  const label = match === null ? (block.kind === 'heading' ? block.text : '') : (match[1] ?? '')
  const rest = match === null ? '' : block.text.slice(match[0].length)
  return { label: labelText(label), rest: rest.replace(/^\*\*\s*/, '').trim() }
}

/** Without marks, numbering and pictures before it. */
const labelText = (label: string): string =>
  plain(label)
    .replace(/^[^\p{L}]{1,8}/u, '')
    .replace(/[\s:：*]{1,8}$/u, '')

function statements(found: Labelled, blocks: readonly Block[], place: number): readonly string[] {
  const below = found.rest === '' ? under(blocks, place) : continued(blocks, place)
  if (found.type === 'procedure') {
    const steps = below.filter((block) => block.kind === 'item')
    return steps.length < stepsMin ? [] : [[found.rest, ...below.map(lineOf)].filter(Boolean).join('\n')]
  }
  if (found.each)
    return below.filter((block) => block.kind === 'item' && labelOf(block) === null).map((block) => block.text)
  const text = [found.rest, ...below.map(lineOf)].filter(Boolean).join('\n')
  return text === '' ? [] : [text]
}

const lineOf = (block: Block): string =>
  block.kind === 'item' ? `${' '.repeat(Math.min(block.indent, 8))}- ${block.text}` : block.text

/** What stands under a label on a line of its own: the next paragraph, or the list that follows. */
function under(blocks: readonly Block[], place: number): readonly Block[] {
  const first = blocks[place + 1]
  if (first === undefined || first.kind === 'heading' || labelOf(first) !== null) return []
  if (first.kind === 'item') return listFrom(blocks, place + 1, first.indent)
  const second = blocks[place + 2]
  const leadsIn = /[:：]$/.test(first.text) && second?.kind === 'item'
  return leadsIn ? [first, ...listFrom(blocks, place + 2, second.indent)] : [first]
}

/** What belongs to a label with text behind it: the deeper items below it, or the list that its colon announces. */
function continued(blocks: readonly Block[], place: number): readonly Block[] {
  const block = blocks[place]
  const next = blocks[place + 1]
  if (block === undefined || next?.kind !== 'item') return []
  if (block.kind === 'item') return next.indent > block.indent ? listFrom(blocks, place + 1, next.indent) : []
  return !next.apart || /[:：]$/.test(block.text) ? listFrom(blocks, place + 1, next.indent) : []
}

function listFrom(blocks: readonly Block[], from: number, indent: number): readonly Block[] {
  let end = from
  while (end < blocks.length && end < from + blocksMax) {
    const block = blocks[end]
    if (block?.kind !== 'item' || block.indent < indent) break
    end++
  }
  return blocks.slice(from, end)
}

function toDraft(found: Labelled, whole: string, index: number): Draft[] {
  const statement = whole.slice(0, statementCharsMax)
  if (countWords(plain(statement)) < wordsMin) return []
  return [
    {
      rule: 'X-DECL',
      type: found.type,
      title: titleFrom(found.named ? found.label : statement),
      content: `${found.label}: ${statement}`,
      base,
      judged: statement,
      asks: found.type === 'question',
      anchor: index,
      from: index,
      to: index,
    },
  ]
}
