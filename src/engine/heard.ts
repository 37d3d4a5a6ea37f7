import { changeSeqNow, nextChangeSeq } from '../store/change-clock.ts'
import { addHeard, isHeard, leastCursorOf } from '../store/remotes.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import type { Arrival } from './accept.ts'
import { nextUntold } from './sync-changes.ts'

/** What was heard from a remote, and what of it is news to who said it (CHK-612). */

/** Where records of each kind stand, and by what name. */
const places = {
  session: { table: 'sessions', key: 'id' },
  observation: { table: 'observations', key: 'sync_id' },
  prompt: { table: 'prompts', key: 'sync_id' },
  relation: { table: 'relations', key: 'sync_id' },
  tombstone: { table: 'tombstones', key: `entity || ':' || entity_key` },
} as const

type Place = keyof typeof places

/**
 * Runs `work` and notes what it changes as heard from the remote. Given back to it is only what is news to it: see
 * `acceptChunk`.
 * @param others whether an observation that is none of the arrivals came with them; asked for few
 */
export function hearing<T>(
  tx: WriteTx,
  remote: string,
  arrivals: readonly Arrival[],
  work: () => T,
  others: (syncId: string) => boolean = () => false,
): T {
  const before = changeSeqNow(tx)
  const untold = untoldOf(tx, remote, arrivals)
  const result = work()
  const after = changeSeqNow(tx)
  if (after === before) return result
  addHeard(tx, remote, before, after)
  const named = keysOf(arrivals)
  for (const place of ['session', 'observation', 'prompt', 'relation', 'tombstone'] as const) {
    const changed = changedIn(tx, place, before, after)
    // Sessions go with what points to them.
    const isNews = (key: string): boolean =>
      untold[place].has(key) ||
      (place !== 'session' && !named[place].has(key) && !(place === 'observation' && others(key)))
    for (const key of changed.filter(isNews)) tellAgain(tx, place, key)
  }
  return result
}

const changedIn = (tx: ReadTx, place: Place, after: number, upTo: number): readonly string[] =>
  tx
    .all<{ key: string }>(
      `SELECT ${places[place].key} AS key FROM ${places[place].table} WHERE change_seq > ? AND change_seq <= ?`,
      after,
      upTo,
    )
    .map(({ key }) => key)

function tellAgain(tx: WriteTx, place: Place, key: string): void {
  const { table, key: name } = places[place]
  tx.run(`UPDATE ${table} SET change_seq = ? WHERE ${name} = ?`, nextChangeSeq(tx), key)
}

type Keys = Readonly<Record<Place, Set<string>>>

const noKeys = (): Keys => ({
  session: new Set(),
  observation: new Set(),
  prompt: new Set(),
  relation: new Set(),
  tombstone: new Set(),
})

function keysOf(arrivals: readonly Arrival[]): Keys {
  const keys = noKeys()
  for (const arrival of arrivals) {
    const [place, key] = placeOf(arrival)
    keys[place].add(key)
  }
  return keys
}

function placeOf(arrival: Arrival): readonly [Place, string] {
  switch (arrival.entity) {
    case 'session':
      return ['session', arrival.row.id]
    case 'tombstone':
      return ['tombstone', `${arrival.row.entity}:${arrival.row.entity_key}`]
    case 'version':
      return ['observation', arrival.row.sync_id]
    case 'observation':
    case 'prompt':
    case 'relation':
      return [arrival.entity, arrival.row.sync_id ?? '']
  }
}

/** Records of the chunk in a state that the remote does not know of yet. */
function untoldOf(tx: ReadTx, remote: string, arrivals: readonly Arrival[]): Keys {
  const untold = noKeys()
  const told = leastCursorOf(tx, remote)
  if (nextUntold(tx, remote, told) === null) return untold
  for (const arrival of arrivals) {
    const [place, key] = placeOf(arrival)
    const { table, key: name } = places[place]
    const row = tx.get<{ seq: number }>(`SELECT change_seq AS seq FROM ${table} WHERE ${name} = ?`, key)
    if (row !== undefined && row.seq > told && !isHeard(tx, remote, row.seq)) untold[place].add(key)
  }
  return untold
}
