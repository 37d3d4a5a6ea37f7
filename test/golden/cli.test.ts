import { describe, expect, it } from 'vitest'
import { createPainter } from '../../src/cli/paint.ts'
import { renderTable } from '../../src/cli/table.ts'
import { renderConflict, renderRelation, renderRelationStats } from '../../src/cli/text/conflicts.ts'
import { renderDoctor, renderRepair } from '../../src/cli/text/doctor.ts'
import { renderFound } from '../../src/cli/text/found.ts'
import { queryRemarks, renderHits, searchRemarks } from '../../src/cli/text/hits.ts'
import { renderIngest } from '../../src/cli/text/ingest.ts'
import { loginUnits } from '../../src/cli/text/login-unit.ts'
import { renderHistory, renderObservation } from '../../src/cli/text/observation.ts'
import type { Page } from '../../src/cli/text/page.ts'
import { renderStatus } from '../../src/cli/text/status.ts'
import { renderTimeline } from '../../src/cli/text/timeline.ts'
import { testTerminal, untouchable } from '../../src/cli/testing/person.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import * as samples from './cli-samples.ts'

/**
 * What people read, byte for byte. A changed file here is a changed face: look at it before taking it.
 * ESC is written as ␛ so that a reviewer can see the colours.
 */
const texts: Readonly<Record<string, (page: Page) => string | Promise<string>>> = {
  search: (page) =>
    renderHits(samples.answer, { ...page, query: 'pool', versionsInConflict: new Map([['cfl-0123456789abcdef', 3]]) }),
  'search-kinds': (page) => renderFound(samples.mixed, { ...page, query: 'pool', versionsInConflict: new Map() }),
  'search-kinds-remarks': () => searchRemarks(samples.mixed).join('\n'),
  'search-nothing': (page) =>
    renderHits(
      { ...samples.answer, hits: [] },
      { ...page, query: 'how "large"\nis it', versionsInConflict: new Map() },
    ),
  'search-remarks': () => [...searchRemarks(samples.answer), ...queryRemarks(samples.answer)].join('\n'),
  show: (page) => renderObservation(samples.detail, page),
  history: (page) => renderHistory(samples.history, page),
  timeline: (page) => renderTimeline(samples.timeline, page),
  status: (page) => renderStatus(samples.status, { ...page, nowMs: Date.UTC(2026, 10, 20, 12, 30) }),
  doctor: (page) => renderDoctor(samples.doctor, page),
  repair: (page) => renderRepair(samples.repair, page),
  conflict: (page) => renderConflict(samples.conflict, page),
  relation: (page) => renderRelation(samples.relation, page),
  'relation-stats': () => renderRelationStats(samples.relationStats),
  ingest: (page) => renderIngest(samples.ingest, page, { verbose: true }),
  'ingest-upgrade': (page) => renderIngest(samples.ingestUpgrade, page, { verbose: true }),
  'ingest-dry-run': (page) => renderIngest({ ...samples.ingest, dry_run: true }, page, { verbose: false }),
  table: (page) => renderTable(samples.rows, samples.columns, page.columns ?? 100, page.paint),
}

const pages: Readonly<Record<string, Page>> = {
  pipe: { paint: createPainter(false), columns: null, timezone: undefined },
  '80': { paint: createPainter(false), columns: 80, timezone: 'Europe/Madrid' },
  '120': { paint: createPainter(false), columns: 120, timezone: undefined },
  '120-colour': { paint: createPainter(true), columns: 120, timezone: undefined },
}

const shown = (text: string): string => `${text.replaceAll('\u001b', '␛')}\n`

describe.each(Object.entries(pages))('MEM-1401 text at %s', (name, page) => {
  it.each(Object.entries(texts))('%s', async (text, render) => {
    await expect(shown(await render(page))).toMatchFileSnapshot(`cli/${text}.${name}.txt`)
  })
})

describe('MEM-1401 help', () => {
  it.each([
    ['engram', []],
    ['search', ['help', 'search']],
    ['projects', ['projects', '--help']],
    ['doctor-repair', ['doctor', 'repair', '-h']],
  ])('%s', async (name, words) => {
    for (const columns of [80, 120]) {
      const terminal = testTerminal({ columns, isTty: true })
      await runCommandLine(words, terminal, untouchable, new AbortController().signal)
      await expect(shown(terminal.printed.out)).toMatchFileSnapshot(`cli/help-${name}.${columns}.txt`)
    }
  })
})

describe('MEM-1402 units that run the server', () => {
  it.each(['systemd', 'launchd', 'windows'] as const)('%s', async (kind) => {
    const unit = {
      command: ['/opt/node 24/bin/node', '/disk/ana/50% & "more"/engram.js', 'serve'],
      watched: '/disk/ana/50% & "more"/engram.js',
      dataDir: '/disk/ana/my data/$x',
    }
    await expect(loginUnits[kind](unit)).toMatchFileSnapshot(`cli/unit.${kind}.txt`)
  })
})
