import { openEngine } from '../src/open-engine.ts'
import { minilmEmbedder } from '../src/search/embedders/minilm.ts'
import { catchUp } from '../src/upkeep.ts'
import { benchOptions, percentile, report, temporaryDirectory, timedAsync, type Figure } from './harness.ts'
import { savesBesideModel } from './beside-model.ts'
import { inventMemory, inventQuestion, randomFrom } from './invented-text.ts'

/**
 * What search by meaning costs (RET-902 to RET-904): memory with and without the model, saves while it computes beside
 * saves of the same process without it, hybrid queries during indexing, and how long the event loop stands still.
 */
const options = benchOptions()
const figures: Figure[] = []
const project = 'bench'
const count = options.quick ? 300 : 2_000

const figure = (name: string, value: number, unit: string, more: Partial<Figure> = {}): void => {
  figures.push({ name, value, unit, baseline: null, baselineName: '', durability: '', goal: '', ...more })
}
const rssMiB = (): number => process.memoryUsage.rss() / 1_048_576

const temporary = temporaryDirectory()
const embedder = minilmEmbedder()
if (embedder === null) console.log('skipped: one core is too few for the model')
else await run()
temporary.remove()

async function run(): Promise<void> {
  const model = embedder
  if (model === null) return
  const random = randomFrom(3)
  const opened = await openEngine({ dataDir: temporary.path, settings: { durability: 'normal' }, embedder: model })
  const save = (serial: number): Promise<unknown> =>
    opened.caller.call('observation.save', { ...inventMemory(random, serial), project, session_id: `s-${serial % 20}` })
  for (let serial = 0; serial < count; serial++) await save(serial)
  while (!(await catchUp(opened))) continue
  const before = rssMiB()
  const loadMs = await timedAsync(() => model.start())
  figure('loading the model', loadMs, 'ms', { goal: '<= 2,000 (RET-903)' })
  const embedding = timedAsync(() => opened.caller.call('index.wait', { vectors: true }))
  const stalls = watchLoop()
  let serial = count
  const during: number[] = []
  const questions: number[] = []
  const done = new AbortController()
  void embedding.then(() => done.abort())
  while (!done.signal.aborted) {
    // Fewer than the model can take, or it would never be done.
    if (serial < count * 1.5) during.push(await timedAsync(() => save(serial++)))
    const query = inventQuestion(random, 6)
    questions.push(await timedAsync(() => opened.caller.call('memory.search', { query, project, mode: 'hybrid' })))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const tookMs = await embedding
  figure('event loop stands still while embedding, longest', stalls.stop(), 'ms', { goal: '<= 50 (RET-902)' })
  figure('vectors made', serial / (tookMs / 1_000), '/s', { goal: '>= 5 (RET-904)' })
  figure('hybrid question while indexing, longest', Math.max(...questions), 'ms', { goal: '<= 250 (RET-902)' })
  figure('RSS with the model', rssMiB(), 'MiB', {
    baseline: before,
    baselineName: 'without',
    goal: '<= 400 MB (RET-903)',
  })
  const asked: number[] = []
  for (let at = 0; at < (options.quick ? 60 : 500); at++) {
    const query = inventQuestion(random, 6)
    asked.push(await timedAsync(() => opened.caller.call('memory.search', { query, project, mode: 'hybrid' })))
  }
  for (const [name, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
    ['max', 1],
  ] as const) {
    figure(`hybrid question ${name}`, percentile(asked, share), 'ms', { goal: 'p95 <= 120, max <= 250 (RET-902)' })
  }
  const paired = await savesBesideModel(() => save(serial++), model, options.quick ? 10 : 30)
  figure('save beside a busy model, p50', percentile(paired.ours, 0.5), 'ms', {
    baseline: percentile(paired.bare, 0.5),
    baselineName: 'the model idle',
    durability: 'os',
  })
  figure('save beside a busy model, median of ratios', paired.ratio, 'x', { durability: 'os', goal: '1' })
  figure('save while vectors are made, p99', percentile(during, 0.99), 'ms', {
    durability: 'os',
    goal: '<= 3 ms (RET-904)',
  })
  await opened.close()
  figure('RSS after the model ended', rssMiB(), 'MiB', {
    baseline: before,
    baselineName: 'before it',
    goal: '+ 100 MB (RET-903)',
  })
  report('meaning', figures, options)
}

function watchLoop(): { stop(): number } {
  let longestMs = 0
  let last = performance.now()
  const everyMs = 5
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last - everyMs)
    last = performance.now()
  }, everyMs)
  return {
    stop: () => {
      clearInterval(timer)
      return longestMs
    },
  }
}
