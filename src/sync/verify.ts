import { EngramError } from '../model/errors.ts'
import type { SyncStore } from '../model/ports.ts'
import type { ChangedRecord, SyncSelection } from '../model/sync.ts'
import { nameOfRecord } from './held.ts'
import { pullChunks, type PullOptions } from './pull.ts'
import type { ChunkRemote } from './remote.ts'

export type Verified = {
  readonly ok: boolean
  readonly chunks: number
  /** `id`: of a chunk, or of a record. */
  readonly problems: readonly { readonly id: string; readonly reason: string }[]
}

/** CHK-704. @param empty holds nothing before, and everything the chunks hold after */
export async function verifyChunks(
  store: SyncStore,
  empty: SyncStore,
  remote: ChunkRemote,
  selection: SyncSelection,
  pull: Pick<PullOptions, 'signal' | 'preparer'>,
): Promise<Verified> {
  const { isSound, manifest } = await remote.readManifest()
  const { signal } = pull
  const taken = await pullChunks(empty, remote, pull)
  const problems = [
    ...(isSound ? [] : [{ id: 'manifest.json', reason: 'damaged' }]),
    ...(taken.quarantined ?? []),
    ...(taken.quarantined_rows ?? []).map(({ chunk, key, reason }) => ({ id: `${chunk} ${key}`, reason })),
    ...(taken.missing ?? []).map((id) => ({ id, reason: 'missing' })),
    ...differences(statesOf(store, selection, signal), statesOf(empty, selection, signal)),
  ]
  return { ok: problems.length === 0, chunks: Math.max(manifest.chunks.length, taken.chunks_imported), problems }
}

type States = ReadonlyMap<string, string>

function statesOf(store: SyncStore, selection: SyncSelection, signal: AbortSignal | undefined): States {
  const states = new Map<string, string>()
  const until = store.changeSeqNow()
  for (let last = 0, isLast = false; !isLast;) {
    if (signal?.aborted === true) throw new EngramError('aborted', 'The check was given up.')
    const window = store.changes(null, selection, last, until)
    for (const record of window.records) states.set(keyOf(record), nameOfRecord(record))
    last = window.upTo
    isLast = window.isLast
  }
  return states
}

function keyOf(record: ChangedRecord): string {
  if (record.entity === 'session') return `session ${record.row.id}`
  if (record.entity === 'tombstone') return `deleted ${record.row.entity} ${record.row.entity_key}`
  return `${record.entity} ${record.row.sync_id}`
}

function differences(ours: States, theirs: States): Verified['problems'] {
  const waiting = [...ours].flatMap(([id, state]) => {
    const other = theirs.get(id)
    if (other === state) return []
    return [{ id, reason: other === undefined ? 'in no chunk' : 'another state than the chunks have' }]
  })
  const unknown = [...theirs.keys()].filter((id) => !ours.has(id)).map((id) => ({ id, reason: 'not imported' }))
  return [...waiting, ...unknown]
}
