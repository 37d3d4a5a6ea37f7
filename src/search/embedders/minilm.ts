import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { threadFile } from '../../platform/threads.ts'
import { unitVector, type Embedder } from '../embedder.ts'
import type { EmbedReply, EmbedRequest } from './minilm-messages.ts'

/** A model that computes takes a core; with only one everything else would wait for it (RET-607). */
const coresMin = 2

/** The bundled sentence model, in a thread of its own, of which each embedder has one (RET-602); null on machines too small for it. */
export const minilmEmbedder = (): Embedder | null => (availableParallelism() < coresMin ? null : new MinilmEmbedder())

type Waiting = { readonly resolve: (vector: Float32Array) => void; readonly reject: (error: Error) => void }
type Running = { readonly worker: Worker; readonly ready: Promise<void>; readonly waiting: Map<number, Waiting> }

class MinilmEmbedder implements Embedder {
  readonly id = 'minilm-l6-v2-fp16'
  readonly dimensions = 384
  #running: Running | null = null
  #number = 0

  async start(): Promise<void> {
    this.#running ??= this.#run()
    await this.#running.ready
  }

  async embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]> {
    const vectors: Float32Array[] = []
    for (const text of texts) {
      signal?.throwIfAborted()
      vectors.push(await this.#vectorOf(text))
    }
    return vectors
  }

  async close(): Promise<void> {
    const running = this.#running
    this.#running = null
    if (running === null) return
    end(running, new Error('The embedder was closed.'))
    await running.worker.terminate()
  }

  async #vectorOf(text: string): Promise<Float32Array> {
    await this.start()
    const running = this.#running
    if (running === null) throw new Error('The embedder was closed.')
    const number = this.#number++
    running.worker.ref()
    try {
      return await new Promise<Float32Array>((resolve, reject) => {
        running.waiting.set(number, { resolve, reject })
        running.worker.postMessage({ number, text } satisfies EmbedRequest)
      })
    } finally {
      running.waiting.delete(number)
      if (running.waiting.size === 0) running.worker.unref()
    }
  }

  #run(): Running {
    const threads = process.getBuiltinModule('node:worker_threads')
    const worker = new threads.Worker(threadFile('minilm-worker', import.meta.url))
    const waiting = new Map<number, Waiting>()
    const failed = (error: Error): void => {
      end({ waiting }, error)
      if (this.#running?.worker === worker) this.#running = null
    }
    const ready = new Promise<void>((resolve, reject) => {
      worker.on('message', (reply: EmbedReply) => (reply.kind === 'ready' ? resolve() : settle(waiting, reply)))
      worker.on('error', (error: Error) => {
        failed(error)
        reject(error)
      })
      worker.on('exit', (code) => {
        const error = new Error(`The thread of the model ended with code ${code}.`)
        failed(error)
        reject(error)
      })
    })
    // Whoever starts hears of a failure; nobody else must be stopped by it.
    ready.catch(() => undefined)
    ready.then(
      () => waiting.size === 0 && worker.unref(),
      () => undefined,
    )
    return { worker, ready, waiting }
  }
}

function settle(waiting: ReadonlyMap<number, Waiting>, reply: Exclude<EmbedReply, { readonly kind: 'ready' }>): void {
  const call = waiting.get(reply.number)
  if (reply.kind === 'vector') call?.resolve(unitVector(reply.vector))
  else call?.reject(new Error(reply.message))
}

function end(running: Pick<Running, 'waiting'>, error: Error): void {
  for (const call of running.waiting.values()) call.reject(error)
  running.waiting.clear()
}
