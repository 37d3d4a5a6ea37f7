import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ClaudeSession, uuidOf } from './ingest-lines.ts'
import { dropPlaces, makePlaces, touch, type Places } from './ingest-world.ts'

const mebi = 1024 * 1024

describe('memory', () => {
  it('ING-PRF-1 ING-LIN-1 200 MB in lines of 4 MB take at most 250 MB', () => {
    const places = makePlaces()
    try {
      writeLong(places)
      const child = spawnSync(process.execPath, ['test/e2e/ingest-worker.ts', JSON.stringify(places)], {
        encoding: 'utf8',
        maxBuffer: mebi,
      })
      expect(child.stderr).toBe('')
      const told = JSON.parse(child.stdout.split('\n')[1] ?? '{}') as {
        readonly peakRssBytes: number
        readonly archived: number
        readonly errors: unknown
      }
      expect(told).toMatchObject({ archived: 101, errors: [] })
      expect(told.peakRssBytes).toBeLessThanOrEqual(250 * mebi)
    } finally {
      dropPlaces(places)
    }
  })
})

/** A file of 50 results of 4 MB each. */
function writeLong(places: Places): void {
  const path = join(places.claude, 'projects/orchard', `${uuidOf(1)}.jsonl`)
  mkdirSync(dirname(path), { recursive: true })
  const session = new ClaudeSession(1).human('Show me everything.')
  const file = openSync(path, 'w')
  writeSync(file, session.text)
  for (let part = 0; part < 50; part++) {
    const before = session.lines.length
    session.calls('Show', { part }, '')
    session.lines.pop()
    const result = {
      type: 'tool_result',
      tool_use_id: `toolu_0001_${before}`,
      content: `${part} apples, ü pears\n`.repeat(210_000),
    }
    session.add({ type: 'user', message: { role: 'user', content: [result] } })
    for (const line of session.lines.slice(before)) writeSync(file, `${line}\n`)
    session.lines.fill('')
  }
  closeSync(file)
  touch(path)
}
