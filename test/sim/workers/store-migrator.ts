/** Opens the store with the first STEPS slow migrations, reads, and ends. Arguments: DATA_DIR STEPS */
import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import { Store } from '../../../src/store/store.ts'
import { slowMigrations } from './slow-migrations.ts'

const [dataDir = '', steps = '1'] = process.argv.slice(2)
const migrations = slowMigrations(Number(steps))
const store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
store.read((tx) => tx.get('SELECT count(*) FROM old'))
await store.close()
