import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
beforeEach(async () => {
  test = openTestEngine({ nowMs: Date.now() })
  await test.engine.call('observation.save', { project: 'alpha', content: 'the harbour crane' })
})
afterEach(() => test.close())

const search = () => test.engine.call('memory.search', { query: 'crane', project: 'alpha' })
const lastSearch = async () => (await test.engine.call('system.status', {})).last.search

it('MEM-1401 a search is noted to the minute, and within it costs no file', async () => {
  await search()
  const first = await lastSearch()
  expect(first).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
  const { mtimeNs } = statSync(join(test.directory, 'last-search'), { bigint: true })
  test.clock.advance(59_000)
  await search()
  expect(statSync(join(test.directory, 'last-search'), { bigint: true }).mtimeNs).toBe(mtimeNs)
  test.clock.advance(61_000)
  await search()
  expect((await lastSearch()) ?? '').not.toBe(first)
  expect(readFileSync(join(test.directory, 'last-search'), 'utf8')).toBe(await lastSearch())
})
