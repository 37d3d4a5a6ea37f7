import type { IndexedKind, IndexStatus, ModelStatus } from '../api/search-index.ts'
import { EngramError } from '../model/errors.ts'
import type { CallContext } from '../model/operation.ts'
import type { Clock } from '../platform/clock.ts'
import { residentBytes } from '../platform/memory.ts'
import type { Embedder } from '../search/embedder.ts'
import { EmbedUpkeep } from '../search/embed-step.ts'
import { rebuildIndex, refreshIndex } from '../search/indexer.ts'
import { Meaning, type MeaningUse } from '../search/meaning.ts'
import { changesBehind, countIndexed, indexState } from '../store/full-text-state.ts'
import type { Store } from '../store/store.ts'
import { clearTranscriptIndex, countMessages, transcriptSources } from '../store/transcript-index.ts'
import { clearUnitIndex, countUnits, isIndexCurrent } from '../store/unit-index.ts'
import type { ReadTx } from '../store/transaction.ts'
import { countUnitsAfter } from '../store/unit-vectors.ts'
import { countVectors, dropVectors, vectorCursor, type VectorKind } from '../store/vectors.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { catchUpTranscripts } from './transcript-index.ts'
import { catchUpUnits } from './unit-indexing.ts'

/** What an engine needs to search by meaning: nothing without an embedder. */
export function meaningDeps(
  embedder: Embedder | null,
  store: Store,
  clock: Clock,
  options: { readonly use?: MeaningUse | undefined; readonly unitVectorsMax?: number } = {},
): Pick<EngineDeps, 'meaning' | 'embedding'> {
  if (embedder === null) return { meaning: null, embedding: null }
  const meaning = new Meaning(embedder, options.use ?? 'at-need', clock, options.unitVectorsMax)
  return { meaning, embedding: new EmbedUpkeep(store, meaning, clock) }
}

export const searchIndexHandlers: Handlers<'index.status' | 'index.wait' | 'index.rebuild'> = {
  'index.status': (deps) => statusOf(deps),
  'index.wait': async (deps, input, context) => {
    await catchUp(deps, context)
    await readAll(deps, context)
    const canWait = input.vectors ?? (await deps.meaning?.start()) ?? false
    if (canWait) await embedAll(deps, context)
    return statusOf(deps)
  },
  'index.rebuild': async (deps, input, context) => {
    const what = input.what ?? 'words'
    if (what !== 'vectors') await rebuildWords(deps, context)
    if (what !== 'words') {
      await deps.store.write(dropVectors)
      await embedAll(deps, context)
    }
    return statusOf(deps)
  },
}

/** One step holds the write lock so long that no save waits for it (RET-104). */
const step = (deps: EngineDeps) => ({ rowsMax: 200, budgetMs: 20, clock: deps.clock })

async function catchUp({ store, ...deps }: EngineDeps, context: CallContext): Promise<void> {
  for (let done = false; !done;) {
    context.signal?.throwIfAborted()
    done = (await store.write((tx) => refreshIndex(tx, step({ store, ...deps })), { durability: 'derived' })).done
  }
}

async function rebuildWords(deps: EngineDeps, context: CallContext): Promise<void> {
  const total = deps.store.read((tx) => countIndexed(tx, 'observation').records + countIndexed(tx, 'prompt').records)
  let rows = 0
  for (let [done, isFirst] = [false, true]; !done; isFirst = false) {
    context.signal?.throwIfAborted()
    const budget = { ...step(deps), drop: isFirst }
    const made = await deps.store.write((tx) => rebuildIndex(tx, budget), { durability: 'derived' })
    rows += made.rows
    done = made.done
    context.onProgress?.({ done: rows, total, what: 'index rows' })
  }
  await catchUp(deps, context)
  await deps.store.write(clearTranscriptIndex, { durability: 'derived' })
  await deps.store.write(clearUnitIndex, { durability: 'derived' })
  await readAll(deps, context)
}

