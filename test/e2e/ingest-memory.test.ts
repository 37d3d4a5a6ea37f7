import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ClaudeSession, uuidOf } from './ingest-lines.ts'
import { dropPlaces, makePlaces, touch } from './ingest-world.ts'

describe('memory', () => {
  it('ING-PRF-1 ING-LIN-1 200 MB in lines of 4 MB take at most 250 MB', () => {
    const places = makePlaces()
    try {
      const path = join(places.claude, 'projects/orchard', `${uuidOf(1)}.jsonl`)
      mkdirSync(dirname(path), { recursive: true })
      const session = new ClaudeSession(1).human('Show me everything.')
      const file = openSync(path, 'w')
      writeSync(file, session.text)
      for (let line = 0; line < 50; line++) {
        session.lines.length = 1 + 2 * line
        const begin = session.text.length
        session.runs(`cat part-${line}`, `${line} apples and ü pears\n`.repeat(170_000))
        writeSync(file, session.text.slice(begin))
        // The lines themselves need not be kept.
        session.lines.fill('', 0)
      }
      closeSync(file)
      touch(path)
      const child = spawnSync(process.execPath, ['test/e2e/ingest-worker.ts', JSON.stringify(places)], {
        encoding: 'utf8',
        maxBuffer: 1024 * 1024,
      })
      expect(child.stderr).toBe('')
      const told = JSON.parse(child.stdout.split('\n')[1] ?? '{}') as { peakRssBytes: number; archived: number; errors: unknown }
      expect(told).toMatchObject({ archived: 101, errors: [] })
      expect(told.peakRssBytes).toBeLessThanOrEqual(250 * 1024 * 1024)
    } finally {
      dropPlaces(places)
    }
  })
})
