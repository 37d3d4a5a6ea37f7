/**
 * Saves through the engine in a loop, at durability full, and tells of each call in a log of its own. Arguments: DATA_DIR
 * WRITER SEED MS LOG. Writes `ready` to stdout when the engine is open, begins when a line comes on stdin, writes `acked`
 * when a call was answered for the first time. Every eighth call goes out together with two more, so that commits are
 * shared.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { toEngramError } from '../../../src/model/errors.ts'
import { openEngine, type OpenedEngine } from '../../../src/open-engine.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import { openLog } from './log-lines.ts'
import { callSave, tryLine, wantedSave } from './save-mix.ts'

const [dataDir = '', writerText = '0', seedText = '0', msText = '1000', logPath = ''] = process.argv.slice(2)
const writer = Number(writerText)
const random = seededRandom(Number(seedText) + writer)
const chance = (): number => Number.parseInt(random.hex(4), 16) / 0x1_0000_0000
const log = openLog(logPath)
let last = ''
let worstMs = 0
let hasAcked = false

const opened = await openedEngine()
writeSync(1, 'ready\n')
await once(process.stdin, 'data')
process.stdin.destroy()
const untilMs = performance.now() + Number(msText)
for (let n = 1; performance.now() < untilMs; n += 3) {
  if (n % 8 === 0) await Promise.all([save(n), save(n + 1), save(n + 2)])
  else for (const number of [n, n + 1, n + 2]) await save(number)
}
log.tell({ t: 'worst', ms: worstMs })
await opened.close()
log.close()

/** On a disk that fails the opening may fail too. */
async function openedEngine(): Promise<OpenedEngine> {
  for (let tries = 1; ; tries++) {
    try {
      return await openEngine({ dataDir, environment: {} })
    } catch (error) {
      if (tries === 40) throw error
      await systemClock.sleep(20)
    }
  }
}

async function save(n: number): Promise<void> {
  const wanted = wantedSave(writer, n, chance(), last)
  log.tell(tryLine(wanted))
  const fromMs = performance.now()
  try {
    const told = await callSave(opened.caller, writer, wanted)
    const ms = performance.now() - fromMs
    worstMs = Math.max(worstMs, ms)
    log.tell({ t: 'ack', kind: wanted.kind, key: wanted.key, content: wanted.content, ...told, ms, at: Date.now() })
    if (!hasAcked) writeSync(1, 'acked\n')
    hasAcked = true
    if (wanted.kind === 'new' && told.outcome === 'created') last = told.syncId
  } catch (error) {
    const { code, message } = toEngramError(error)
    log.tell({ t: 'error', kind: wanted.kind, code, message, ms: performance.now() - fromMs })
    await systemClock.sleep(20)
  }
}
