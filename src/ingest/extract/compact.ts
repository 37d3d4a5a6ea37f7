import type { Draft } from './candidate.ts'
import { plain } from './prose.ts'
import type { Timeline } from './spans.ts'
import { cutWords, titleCharsMax } from './title.ts'

const base = 0.65
const itemsMax = 40

const sections: readonly { readonly name: RegExp; readonly type: string }[] = [
  { name: /^errors? (?:and|&) fix(?:es)?$/i, type: 'bugfix' },
  { name: /^problem[- ]solving$/i, type: 'pattern' },
]

/** X-COMPACT: bullets with a bold label under `Errors and fixes` and `Problem Solving` of a compact summary. */
export function compact(timeline: Timeline): Draft[] {
  return timeline.entries.flatMap((entry, index) => {
    if (entry.kind !== 'note' || entry.note !== 'compact-summary') return []
    return labelledItems(entry.text).map(({ type, label, text }) => ({
      rule: 'X-COMPACT',
      type,
      title: cutWords(label, titleCharsMax),
      content: `**${label}**: ${text}`,
      base,
      judged: `${label}: ${text}`,
      anchor: index,
      from: index,
      to: index,
    }))
  })
}

type Item = { readonly type: string; readonly label: string; readonly text: string }

function labelledItems(summary: string): readonly Item[] {
  const items: { type: string; indent: number; lines: string[] }[] = []
  let type: string | null = null
  for (const line of summary.split('\n')) {
    const trimmed = line.trim()
    const indent = line.length - line.trimStart().length
    const heading = sectionName(trimmed)
    if (heading !== null && (type === null || indent <= 2))
      type = sections.find((section) => section.name.test(heading))?.type ?? null
    else if (type !== null && trimmed !== '') collect(items, type, trimmed, indent)
  }
  return items.slice(0, itemsMax).flatMap((item) => splitItem(item.type, item.lines.join(' ')))
}

/** The name of a section that begins here: `4. Errors and fixes:`, `## Errors and fixes`, `**Errors and fixes**`. */
function sectionName(trimmed: string): string | null {
  if (trimmed.length > 80) return null
  const match = /^(?:\d{1,2}[.)]\s+|#{1,6}\s+(?:\d{1,2}[.)]\s+)?|(?=\*\*[^*]{2,60}\*\*:?$))(.+)$/.exec(trimmed)
  return match === null
    ? null
    : plain(match[1] ?? '')
        .replace(/:$/, '')
        .trim()
}

function collect(
  items: { type: string; indent: number; lines: string[] }[],
  type: string,
  trimmed: string,
  indent: number,
): void {
  const last = items.at(-1)
  const bullet = /^[-*•]\s+/.exec(trimmed)?.[0]
  if (bullet !== undefined && (last === undefined || indent <= last.indent || last.type !== type)) {
    items.push({ type, indent, lines: [trimmed.slice(bullet.length)] })
  } else last?.lines.push(bullet === undefined ? trimmed : trimmed.slice(bullet.length))
}

function splitItem(type: string, text: string): Item[] {
  const match = /^\*\*([^*]{3,300})\*\*\s{0,4}:?\s{0,4}/.exec(text)
  if (match === null) return []
  const label = plain(match[1] ?? '').replace(/:$/, '')
  const rest = text.slice(match[0].length).trim()
  return rest === '' ? [] : [{ type, label, text: rest }]
}
