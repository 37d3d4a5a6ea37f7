import type { Embedder } from '../src/search/embedder.ts'
import { alternate, timedAsync } from './harness.ts'

const text = 'a text of some words that keeps the model at work '.repeat(10)
const perSlice = 20

/** The same saves in turns while the model's thread is busy and while it is idle; milliseconds. */
export async function savesBesideModel(
  save: () => Promise<unknown>,
  model: Embedder,
  slices: number,
): Promise<{ readonly ours: number[]; readonly bare: number[]; readonly ratio: number }> {
  let stopping: AbortController | null = null
  let work: Promise<void> = Promise.resolve()
  const keepBusy = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) await model.embed([text])
  }
  const busy = (): Promise<number> => {
    if (stopping === null) {
      stopping = new AbortController()
      work = keepBusy(stopping.signal)
    }
    return timedAsync(save)
  }
  const idle = async (): Promise<number> => {
    stopping?.abort()
    stopping = null
    await work
    return timedAsync(save)
  }
  return alternate(busy, idle, slices, perSlice)
}
