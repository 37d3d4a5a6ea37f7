import type { CommandContext } from '../command.ts'
import type { Painter } from '../paint.ts'
import { wrapText } from '../text-width.ts'

/** What text for people depends on besides the data. */
export type Page = {
  readonly paint: Painter
  /** Null where lines are not broken: in a pipe one record stays on one line. */
  readonly columns: number | null
  readonly timezone: string | undefined
}

export const pageOf = (context: CommandContext): Page => ({
  paint: context.paint,
  columns: context.terminal.isTty ? context.terminal.columns : null,
  timezone: context.config.timezone.value,
})

/** A line, or on a terminal as many as it takes, behind an indent. */
export function indented(page: Page, text: string, indent = '    '): readonly string[] {
  const lines = page.columns === null ? [text] : wrapText(text, page.columns - indent.length)
  return lines.map((line) => `${indent}${line}`)
}