/** Units and archived conversations, which are read on from their own places. */
async function readAll(deps: EngineDeps, context: CallContext): Promise<void> {
  while (!deps.store.read(isIndexCurrent) && deps.store.mode === 'read-write') {
    context.signal?.throwIfAborted()
    await catchUpUnits(deps)
  }
  await catchUpTranscripts(deps, Number.POSITIVE_INFINITY, {
    signal: context.signal,
    onRead: (done, total) => context.onProgress?.({ done, total, what: 'conversations' }),
  })
}

async function embedAll(deps: EngineDeps, context: CallContext): Promise<void> {
  const { embedding, meaning } = deps
  if (embedding === null || meaning === null) {
    throw new EngramError('semantic_unavailable', 'There is no model here, so there are no vectors to wait for.')
  }
  if (!(await meaning.start())) {
    throw new EngramError('semantic_unavailable', `The model cannot be loaded: ${meaning.lastError ?? ''}.`)
  }
  const { reach } = meaning.unitIndex.source
  const total = deps.store.read(
    (tx) => countIndexed(tx, 'observation').records + Math.min(countUnits(tx).records, reach),
  )
  for (let done = false; !done;) {
    context.signal?.throwIfAborted()
    const made = await embedding.step(context.signal)
    if (made.isElsewhere) await deps.clock.sleep(elsewhereWaitMs, context.signal)
    done = made.done && !made.isElsewhere
    const vectors = deps.store.read((tx) => vectorsHere(tx, meaning))
    context.onProgress?.({ done: vectors.observation + vectors.unit, total, what: 'vectors' })
  }
}

/** Another process gives the records their vectors: how often to look whether it is done. */
const elsewhereWaitMs = 200

const vectorsHere = (tx: ReadTx, meaning: Meaning | null): Readonly<Record<VectorKind, number>> => ({
  observation: meaning === null ? 0 : countVectors(tx, 'observation', meaning.model),
  unit: meaning === null ? 0 : countVectors(tx, 'unit', meaning.model),
})

/** Those that were looked at and have no vector have no text; those out of reach get none. */
function unitsToEmbed(tx: ReadTx, meaning: Meaning | null, withVector: number): number {
  if (meaning === null) return 0
  const { source } = meaning.unitIndex
  const cursor = vectorCursor(tx, 'unit', meaning.model)
  const after = countUnitsAfter(tx, Math.max(cursor, source.seqNow(tx) - source.reach), null)
  return cursor === 0 ? Math.max(0, after - withVector) : after
}

function statusOf({ store, meaning, embedding, settings }: EngineDeps): IndexStatus {
  return store.read((tx) => {
    const observations: IndexedKind = countIndexed(tx, 'observation')
    const units = countUnits(tx)
    const { observation: vectors, unit: unitVectors } = vectorsHere(tx, meaning)
    const left = Math.max(0, observations.records - vectors) + unitsToEmbed(tx, meaning, unitVectors)
    const rate = embedding?.rate ?? null
    return {
      words: {
        observations,
        prompts: countIndexed(tx, 'prompt'),
        units,
        transcripts: { conversations: transcriptSources(tx).length, messages: countMessages(tx) },
        behind: changesBehind(tx),
        rebuilding: indexState(tx, 'observation.rebuild') !== undefined,
      },
      vectors: {
        records: observations.records,
        vectors,
        coverage: observations.records === 0 ? 1 : vectors / observations.records,
        units: { records: units.records, vectors: unitVectors, newest: settings.unitVectorsMax },
        per_second: rate,
        remaining_s: rate === null || rate === 0 ? null : Math.round(left / rate),
      },
      model: meaning === null ? null : modelStatus(meaning),
    }
  })
}

const modelStatus = (meaning: Meaning): ModelStatus => ({
  id: meaning.model,
  dimensions: meaning.dimensions,
  state: meaning.state,
  use: meaning.use,
  last_error: meaning.lastError,
  rss_bytes: residentBytes(),
})
