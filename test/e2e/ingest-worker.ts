import { openWorld, type Places } from './ingest-world.ts'

/** One run in a process of its own, over the places named by the argument; told as one line of JSON. */
const places = JSON.parse(process.argv[2] ?? '{}') as Places
const world = await openWorld(places)
process.stdout.write('open\n')
const report = await world.run()
await world.close()
const { maxRSS } = process.resourceUsage()
process.stdout.write(
  `${JSON.stringify({ peakRssBytes: maxRSS * 1024, archived: report.archived_messages, errors: report.errors })}\n`,
)
