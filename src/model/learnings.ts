/**
 * What an agent says it learnt, in the form that passive capture and transcript extraction both read (MEM-309):
 * a `##`/`###` section named Key Learnings, Learnings, Aprendizajes or Aprendizajes Clave, with numbered items or bullets.
 * One pass over the lines; every step is bounded by the line it looks at.
 */

const learningCharsMin = 20
const learningWordsMin = 4

const sectionNames: ReadonlySet<string> = new Set([
  'key learnings',
  'key learning',
  'learnings',
  'aprendizajes',
  'aprendizajes clave',
])

/**
 * The items of the last learnings section that has any, in their order, with bold, italic and code marks taken off.
 * Numbered items win over bullets within a section. Empty when there is no such section (MEM-309).
 */
export function extractLearnings(text: string): string[] {
  const lines = text.split('\n')
  const starts = lines.flatMap((line, index) => (isLearningsHeader(line) ? [index] : []))
  for (const start of starts.toReversed()) {
    const items = sectionItems(lines, start + 1)
    if (items.length > 0) return items
  }
  return []
}

function isLearningsHeader(line: string): boolean {
  if (!line.startsWith('##') || line.length > 200) return false
  const [, name = ''] = /^#{2,3}\s+(.*)$/.exec(line.trimEnd()) ?? []
  return sectionNames.has(name.replace(/:$/, '').trim().split(/\s+/).join(' ').toLowerCase())
}

function sectionItems(lines: readonly string[], from: number): string[] {
  const numbered: string[] = []
  const bullets: string[] = []
  for (let index = from; index < lines.length; index++) {
    const line = lines[index] ?? ''
    if (/^#{1,3}\s/.test(line)) break
    collectItem(line.trim(), numbered, bullets)
  }
  return numbered.length > 0 ? numbered : bullets
}

function collectItem(line: string, numbered: string[], bullets: string[]): void {
  const mark = /^(?:\d{1,9}[.)]|[-*])\s+/.exec(line)
  if (mark === null) return
  const item = withoutMarks(line.slice(mark[0].length))
  if (Array.from(item).length < learningCharsMin || item.split(' ').length < learningWordsMin) return
  const isNumbered = /^\d/.test(line)
  ;(isNumbered ? numbered : bullets).push(item)
}

/** Paired `**`, `*` and backtick marks go, what they enclose stays; runs of white space become one space. */
function withoutMarks(text: string): string {
  let plain = text
  for (const mark of ['**', '`', '*']) plain = unpaired(plain, mark)
  return plain.split(/\s+/).filter(Boolean).join(' ')
}

/** Takes the marks off that enclose something; a mark without a partner, or around nothing, is text. */
function unpaired(text: string, mark: string): string {
  const parts = text.split(mark)
  let plain = parts[0] ?? ''
  for (let index = 1; index < parts.length; index++) {
    const enclosed = parts[index] ?? ''
    const isPair = enclosed !== '' && index + 1 < parts.length
    plain += isPair ? enclosed + (parts[index + 1] ?? '') : mark + enclosed
    if (isPair) index++
  }
  return plain
}
