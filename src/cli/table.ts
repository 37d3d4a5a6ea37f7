import type { CommandContext } from './command.ts'
import type { Painter } from './paint.ts'
import { fitText, textWidth } from './text-width.ts'

/** One column of a list; cells are visible text in one line. */
export type Column<Row> = {
  readonly title: string
  readonly of: (row: Row) => string
  readonly align?: 'right'
  /** Gives room when the terminal is narrow. */
  readonly flexible?: boolean
  /** Left out when even that is not enough; the last such column goes first. */
  readonly optional?: boolean
}

const gap = '  '
const flexibleMin = 8
const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: gap,
}

/** A table with a head on a terminal, one plain line for each row elsewhere. */
export async function printList<Row>(
  context: CommandContext,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  plain: (row: Row) => string,
): Promise<void> {
  if (rows.length === 0) return
  if (!context.terminal.isTty) return context.print(rows.map(plain).join('\n'))
  context.print(await renderTable(rows, columns, context.terminal.columns, context.paint))
}

/** Head, rule, rows; never wider than `width`. The package is read only when somebody looks. */
export async function renderTable<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  width: number,
  paint: Painter,
): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const { columns, widths } = layOut(rows, all, width)
  const fitted = (texts: readonly string[]): string[] => texts.map((text, at) => fitText(text, widths[at] ?? 0))
  const table = new Table({
    chars: noLines,
    colWidths: [...widths],
    colAligns: columns.map((column) => column.align ?? 'left'),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  table.push(fitted(columns.map((column) => column.title)))
  for (const row of rows) table.push(fitted(columns.map((column) => column.of(row))))
  const [head = '', ...body] = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
  return [paint.title(head), paint.dim('─'.repeat(Math.min(width, totalOf(widths)))), ...body].join('\n')
}

type Layout<Row> = { readonly columns: readonly Column<Row>[]; readonly widths: readonly number[] }

const totalOf = (widths: readonly number[]): number =>
  widths.reduce((sum, one) => sum + one, gap.length * Math.max(0, widths.length - 1))

/** Natural widths; then flexible columns give room, optional ones go, and at last the widest give. */
function layOut<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width: number): Layout<Row> {
  const widths = columns.map((column) =>
    Math.max(1, textWidth(column.title), ...rows.map((row) => textWidth(column.of(row)))),
  )
  for (const [at, column] of columns.entries()) {
    if (column.flexible === true) giveRoom(widths, at, totalOf(widths) - width, flexibleMin)
  }
  const dropped = totalOf(widths) > width ? columns.findLastIndex((column) => column.optional === true) : -1
  if (dropped !== -1) return layOut(rows, columns.toSpliced(dropped, 1), width)
  while (totalOf(widths) > width && Math.max(...widths) > 1) {
    giveRoom(widths, widths.indexOf(Math.max(...widths)), 1, 1)
  }
  return { columns, widths }
}

function giveRoom(widths: number[], at: number, excess: number, min: number): void {
  const now = widths[at] ?? 0
  widths[at] = now - Math.max(0, Math.min(excess, now - min))
}
