import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { minilmEmbedder } from '../src/search/embedders/minilm.ts'
import type { Embedder } from '../src/search/embedder.ts'
import { parametersHash } from '../src/search/parameters.ts'
import { commit, temporaryDirectory } from './harness.ts'
import { askInVain, type Asked, type Field, type Mode, type Order, type Refusals } from './retrieval/asked.ts'
import { codeProject, runCodeMemory } from './retrieval/code-memory.ts'
import { runConversations } from './retrieval/conversations.ts'
import { Ground, type Costs } from './retrieval/ground.ts'
import { byWay, printed, resultOf, type Result } from './retrieval/results.ts'
import { findSets, type RetrievalSet } from './retrieval/sets.ts'
import { missedTargets } from './retrieval/targets.ts'
import { withVectorFile } from './retrieval/vector-file.ts'

/**
 * How well questions find their answers (RET-1201 to RET-1206): conversations and code memories saved and asked through
 * the port as a user would, beside the plain full-text query of the same words in the same run. The data is read where it
 * lies and never copied.
 */
const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/retrieval' },
    set: { type: 'string', multiple: true, default: [] },
    mode: { type: 'string', default: 'both' },
    order: { type: 'string', default: 'both' },
    field: { type: 'string', default: 'both' },
    json: { type: 'string' },
    misses: { type: 'string' },
    vectors: { type: 'string' },
    check: { type: 'boolean', default: false },
    /** Speed, memory and rates are left out. */
    'no-costs': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
})

function chosen<T extends string>(name: 'mode' | 'order' | 'field', all: readonly T[]): readonly T[] {
  const value = options[name]
  const found = value === 'both' ? all : all.filter((one) => one === value)
  if (found.length === 0) throw new Error(`--${name} expects ${all.join(', ')} or both, got ${value}`)
  return found
}

async function run(): Promise<void> {
  const modes: readonly Mode[] = chosen('mode', ['lexical', 'hybrid'])
  const sets = findSets(options.data).filter(({ name }) => options.set.length === 0 || options.set.includes(name))
  const embedder = modes.includes('hybrid') ? model() : null
  const all = []
  for (const set of sets) all.push(await runSet(set, sets, modes, embedder))
  await embedder?.close()
  const results = all.flatMap((one) => one.results)
  const refusals = Object.assign({}, ...all.map((one) => one.refusals)) as Record<string, Refusals>
  for (const [name, { asked, refused }] of Object.entries(refusals)) {
    if (asked > 0) console.log(`refused, ${name}: ${((refused / asked) * 100).toFixed(1)} % of ${asked}`)
  }
  const costs = options['no-costs'] ? [] : costFigures(modes)
  if (options.json !== undefined) {
    writeJson(options.json, { results, refusals, costs, sets: all.map(({ about }) => about) })
  }
  if (options.misses !== undefined) {
    const misses = all.flatMap(({ asked }) => asked.filter(({ miss }) => miss !== undefined))
    writeFileSync(options.misses, misses.map((miss) => `${JSON.stringify(miss)}\n`).join(''))
  }
  const missed = missedTargets(results, refusals)
  for (const line of missed) console.log(`missed: ${line}`)
  if (options.check && missed.length > 0) process.exitCode = 1
}

/** Measured in a process of its own, which prints its table here. */
function costFigures(modes: readonly Mode[]): readonly unknown[] {
  const directory = temporaryDirectory()
  const json = join(directory.path, 'costs.json')
  const script = fileURLToPath(new URL('retrieval/costs.ts', import.meta.url))
  const words = [script, '--json', json, ...(options.quick ? ['--quick'] : [])]
  console.log('')
  execFileSync(process.execPath, [...words, ...(modes.includes('hybrid') ? [] : ['--only', 'lexical'])], {
    stdio: 'inherit',
  })
  const { figures } = JSON.parse(readFileSync(json, 'utf8')) as { readonly figures: readonly unknown[] }
  directory.remove()
  return figures
}

