import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { hashingEmbedder } from '../../src/search/embedders/hashing.ts'
import { minilmEmbedder } from '../../src/search/embedders/minilm.ts'
import type { Embedder } from '../../src/search/embedder.ts'
import { savesBesideModel } from '../beside-model.ts'
import { benchOptions, percentile, report, temporaryDirectory, timed, timedAsync, type Figure } from '../harness.ts'
import { inventMemory, inventQuestion, randomFrom } from '../invented-text.ts'
import { PlainIndex } from './plain.ts'

/**
 * What searching and indexing cost over 10,000 invented short records (RET-901 to RET-904): questions by words beside the
 * plain index, hybrid ones, memory with and without the model, rates of indexing, saves while the model computes. A
 * process of its own, so that memory is that of the engine alone.
 */
const options = benchOptions()
const project = 'costs'
const count = options.quick ? 2_000 : 10_000
const questionsMax = options.quick ? 100 : 500
const embeddedMax = options.quick ? 40 : 150
const figures: Figure[] = []
const figure = (name: string, value: number, unit: string, more: Partial<Figure> = {}): void => {
  figures.push({ name, value, unit, baseline: null, baselineName: '', durability: '', goal: '', ...more })
}
const shares = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['max', 1],
] as const
const rssMiB = (): number => process.memoryUsage.rss() / 1_048_576
const model = options.only.includes('lexical') ? null : minilmEmbedder()

/** The model's vectors for questions and for what is timed, quick ones for the records of the ground. */
let fills = true
const quick = hashingEmbedder()
const switched = (real: Embedder): Embedder => ({
  id: real.id,
  dimensions: real.dimensions,
  start: () => (fills ? Promise.resolve() : real.start()),
  embed: (texts, signal) => (fills ? quick : real).embed(texts, signal),
  close: () => real.close(),
})

const temporary = temporaryDirectory()
const random = randomFrom(11)
const opened = await openEngine({
  dataDir: temporary.path,
  settings: { durability: 'normal' },
  embedder: model === null ? null : switched(model),
})
let serial = 0
const save = (): Promise<unknown> =>
  opened.caller.call('observation.save', { ...inventMemory(random, serial++), project, session_id: `s-${serial % 20}` })

const plain = new PlainIndex()
await fill(opened)
await byWords(opened)
if (model === null) console.log('without the model: switched off, or one core is too few for it')
else await withModel(opened, model)
await opened.close()
temporary.remove()
report('retrieval costs', figures, options)

async function fill({ caller }: OpenedEngine): Promise<void> {
  const tookMs = await timedAsync(async () => {
    for (let at = 0; at < count; at++) await save()
  })
  figure('records saved', count / (tookMs / 1_000), '/s', { durability: 'os' })
  const again = randomFrom(11)
  const bareMs = timed(() => {
    for (let at = 0; at < count; at++) {
      const { title, content } = inventMemory(again, at)
      plain.add(at + 1, title, content)
    }
  })
  const rebuildMs = await timedAsync(() => caller.call('index.rebuild', { what: 'words' }))
  figure('records indexed without the model', count / (rebuildMs / 1_000), '/s', {
    baseline: count / (bareMs / 1_000),
    baselineName: 'bare inserts',
    goal: '>= 5,000 (RET-904)',
  })
  if (model !== null) await caller.call('index.wait', { vectors: true })
}

async function byWords({ caller }: OpenedEngine): Promise<void> {
  const [ours, bare]: [number[], number[]] = [[], []]
  for (let at = 0; at < questionsMax; at++) {
    const query = inventQuestion(random, 6)
    ours.push(await timedAsync(() => caller.call('memory.search', { query, project, mode: 'lexical' })))
    bare.push(timed(() => plain.find(query)))
  }
  for (const [name, share] of shares) {
    const goal = name === 'p95' ? '<= 10 (RET-901)' : ''
    const baseline = percentile(bare, share)
    figure(`question by words ${name}`, percentile(ours, share), 'ms', { baseline, baselineName: 'plain query', goal })
  }
}

async function withModel({ caller }: OpenedEngine, real: Embedder): Promise<void> {
  const before = rssMiB()
  fills = false
  figure('loading the model', await timedAsync(() => real.start()), 'ms', { goal: '<= 2,000 (RET-903)' })
  const asked: number[] = []
  for (let at = 0; at < questionsMax; at++) {
    const query = inventQuestion(random, 6)
    asked.push(await timedAsync(() => caller.call('memory.search', { query, project, mode: 'hybrid' })))
  }
  for (const [name, share] of shares) {
    figure(`hybrid question ${name}`, percentile(asked, share), 'ms', { goal: 'p95 <= 120, max <= 250 (RET-902)' })
  }
  figure('memory with the model', rssMiB(), 'MiB', {
    baseline: before,
    baselineName: 'without',
    goal: '<= 400 MB (RET-903)',
  })
  for (let at = 0; at < embeddedMax; at++) await save()
  const embedMs = await timedAsync(() => caller.call('index.wait', { vectors: true }))
  figure('records indexed with the model', embeddedMax / (embedMs / 1_000), '/s', { goal: '>= 5 (RET-904)' })
  const paired = await savesBesideModel(save, real, options.quick ? 10 : 30)
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    figure(`save while the model computes ${name}`, percentile(paired.ours, share), 'ms', {
      baseline: percentile(paired.bare, share),
      baselineName: 'model idle',
      durability: 'os',
      goal: name === 'p99' ? '<= 3 (RET-904)' : '',
    })
  }
}
