import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client.ts'
import { greeted, type Frame } from '../contract/http/stream-clients.ts'
import { newPlace, ServedProcess, type Place } from './served-process.ts'

let place: Place
let served: ServedProcess
beforeEach(() => {
  place = newPlace()
  served = new ServedProcess(place, ['--port', '0', '--durability', 'normal'])
})
afterEach(async () => {
  await served.end()
  place.remove()
})

/** Resident mebibytes of the server, from the kernel. */
const residentMib = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${served.pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1_024

const isEvent = ({ op }: Frame): boolean => op === 'event'

describe.runIf(process.platform === 'linux')('a subscriber that stands still', () => {
  it('COL-P4 COL-1102 R1 costs bounded memory, holds nobody up, and gets everything when it reads again', async () => {
    const port = await served.port()
    const client = createClient(`http://127.0.0.1:${port}`, { agentId: 'w' })
    await client.createContext('Flood', { id: 'flood' })
    const bytes = new Uint8Array(64 * 1_024).fill(0xff)
    const post = (): Promise<unknown> => client.createWorkUnit({ contextId: 'flood', type: 'MESSAGE', payload: bytes })
    const watch = async () => {
      const heard = await greeted(`ws://127.0.0.1:${port}/v1/stream`)
      heard.send({ op: 'subscribe', id: 1, sub: 's', contexts: ['flood'], kinds: ['unit.created'] })
      await heard.until(({ op }) => op === 'live')
      return heard
    }
    const other = await watch()
    const flood = async (count: number): Promise<number[]> => {
      const times: number[] = []
      for (let n = 0; n < count; n++) {
        const started = performance.now()
        await Promise.all([post(), other.until(isEvent)])
        other.frames.length = 0
        times.push(performance.now() - started)
      }
      return times
    }
    /** What is held, and not what waits to be collected: the least of five moments. */
    const heldMib = async (): Promise<number> => {
      const moments: number[] = []
      for (let n = 0; n < 5; n++) {
        await flood(20)
        moments.push(residentMib())
      }
      return Math.min(...moments)
    }
    // Until everything that grows at first has grown: the heap, the ring, SQLite's cache.
    await flood(1_200)
    const still = await watch()
    still.socket.pause()
    const before = await heldMib()
    await flood(600)
    // 52 MB went by; a server that kept them for the one that stands still would have grown by all of it.
    expect((await heldMib()) - before).toBeLessThan(30)
    still.socket.resume()
    const events = await still.until(isEvent, 800)
    expect(events.map(({ n }) => n)).toEqual(Array.from({ length: 800 }, (_, index) => index + 1))
    for (const one of [still, other]) one.close()
  })
})
