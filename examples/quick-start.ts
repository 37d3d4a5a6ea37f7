import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../src/client.ts'
import { createEngine, defaultConfig } from '../src/index.ts'

/** The quick start: a server, a client, one context, one unit, and the unit again as it arrives over the stream. */
const dataDir = mkdtempSync(join(tmpdir(), 'engram-quick-start-'))
const engine = createEngine({ ...defaultConfig(), dataDir, serverAddr: '127.0.0.1:0', logLevel: 'error' })
await engine.start()
try {
  const client = createClient(`http://${engine.addresses[0] ?? ''}`)
  const context = await client.createContext('Example Context')
  const subscription = await client.subscribe(context.id)

  const unit = await client.createWorkUnit({
    contextId: context.id,
    agentId: 'agent-1',
    type: 'MESSAGE',
    payload: 'Hello, Engram!',
  })
  console.log(`Created work unit: ${unit.id}`)

  for await (const event of subscription.events) {
    if (event.kind !== 'unit.created') continue
    console.log('Received:', event.unit?.payload)
    if (event.unit?.id !== unit.id) throw new Error('another unit arrived')
    break
  }
  client.close()
} finally {
  await engine.shutdown({ timeoutMs: 10_000 })
  rmSync(dataDir, { recursive: true, force: true })
}
