import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Caller } from '../api/caller.ts'
import { openTestEngine, type TestEngine } from '../engine/testing/test-engine.ts'
import { EngramError } from '../model/errors.ts'
import { Connection } from './connection.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

/** The engine behind a store that is busy for the first so many calls. */
function busyFor(calls: number): Caller {
  let left = calls
  return {
    call: (operation, input, context) =>
      left-- > 0
        ? Promise.reject(new EngramError('storage_busy', 'Somebody holds it.'))
        : test.engine.call(operation, input, context),
  }
}

const connectionTo = (caller: Caller): Connection =>
  new Connection({
    caller,
    newId: () => '01HZZZZZZZZZZZZZZZZZZZZZ01',
    directory: test.directory,
    projectOverride: 'shop',
    timezone: undefined,
    agentPid: undefined,
  })

it('MEM-703 a project that could not be found once is looked for again', async () => {
  const connection = connectionTo(busyFor(1))
  await expect(connection.here()).rejects.toMatchObject({ code: 'storage_busy' })
  expect(await connection.here()).toMatchObject({ project: 'shop' })
})

it('MEM-703 MEM-705 where the session cannot be made, its name stands, and the write makes it', async () => {
  const connection = connectionTo(busyFor(1))
  const session_id = await connection.sessionOfWrite(undefined)
  expect(session_id).toBe('mcp-01HZZZZZZZZZZZZZZZZZZZZZ01')
  const saved = await connection.caller.call('observation.save', { title: 'T', content: 'Kept.', session_id })
  expect(saved.session_id).toBe(session_id)
})

it('MEM-704 a session of another project does not bind', async () => {
  const connection = connectionTo(test.engine)
  const own = await connection.sessionOfWrite(undefined)
  const warning = { code: 'session_project_mismatch', message: 'It belongs to another.' } as const
  await connection.wrote('theirs', own, [warning])
  expect(connection.sessionId).toBe(own)
  await connection.wrote('mine', 'mine', [])
  expect(connection.sessionId).toBe('mine')
  const ended = { code: 'session_already_ended', message: 'It had ended.' } as const
  await connection.wrote('mine', 'mine:resume:2', [ended])
  expect(connection.sessionId).toBe('mine:resume:2')
})
