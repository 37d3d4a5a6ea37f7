import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEngine, type OpenedEngine } from '../open-engine.ts'
import { systemRandom } from '../platform/random.ts'
import { Turns } from '../platform/turns.ts'

/** Two engines at one data dir, as two processes have them. */
let dataDir = ''
let one: OpenedEngine
let two: OpenedEngine
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'engram-shared-saves-'))
  one = await openEngine({ dataDir, environment: {} })
  two = await openEngine({ dataDir, environment: {} })
})
afterEach(async () => {
  await one.close()
  await two.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const letters = (): readonly string[] =>
  readdirSync(join(dataDir, 'queue')).map((name) => readFileSync(join(dataDir, 'queue', name), 'utf8'))

/** What `work` of the second asks while it stands behind the first, and what it gets. */
async function behind<T>(
  work: () => Promise<T>,
): Promise<{ readonly letter: string; readonly result: T; jobs: number }> {
  await pause(30)
  const turn = await new Turns(join(dataDir, 'queue'), systemRandom).take(1_000)
  let jobs = 0
  one.deps.store.watchCommits((commit) => (jobs = commit.jobs))
  const first = one.caller.call('observation.save', {
    title: 'First',
    content: `first ${performance.now()}`,
    project: 'p',
  })
  while (letters().length < 2) await pause(2)
  const waiting = work()
  while (letters().length < 3) await pause(2)
  const letter = letters().at(-1) ?? ''
  turn.release()
  await first
  return { letter, result: await waiting, jobs }
}

describe('saves that another process does', () => {
  it('L1 a save has the answer and leaves the memory that it would have had by itself', async () => {
    const save = {
      title: 'Pier',
      content: 'We moor at the north pier.',
      type: 'decision',
      project: 'p',
      session_id: 's',
    }
    const { result, jobs } = await behind(() => two.caller.call('observation.save', save))
    expect(jobs).toBe(2)
    const again = await two.caller.call('observation.save', save)
    expect(again).toEqual({
      ...result,
      outcome: 'repeated',
      duplicate_count: 2,
      candidates: [],
      judgment_required: false,
      warnings: [],
    })
    const stored = await two.caller.call('observation.get', { id: result.sync_id })
    expect(stored).toMatchObject({ title: 'Pier', content: save.content, session_id: 's', project: 'p' })
  })

  it('L1 an update and a prompt too', async () => {
    const { sync_id: id } = await two.caller.call('observation.save', { title: 't', content: 'before', project: 'p' })
    const updated = await behind(() => two.caller.call('observation.update', { id, content: 'after' }))
    expect([updated.jobs, updated.result.observation.content]).toEqual([2, 'after'])
    const prompt = { content: 'What next?', project: 'p', session_id: 's' }
    const said = await behind(() => two.caller.call('prompt.save', prompt))
    expect([said.jobs, said.result.status]).toEqual([2, 'saved'])
    expect(await two.caller.call('prompt.list', { project: 'p' })).toMatchObject([{ content: prompt.content }])
  })

  it('L1 MEM-306 an operation that was done by another is known by its id', async () => {
    const save = { title: 't', content: 'once', project: 'p', operation_id: 'op-1' }
    const { result, jobs } = await behind(() => two.caller.call('observation.save', save))
    expect(jobs).toBe(2)
    expect(await one.caller.call('observation.save', save)).toEqual({ ...result, replayed: true })
  })

  it('L1 ING-RED-1 no secret and no private text stands in a letter', async () => {
    const secret = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz'
    const content = `The token is ${secret}. <private>hush</private>`
    const saved = await behind(() => two.caller.call('observation.save', { title: 't', content, project: 'p' }))
    expect(saved.letter).toContain('The token is')
    expect(saved.letter).not.toMatch(/ghp_|hush/)
    const id = saved.result.sync_id
    const updated = await behind(() => two.caller.call('observation.update', { id, content }))
    expect(updated.letter).toBe('')
    const said = await behind(() => two.caller.call('prompt.save', { content, project: 'p', session_id: 's' }))
    expect(said.letter).toBe('')
  })

  it('L1 MEM-406 what is deleted for good stands in no answer that waits', async () => {
    const save = { title: 'Gone soon', content: 'to be deleted', project: 'p' }
    const { result } = await behind(() => two.caller.call('observation.save', save))
    const kept = (): unknown => one.deps.store.read((tx) => tx.all('SELECT answer FROM shared_writes'))
    expect(JSON.stringify(kept())).toContain('Gone soon')
    await one.caller.call('observation.delete', { id: result.sync_id, hard: true })
    expect(JSON.stringify(kept())).not.toContain('Gone soon')
  })
})
