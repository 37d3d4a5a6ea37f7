import { openEngine } from '../../src/open-engine.ts'
import { Syncer } from '../../src/sync/syncer.ts'

/** Imports one folder in a process of its own and tells how long it took and how much memory it ever held. */
const [dataDir = '', syncDir = ''] = process.argv.slice(2)
const engine = await openEngine({ dataDir, settings: { durability: 'normal' } })
const before = process.resourceUsage().maxRSS
const startMs = performance.now()
const result = await new Syncer(engine, syncDir).import()
const ms = performance.now() - startMs
await engine.close()
process.stdout.write(JSON.stringify({ ms, before, rssKib: process.resourceUsage().maxRSS, result }))
