import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../src/client.ts'
import { createEngine, defaultConfig } from '../src/index.ts'

/**
 * Two agents in one room. The planner posts a task; the coder hears of it, takes the lock on the file, answers in the same
 * thread with a guarded write, and hands the lock over.
 */
const dataDir = mkdtempSync(join(tmpdir(), 'engram-two-agents-'))
const engine = createEngine({ ...defaultConfig(), dataDir, serverAddr: '127.0.0.1:0', logLevel: 'error' })
await engine.start()
try {
  const url = `http://${engine.addresses[0] ?? ''}`
  const [planner, coder] = ['planner', 'coder'].map((agentId) => createClient(url, { agentId }))
  if (planner === undefined || coder === undefined) throw new Error('two clients were made')
  const room = await planner.createContext('Release', { id: 'release-42', agentIds: ['coder'] })
  const tasks = await coder.subscribe(room.id)
  const answers = await planner.subscribe(room.id)

  const task = await planner.createWorkUnit({ contextId: room.id, type: 'MESSAGE', payload: 'Fix src/main.ts' })
  const file = 'file:release/src/main.ts'
  for await (const { unit } of tasks.events) {
    if (unit?.agentId !== 'planner') continue
    await coder.withLock(file, { ttlMs: 5_000 }, async ({ token }) => {
      await coder.createWorkUnit({
        contextId: room.id,
        type: 'FILE_CHANGE',
        payload: { path: 'src/main.ts', added: 3 },
        replyTo: unit.id,
        fence: { resourcePath: file, token },
      })
    })
    break
  }
  for await (const { unit } of answers.events) {
    if (unit?.threadId !== task.id) continue
    console.log(`${unit.agentId} answered ${unit.payload ?? ''}`)
    break
  }
  const handedOver = await planner.acquireLock(file, { waitTimeoutMs: 5_000 })
  console.log(`planner holds ${handedOver.resourcePath} with token ${handedOver.fencingToken}`)
  if (handedOver.fencingToken !== 2) throw new Error('the second grant has the second token')
  planner.close()
  coder.close()
} finally {
  await engine.shutdown()
  rmSync(dataDir, { recursive: true, force: true })
}
