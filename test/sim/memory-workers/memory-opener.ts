/** Opens the engine, which brings the file to the newest schema, reads a little and ends. Argument: DATA_DIR */
import { openEngine } from '../../../src/open-engine.ts'

const [dataDir = ''] = process.argv.slice(2)
const opened = await openEngine({ dataDir, environment: {} })
await opened.caller.call('observation.list', { all_projects: true, limit: 1 })
await opened.close()
