import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPainter } from './paint.ts'
import { renderTable, type Column } from './table.ts'
import { textWidth } from './text-width.ts'

type Row = { readonly name: string; readonly count: number; readonly text: string }

const columns: readonly Column<Row>[] = [
  { title: 'Name', of: (row) => row.name },
  { title: 'Count', of: (row) => String(row.count), align: 'right' },
  { title: 'Text', of: (row) => row.text, flexible: true },
  { title: 'More', of: (row) => row.text, flexible: true, optional: true },
]

const render = (rows: readonly Row[], width: number, colour = false): Promise<string> =>
  renderTable(rows, columns, width, createPainter(colour))

describe('tables (DESIGN §3.3)', () => {
  it('gives room where it can, then leaves columns out', async () => {
    const rows = [{ name: 'alpha', count: 3, text: 'a rather long text that does not fit' }]
    expect(await render(rows, 40)).toMatchInlineSnapshot(`
      "Name   Count  Text      More
      ────────────────────────────────────────
      alpha      3  a rathe…  a rather long t…"
    `)
    expect(await render(rows, 24)).toMatchInlineSnapshot(`
      "Name   Count  Text
      ────────────────────────
      alpha      3  a rather …"
    `)
  })

  it('is never wider than the terminal, whatever stands in it', async () => {
    const row = fc.record({
      name: fc.string({ unit: 'grapheme-ascii' }),
      count: fc.nat(),
      text: fc.string({ unit: fc.constantFrom('a', ' ', '漢', '😀', 'é') }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 20, max: 120 }),
        async (rows, width) => {
          const visible = rows.map((one) => ({ ...one, name: one.name.replace(/\p{C}/gu, '') }))
          for (const line of (await render(visible, width)).split('\n'))
            expect(textWidth(line)).toBeLessThanOrEqual(width)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('colour only adds', async () => {
    const rows = [{ name: 'alpha', count: 3, text: 'text' }]
    // oxlint-disable-next-line no-control-regex -- colours begin with ESC
    expect((await render(rows, 80, true)).replace(/\u001b\[[\d;]*m/g, '')).toBe(await render(rows, 80))
  })
})
