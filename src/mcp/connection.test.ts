import { afterEach, describe, expect, it } from 'vitest'
import type { Caller } from '../api/caller.ts'
import { openTestEngine, type TestEngine } from '../engine/testing/test-engine.ts'
import { EngramError } from '../model/errors.ts'
import { Connection } from './connection.ts'

let opened: TestEngine | null = null
afterEach(async () => {
  await opened?.close()
  opened = null
})

describe('a connection', () => {
  it('MEM-703 whose project could not be found once finds it the next time', async () => {
    opened = openTestEngine()
    const { engine } = opened
    let isBusy = true
    const busyOnce: Caller = {
      call: (operation, input, context) => {
        if (!isBusy) return engine.call(operation, input, context)
        isBusy = false
        return Promise.reject(new EngramError('storage_busy', 'Held for too long.'))
      },
    }
    const connection = new Connection({
      caller: busyOnce,
      newId: () => 'one',
      directory: undefined,
      projectOverride: 'api',
      timezone: undefined,
      agentPid: undefined,
    })
    await expect(connection.here()).rejects.toMatchObject({ code: 'storage_busy' })
    await expect(connection.here()).resolves.toMatchObject({ project: 'api' })
  })
})
