import type { Redactor } from './engine/rules/redact.ts'
import type { PreparedChunk } from './model/sync.ts'
import { startThread, threadFile } from './platform/threads.ts'
import { prepareFile, unpackFile } from './prepare-file.ts'
import type { ChunkPreparer, PackedFile, PreparerDoor } from './sync/preparer.ts'

/** Twice what it takes for a chunk of ours; one that takes more ends the thread, and is read by who asked. */
const heapMaxMiB = 64
/** Most of what it makes is gone with the chunk: with less room, what is still needed is copied again and again. */
const youngMaxMiB = 16

/** A thread that makes chunks ready and masks what the given redactor masks. */
export const chunkPreparer = (redactor: Redactor): PreparerDoor => ({
  start: () => start(redactor),
  prepareHere: (file) =>
    unpackFile(file)
      .then((unpacked) => prepareFile(redactor, file, unpacked))
      // As from a thread that ends: what is wrong shows when the file is read record by record.
      .catch(() => null),
  recordsMin: 500,
  recordsTogetherMin: 5_000,
  beginsBehind: 1,
})

function start({ options }: Redactor): ChunkPreparer {
  const waiting: ((prepared: PreparedChunk | null) => void)[] = []
  let hasEnded = false
  const thread = startThread<PackedFile, PreparedChunk | null>(threadFile('prepare-thread', import.meta.url), {
    onTold: (prepared) => waiting.shift()?.(prepared),
    onEnd: () => {
      hasEnded = true
      for (const answer of waiting.splice(0)) answer(null)
    },
    heapMaxMiB,
    youngMaxMiB,
    given: options,
  })
  return {
    prepare: (file) =>
      new Promise((resolve) => {
        if (hasEnded) return resolve(null)
        waiting.push(resolve)
        thread.ask(file)
      }),
    stop: () => thread.stop(),
  }
}