function model(): Embedder {
  const bundled = minilmEmbedder()
  if (bundled === null) throw new Error('the model needs two cores; use --mode lexical')
  return options.vectors === undefined ? bundled : withVectorFile(bundled, options.vectors)
}

/** The harness closes the model itself, after the last set. */
const kept = (embedder: Embedder | null): Embedder | null =>
  embedder === null
    ? null
    : {
        id: embedder.id,
        dimensions: embedder.dimensions,
        start: () => embedder.start(),
        embed: (texts, signal) => embedder.embed(texts, signal),
        close: () => Promise.resolve(),
      }

async function runSet(
  set: RetrievalSet,
  sets: readonly RetrievalSet[],
  modes: readonly Mode[],
  embedder: Embedder | null,
) {
  const ground = await Ground.open(kept(embedder))
  try {
    const refusals: Record<string, Refusals> = {}
    const { asked, skipped } = await askSet(ground, set, modes, refusals)
    const project = set.kind === 'conversations' ? (set.conversations[0]?.id ?? '') : codeProject
    const foreign = sets.filter((other) => other.kind !== set.kind).flatMap(questionsOf)
    for (const mode of modes) {
      const counted = (refusals[`other set, ${mode}`] ??= { asked: 0, refused: 0 })
      for (const question of foreign) {
        counted.asked++
        if (await askInVain(ground, mode, question, project)) counted.refused++
      }
    }
    const results = byWay(asked).map((way) => resultOf(set.name, set.kind, way))
    console.log(`\n${set.name} (${set.kind}), ${skipped} skipped\n${printed(results)}\n${costsOf(ground.costs)}`)
    return { results, asked, refusals: named(set.name, refusals), about: aboutOf(set, skipped, ground.costs) }
  } finally {
    await ground.close()
  }
}

async function askSet(
  ground: Ground,
  set: RetrievalSet,
  modes: readonly Mode[],
  refusals: Record<string, Refusals>,
): Promise<{ readonly asked: readonly Asked[]; readonly skipped: number }> {
  const explains = options.misses !== undefined
  if (set.kind === 'code-memory') {
    const orders: readonly Order[] = chosen('order', ['replay', 'static'])
    const fields: readonly Field[] = chosen('field', ['query', 'query_long'])
    return runCodeMemory(ground, set, { modes, orders, fields, explains })
  }
  const found = await runConversations(ground, set, modes, explains)
  for (const mode of modes) refusals[`wrong conversation, ${mode}`] = found.elsewhere[mode]
  return found
}

const questionsOf = (set: RetrievalSet): readonly string[] =>
  set.kind === 'conversations'
    ? set.conversations.flatMap(({ questions }) => questions.map(({ question }) => question))
    : set.queries.map(({ query }) => query)

const named = (set: string, refusals: Readonly<Record<string, Refusals>>): Record<string, Refusals> =>
  Object.fromEntries(Object.entries(refusals).map(([name, value]) => [`${set}: ${name}`, value]))

const costsOf = ({ saved, savingMs, settlingMs }: Costs): string =>
  `${saved} saves, ${((saved / savingMs) * 1_000).toFixed(0)}/s; index and vectors ${(settlingMs / 1_000).toFixed(1)} s`

const aboutOf = (set: RetrievalSet, skipped: number, { saved, savingMs, settlingMs }: Costs) => ({
  set: set.name,
  hash: set.hash,
  skipped,
  saves_per_second: (saved / savingMs) * 1_000,
  settling_s: settlingMs / 1_000,
})

function writeJson(
  path: string,
  found: { readonly results: readonly Result[] } & Readonly<Record<string, unknown>>,
): void {
  const about = {
    bench: 'retrieval',
    commit: commit(),
    node: process.version,
    cpu: cpus()[0]?.model ?? '',
    parameters: parametersHash(),
  }
  writeFileSync(path, `${JSON.stringify({ ...about, ...found }, null, 2)}\n`)
}

if (!existsSync(options.data)) {
  console.log(`retrieval data not found at ${options.data}: skipped`)
} else {
  await run()
}
