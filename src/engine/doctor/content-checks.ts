import { originOf } from '../../store/change-clock.ts'
import type { ObservationRow, VersionRow } from '../../store/rows.ts'
import type { ReadTx } from '../../store/transaction.ts'
import { parseNames, parseSnapshot, type Snapshot } from '../../store/versions.ts'
import { normalisedHash } from '../rules/dedupe.ts'
import { fingerprintOfRow, versionOf } from '../rules/version.ts'
import type { Found } from './check.ts'

/**
 * Whether texts are still what was written (S4): SQLite's own check sees the pages, not the words in them.
 *
 *   content of every memory and of its kept states   against its normalised hash
 *   every field a version fixes, of memories and     against the name of the version, which is a hash over them
 *   states written in this data dir                  (what came from elsewhere may have been masked under its name)
 *
 * Counters, pins, times, prompts, sessions and relations have no such hash.
 */
export const contentFindings = (tx: ReadTx): readonly Found[] => [...changedMemories(tx), ...changedStates(tx)]

const findingsMax = 100

function changedMemories(tx: ReadTx): readonly Found[] {
  const here = originOf(tx)
  const found: Found[] = []
  for (const row of tx.iterate<ObservationRow>('SELECT * FROM observations ORDER BY id')) {
    const what = changeIn(row, row.origin === here ? row.version : null, () => parseNames(row.ancestors))
    if (what !== null) found.push({ kind: what, id: row.id, sync_id: row.sync_id })
    if (found.length === findingsMax) break
  }
  return found
}

function changedStates(tx: ReadTx): readonly Found[] {
  const here = originOf(tx)
  const found: Found[] = []
  for (const row of tx.iterate<VersionRow>(`SELECT * FROM observation_versions WHERE snapshot <> '' ORDER BY number`)) {
    const what = changeInState(row, here)
    if (what !== null) found.push({ kind: what, sync_id: row.sync_id, version: row.version })
    if (found.length === findingsMax) break
  }
  return found
}

function changeInState(row: VersionRow, here: string): string | null {
  const state = readable(() => parseSnapshot(row.snapshot))
  if (state === null) return 'state_unreadable'
  const parents = (): readonly string[] => [...new Set([...parseNames(row.parents), ...parseNames(row.ancestors)])]
  return changeIn(state, row.origin === here ? row.version : null, parents)
}

/** @param version its name, where that was made here */
function changeIn(state: Snapshot, version: string | null, ancestors: () => readonly string[]): string | null {
  if (normalisedHash(state.content) !== state.normalized_hash) return 'content_changed'
  if (version === null) return null
  const names = readable(ancestors)
  return names === null || !isNamed(version, fingerprintOfRow(state), names) ? 'fields_changed' : null
}

/** Parents stand first among the ancestors; how many they are, the row does not say. */
function isNamed(version: string, fingerprint: string, ancestors: readonly string[]): boolean {
  const counts = [Math.min(1, ancestors.length), ...ancestors.keys(), ancestors.length]
  return counts.some((count) => versionOf(ancestors.slice(0, count), fingerprint) === version)
}

/** What a flipped bit made unreadable is no crash. */
function readable<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
