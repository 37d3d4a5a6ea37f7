import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transcriptStoreContract } from '../../test/contract/transcript-store.ts'
import type { OpenStore } from '../../test/contract/transcript-store.ts'
import { SimulatedClock } from '../platform/clock.ts'
import { JsonlStore } from './jsonl-store.ts'
import { MemoryTranscriptStore } from './memory-store.ts'

const openIn =
  (layout: 'native' | 'compat'): OpenStore =>
  async (options) => {
    const directory = await mkdtemp(join(tmpdir(), 'engram-transcripts-'))
    const clock = new SimulatedClock()
    const store = await JsonlStore.open(join(directory, 'nested', 'store'), { ...options, layout, clock })
    return {
      store,
      now: new Date(clock.nowMs()).toISOString(),
      dispose: async () => {
        await store.close()
        await rm(directory, { recursive: true })
      },
    }
  }

transcriptStoreContract('JSONL, native layout', openIn('native'))
transcriptStoreContract('JSONL, compat layout', openIn('compat'), { layout: 'compat' })

transcriptStoreContract('in memory', (options) => {
  const clock = new SimulatedClock()
  const store = new MemoryTranscriptStore({ ...options, clock })
  return Promise.resolve({ store, now: new Date(clock.nowMs()).toISOString(), dispose: () => store.close() })
})
