import { describe, expect, it } from 'vitest'
import { createClient } from '../../src/client.ts'
import { hear } from '../contract/http/stream-clients.ts'
import { newPlace, ServedProcess } from './served-process.ts'

const isLong = process.env['ENGRAM_LONG'] === '1'
/** Ten minutes when there is time; else longer than two heartbeats and than any timer of a request. */
const quietMs = isLong ? 600_000 : 13_000

describe('a client that only listens', () => {
  it('COL-806 COL-R2 is still there afterwards, over every transport', { timeout: quietMs + 60_000 }, async () => {
    const place = newPlace()
    const served = new ServedProcess(place)
    try {
      const port = await served.port()
      const client = createClient(`http://127.0.0.1:${port}`)
      await client.createContext('Quiet', { id: 'quiet' })
      const legacy = hear(`ws://127.0.0.1:${port}/stream?context=quiet&encoding=v1`)
      await legacy.until(({ event }) => event === 'connected')
      const streams = await Promise.all(
        (['ws', 'sse'] as const).map((transport) => client.subscribe('quiet', { transport })),
      )
      const sse = await fetch(`http://127.0.0.1:${port}/v1/events/stream?contexts=quiet`)
      await new Promise((resolve) => setTimeout(resolve, quietMs))
      const unit = await client.createWorkUnit({ contextId: 'quiet', type: 'MESSAGE', payload: 'at last' })
      for (const { events } of streams) {
        for await (const event of events) {
          if (event.kind === 'stream.live') continue
          expect(event.unit).toEqual(unit)
          break
        }
      }
      expect((await legacy.until(({ payload }) => payload === 'at last')).length).toBe(1)
      // The same connection as at the beginning: one `connected`, heartbeats, and the unit.
      expect(legacy.frames.filter(({ event }) => event === 'connected')).toHaveLength(1)
      let text = ''
      for await (const part of sse.body ?? []) {
        text += Buffer.from(part).toString()
        if (text.includes('at last')) break
      }
      expect(text.match(/event: heartbeat/g)?.length ?? 0).toBeGreaterThanOrEqual(Math.floor(quietMs / 5_000) - 1)
      legacy.close()
      client.close()
    } finally {
      await served.end()
      place.remove()
    }
  })
})
