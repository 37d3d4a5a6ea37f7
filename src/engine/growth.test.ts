import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { utf8Bytes } from '../model/text.ts'
import { openTestEngine } from './testing/test-engine.ts'

const saves = 10_000
const words = 'alpha bravo cargo delta ember frost glade haven inlet joker karma lumen mango night ocean prism'.split(
  ' ',
)

/** About a kilobyte that is like no other: pseudo-random words and a number. */
function textOf(index: number): string {
  let state = index + 1
  const picked = Array.from({ length: 150 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return `${words[(state >>> 16) % words.length]}${(state >>> 8) % 97}`
  })
  return `Case ${index}: ${picked.join(' ')}.`
}

it('MEM-109 10,000 saves without a remote: the file is no larger than its content and index, and nothing else grows', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-growth-'))
  try {
    const test = openTestEngine({ dataDir })
    let contentBytes = 0
    for (let block = 0; block < saves; block += 50) {
      const made = Array.from({ length: 50 }, (_, at) => ({
        title: `Case number ${block + at}`,
        content: textOf(block + at),
      }))
      await Promise.all(made.map((one) => test.engine.call('observation.save', { project: 'acme', ...one })))
      contentBytes += made.reduce((sum, one) => sum + utf8Bytes(one.title) + utf8Bytes(one.content), 0)
      test.clock.advance(1_000)
    }
    const figures = test.deps.store.read((tx) => {
      const tables = tx.all<{ name: string }>(
        `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
           AND name NOT LIKE 'observation_fts%' AND name NOT LIKE 'observation_gram%' AND name NOT LIKE 'prompt_fts%'
           AND name NOT LIKE 'observation_words' AND name NOT LIKE 'schema%' ORDER BY name`,
      )
      const counts = tables.map(
        ({ name }) => [name, tx.get<{ n: number }>(`SELECT count(*) AS n FROM "${name}"`)?.n ?? 0] as const,
      )
      const index = tx.get<{ n: number }>(
        `SELECT sum(octet_length(block)) AS n FROM (
           SELECT block FROM observation_fts_data UNION ALL SELECT block FROM observation_grams_data)`,
      )
      return { counts: Object.fromEntries(counts.filter(([, n]) => n > 0)), indexBytes: index?.n ?? 0 }
    })
    await test.close()
    const fileBytes = statSync(join(dataDir, 'engram.db')).size
    const ratio = fileBytes / (contentBytes + figures.indexBytes)
    console.log(
      `MEM-109 file ${fileBytes} B, content ${contentBytes} B, index ${figures.indexBytes} B: ${ratio.toFixed(2)}`,
    )
    // What a save may leave beside its row is derived: which rows hold its text as a neighbour (RET-204).
    const { observation_context: _derived, index_state: _state, meta: _meta, ...kept } = figures.counts
    expect(kept).toEqual({ observations: saves, projects: 1, sessions: 1 })
    expect(ratio).toBeLessThanOrEqual(1.3)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}, 120_000)
