import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cosine, type Embedder } from '../embedder.ts'
import { hashingEmbedder } from './hashing.ts'
import { minilmEmbedder } from './minilm.ts'

const minilm = minilmEmbedder()
const isInstalled = await minilm?.start().then(
  () => true,
  (error: unknown) => {
    console.log(`skipped: the bundled model is not installed here (${String(error).slice(0, 80)})`)
    return false
  },
)
const embedders: readonly Embedder[] = [hashingEmbedder(), ...(minilm === null || isInstalled !== true ? [] : [minilm])]

const one = async (embedder: Embedder, text: string): Promise<Float32Array> =>
  (await embedder.embed([text]))[0] ?? new Float32Array()

describe.each(embedders.map((embedder) => [embedder.id, embedder] as const))('RET-601/embedder %s', (_, embedder) => {
  beforeAll(() => embedder.start(), 60_000)
  afterAll(() => embedder.close())

  it('gives one unit vector per text, in order, the same for the same text', async () => {
    const texts = [
      'The session token expires early',
      'Invoices are exported at night',
      'The session token expires early',
    ]
    const vectors = await embedder.embed(texts)
    expect(vectors.map((vector) => vector.length)).toEqual(texts.map(() => embedder.dimensions))
    for (const vector of vectors) expect(cosine(vector, vector)).toBeCloseTo(1, 4)
    expect(vectors[2]).toEqual(vectors[0])
    expect(await one(embedder, texts[1] ?? '')).toEqual(vectors[1])
  })

  it('puts what is alike nearer than what is not', async () => {
    const [question, near, far] = await embedder.embed([
      'when does the login session end',
      'The login session ends after an hour',
      'Whales sing below the ice',
    ])
    if (question === undefined || near === undefined || far === undefined) throw new Error('three texts were given')
    expect(cosine(question, near)).toBeGreaterThan(cosine(question, far) + 0.1)
  })

  it('takes any text: long, of any script, hostile', async () => {
    for (const text of ['x'.repeat(20_000), '数据库连接 데이터 база', '"; DROP TABLE vectors; --', '\0\ud800', '🦊']) {
      const vector = await one(embedder, text)
      expect(vector.every(Number.isFinite), JSON.stringify(text.slice(0, 20))).toBe(true)
    }
  })

  it('gives up when asked to', async () => {
    const given = AbortSignal.abort(new Error('enough'))
    await expect(embedder.embed(['a text'], given)).rejects.toThrow('enough')
  })

  it('can be closed and started again', async () => {
    const before = await one(embedder, 'the same as before')
    await embedder.close()
    await embedder.start()
    expect(await one(embedder, 'the same as before')).toEqual(before)
  })
})

it.runIf(isInstalled === true)(
  'RET-602/a model that computes never holds the event loop',
  async () => {
    const embedder = minilmEmbedder()
    if (embedder === null) return
    await embedder.start()
    let longestMs = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last)
      last = performance.now()
    }, 5)
    const startMs = performance.now()
    await embedder.embed(Array.from({ length: 4 }, (_, at) => `${at} words of a record `.repeat(40)))
    const tookMs = performance.now() - startMs
    clearInterval(timer)
    await embedder.close()
    // One text takes 50 ms and more; were it computed here, no tick would come in between.
    expect(longestMs).toBeLessThan(tookMs / 4)
  },
  120_000,
)
