import { cutCodePoints, cutUtf8, oneLine, utf8Bytes } from '../../model/text.ts'
import { parseTime } from '../../model/times.ts'
import type { ObservationRow, PromptRow, SessionRow } from '../../store/rows.ts'
import { autoMark } from './provenance.ts'

export type ContextParts = {
  readonly sessions: readonly (SessionRow & { readonly observation_count: number })[]
  readonly prompts: readonly PromptRow[]
  readonly pinned: readonly ObservationRow[]
  readonly observations: readonly ObservationRow[]
}

export type ContextOptions = {
  /** Titles only. */
  readonly compact: boolean
  readonly maxBytes: number | null
  readonly timezone: string | undefined
}

type SectionName = 'sessions' | 'prompts' | 'pinned' | 'observations'
type Section = { readonly name: SectionName; readonly heading: string; readonly bullets: readonly string[] }

const previewChars = { summary: 200, prompt: 200, observation: 300 }
const truncatedMark = '\n[truncated]\n'

/** The order sections are printed in, and the order in which a budget keeps their bullets (MEM-610). */
const printed: readonly SectionName[] = ['sessions', 'prompts', 'pinned', 'observations']
const kept: readonly SectionName[] = ['pinned', 'sessions', 'observations', 'prompts']

/** Markdown for an agent, whole bullets within the budget; empty for an empty store (MEM-610). */
export function renderContext(title: string, parts: ContextParts, options: ContextOptions): string {
  const sections = sectionsOf(parts, options)
  if (sections.every((section) => section.bullets.length === 0)) return ''
  const whole = join(title, sections)
  if (options.maxBytes === null || utf8Bytes(whole) <= options.maxBytes) return whole
  return withinBudget(title, sections, options.maxBytes)
}

function sectionsOf(parts: ContextParts, options: ContextOptions): readonly Section[] {
  const time = (text: string): string => localTime(text, options.timezone)
  const preview = (text: string, chars: number): string =>
    options.compact ? '' : oneLine(cutCodePoints(text.trim(), chars))
  return [
    {
      name: 'sessions',
      heading: '### Recent Sessions',
      bullets: parts.sessions.map((row) => {
        const summary = oneLine(cutCodePoints((row.summary ?? '').trim(), previewChars.summary))
        const said = summary === '' || options.compact ? '' : `: ${summary}`
        return `- **${oneLine(row.project)}** (${time(row.started_at)})${said} [${row.observation_count} observations]`
      }),
    },
    {
      name: 'prompts',
      heading: '### Recent User Prompts',
      bullets: parts.prompts.map(
        (row) => `- ${time(row.created_at)}: ${oneLine(cutCodePoints(row.content.trim(), previewChars.prompt))}`,
      ),
    },
    { name: 'pinned', heading: '### Pinned', bullets: parts.pinned.map((row) => bullet(row, preview)) },
    {
      name: 'observations',
      heading: '### Recent Observations',
      bullets: parts.observations.map((row) => bullet(row, preview)),
    },
  ]
}

function bullet(row: ObservationRow, preview: (text: string, chars: number) => string): string {
  const text = preview(row.content, previewChars.observation)
  return `- [${oneLine(row.type)}] **${oneLine(row.title)}**${autoMark(row)}${text === '' ? '' : `: ${text}`}`
}

function join(title: string, sections: readonly Section[]): string {
  const shown = printed.map((name) => sections.find((section) => section.name === name))
  const blocks = shown.flatMap((section) =>
    section === undefined || section.bullets.length === 0
      ? []
      : [`${section.heading}\n${section.bullets.join('\n')}\n\n`],
  )
  return `## ${title}\n\n${blocks.join('')}`
}

/** Keeps whole bullets in order of worth; only when not one fits is the first of them cut. */
function withinBudget(title: string, sections: readonly Section[], maxBytes: number): string {
  const room = maxBytes - utf8Bytes(truncatedMark)
  const ranked = kept.flatMap((name) => sections.filter((section) => section.name === name))
  const chosen: Section[] = []
  let used = utf8Bytes(join(title, []))
  for (const section of ranked) {
    const bullets: string[] = []
    for (const text of section.bullets) {
      const bytes = utf8Bytes(text) + 1 + (bullets.length === 0 ? utf8Bytes(section.heading) + 2 : 0)
      if (used + bytes > room) break
      used += bytes
      bullets.push(text)
    }
    chosen.push({ ...section, bullets })
  }
  if (chosen.some((section) => section.bullets.length > 0)) return join(title, chosen) + truncatedMark.slice(1)
  const first = ranked.filter((section) => section.bullets.length > 0).slice(0, 1)
  return cutUtf8(join(title, first), Math.max(0, room)) + truncatedMark.slice(0, maxBytes)
}

/** A stored time as people read it in a zone; a zone nobody knows is the machine's (MEM-612). None: as it is stored. */
export function localTime(text: string, timezone: string | undefined): string {
  const ms = parseTime(text)
  return ms === null || timezone === undefined || timezone === '' ? text : formatterOf(timezone).format(ms)
}

const formatters = new Map<string, Intl.DateTimeFormat>()
const formattersMax = 16

function formatterOf(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone)
  if (known !== undefined) return known
  const formatter = newFormatter(timezone)
  if (formatters.size < formattersMax) formatters.set(timezone, formatter)
  return formatter
}

function newFormatter(timezone: string): Intl.DateTimeFormat {
  const style = { dateStyle: 'short', timeStyle: 'medium' } as const
  try {
    return new Intl.DateTimeFormat('sv-SE', { ...style, timeZone: timezone })
  } catch {
    return new Intl.DateTimeFormat('sv-SE', style)
  }
}
