import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { neighbourIds } from '../store/full-text-neighbours.ts'
import type { ObservationRow } from '../store/rows.ts'
import { openTestEngine } from './testing/test-engine.ts'

it.each([
  [150, 1],
  [250, 0],
])('RET-202 with %i of another scope between them, a record finds %i of its own', async (between, found) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-neighbours-'))
  const test = openTestEngine({ dataDir })
  const save = (title: string, scope: string): Promise<{ readonly id: number | null }> =>
    test.engine.call('observation.save', {
      title,
      content: `${title} of ${scope}`,
      scope,
      project: 'p',
      session_id: 's',
    })
  const first = await save('first', 'personal')
  for (let at = 0; at < between; at += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, n) => save(`between ${at + n}`, 'project')))
  }
  const last = await save('last', 'personal')
  const ids = test.deps.store.read((tx) => {
    const row = tx.get<ObservationRow>('SELECT * FROM observations WHERE id = ?', last.id)
    return row === undefined ? [] : neighbourIds(tx, row)
  })
  expect(ids).toEqual([first.id ?? 0].slice(0, found))
  await test.close()
  rmSync(dataDir, { recursive: true, force: true })
})
