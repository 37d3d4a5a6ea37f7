import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { ReadTx } from '../store/transaction.ts'
import { openTestEngine } from './testing/test-engine.ts'

const saves = 10_000
const words = 'alpha bravo cargo delta ember frost glade haven inlet joker karma lumen mango night ocean prism'.split(
  ' ',
)

/** Half a kilobyte that is like no other: pseudo-random words and a number. */
function textOf(index: number): string {
  let state = index + 1
  const picked = Array.from({ length: 60 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return `${words[(state >>> 16) % words.length]}${(state >>> 8) % 97}`
  })
  return `Case ${index}: ${picked.join(' ')}.`
}

/** Rows in each table that is no index. */
function rowCounts(tx: ReadTx): Readonly<Record<string, number>> {
  const tables = tx.all<{ name: string }>(
    `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
  )
  // Which rows hold whose text in the index (RET-204): dropping it loses nothing.
  const derived = new Set(['observation_context', 'index_state'])
  const counts = tables
    .filter(({ name }) => !derived.has(name))
    .map(({ name }) => [name, tx.get<{ n: number }>(`SELECT count(*) AS n FROM "${name}"`)?.n ?? 0] as const)
  return Object.fromEntries(counts)
}

/** Bytes of rows and of index entries, without what pages leave unused. */
const storedBytes = (tx: ReadTx): number =>
  tx.get<{ n: number }>('SELECT sum(payload) AS n FROM dbstat WHERE aggregate = TRUE')?.n ?? 0

it('MEM-109 10,000 saves without a remote: the file holds content and index, and nothing else grows', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-growth-'))
  try {
    const test = openTestEngine({ dataDir })
    const before = test.deps.store.read(rowCounts)
    for (let block = 0; block < saves; block += 50) {
      // Nothing alike, so that no pair is noted for a judgment (MEM-902).
      const made = Array.from({ length: 50 }, (_, at) => textOf(block + at)).map((content) => ({
        title: content.split(' ').slice(2, 6).join(''),
        content,
      }))
      await Promise.all(made.map((one) => test.engine.call('observation.save', { project: 'acme', ...one })))
      test.clock.advance(1_000)
    }
    const { counts, bytes } = test.deps.store.read((tx) => ({ counts: rowCounts(tx), bytes: storedBytes(tx) }))
    await test.close()
    const fileBytes = statSync(join(dataDir, 'engram.db')).size
    console.log(`MEM-109 file ${fileBytes} B, content and index ${bytes} B: ${(fileBytes / bytes).toFixed(2)}`)
    expect(counts).toEqual({ ...before, observations: saves, projects: 1, sessions: 1 })
    expect(fileBytes / bytes).toBeLessThanOrEqual(1.3)
    expect(readdirSync(dataDir).filter((name) => name.startsWith('spool') || name.endsWith('.json'))).toEqual([])
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}, 120_000)
