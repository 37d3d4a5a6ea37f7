import { changeSeqNow } from './change-clock.ts'
import { indexTextVersion } from './index-text.ts'
import type { ObservationRow, PromptRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/**
 * How far the change clock was read, where a running rebuild stands, rows since the last whole merge (RET-104 to RET-106),
 * and how often words of conversations changed.
 */
export type IndexKind = 'observation' | 'prompt' | 'observation.rebuild' | 'prompt.rebuild' | 'merge' | 'transcript'

/** Version of tokeniser, splitting rules and columns. Weights are not in it: changing one needs no rebuild (RET-105). */
export const indexBuiltWith = `porter-unicode61/${indexTextVersion}`

export type IndexState = { readonly cursor: number; readonly built_with: string }

export const indexState = (tx: ReadTx, kind: IndexKind): IndexState | undefined =>
  tx.get<IndexState>('SELECT cursor, built_with FROM index_state WHERE kind = ?', kind)

export function setIndexState(tx: WriteTx, kind: IndexKind, cursor: number): void {
  tx.run(
    `INSERT INTO index_state (kind, cursor, built_with) VALUES (?, ?, ?)
     ON CONFLICT (kind) DO UPDATE SET cursor = excluded.cursor, built_with = excluded.built_with`,
    kind,
    cursor,
    indexBuiltWith,
  )
}

export function dropIndexState(tx: WriteTx, kind: IndexKind): void {
  tx.run('DELETE FROM index_state WHERE kind = ?', kind)
}

/** How many changes the index has still to read. */
export const changesBehind = (tx: ReadTx): number =>
  Math.max(0, changeSeqNow(tx) - (indexState(tx, 'observation')?.cursor ?? 0))

/** A changed observation, as far as its neighbourhood depends on it. */
export type ChangedObservation = Pick<
  ObservationRow,
  'id' | 'session_id' | 'project' | 'scope' | 'created_at' | 'hlc' | 'deleted_at' | 'change_seq'
>

export const changedObservations = (tx: ReadTx, cursor: number, limit: number): ChangedObservation[] =>
  tx.all<ChangedObservation>(
    `SELECT id, session_id, project, scope, created_at, hlc, deleted_at, change_seq FROM observations
     WHERE change_seq > ? ORDER BY change_seq LIMIT ?`,
    cursor,
    limit,
  )

export const changedPrompts = (tx: ReadTx, cursor: number, limit: number): PromptRow[] =>
  tx.all<PromptRow>('SELECT * FROM prompts WHERE change_seq > ? ORDER BY change_seq LIMIT ?', cursor, limit)

export const liveObservationsAfter = (tx: ReadTx, id: number, limit: number): ObservationRow[] =>
  tx.all<ObservationRow>(
    'SELECT * FROM observations WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?',
    id,
    limit,
  )

export const promptsAfterId = (tx: ReadTx, id: number, limit: number): PromptRow[] =>
  tx.all<PromptRow>('SELECT * FROM prompts WHERE id > ? ORDER BY id LIMIT ?', id, limit)

/** Index rows without a live record, and live records without an index row (RET-107). */
export type IndexDifferences = { readonly orphaned: readonly number[]; readonly missing: readonly number[] }

export function observationIndexDifferences(tx: ReadTx, limit: number): IndexDifferences {
  return {
    orphaned: idsOf(
      tx,
      `SELECT id FROM observation_fts_docsize
       WHERE id NOT IN (SELECT id FROM observations WHERE deleted_at IS NULL) LIMIT ?`,
      limit,
    ),
    missing: idsOf(
      tx,
      `SELECT id FROM observations WHERE deleted_at IS NULL AND id NOT IN (SELECT id FROM observation_fts_docsize) LIMIT ?`,
      limit,
    ),
  }
}

export function promptIndexDifferences(tx: ReadTx, limit: number): IndexDifferences {
  return {
    orphaned: idsOf(tx, 'SELECT id FROM prompt_fts_docsize WHERE id NOT IN (SELECT id FROM prompts) LIMIT ?', limit),
    missing: idsOf(tx, 'SELECT id FROM prompts WHERE id NOT IN (SELECT id FROM prompt_fts_docsize) LIMIT ?', limit),
  }
}

const idsOf = (tx: ReadTx, sql: string, limit: number): readonly number[] =>
  tx.all<{ id: number }>(sql, limit).map((row) => row.id)

/** Live records of a kind, and the index rows there are. */
export const countIndexed = (
  tx: ReadTx,
  kind: 'observation' | 'prompt',
): { readonly records: number; readonly rows: number } =>
  tx.get<{ records: number; rows: number }>(
    kind === 'observation'
      ? `SELECT (SELECT count(*) FROM observations WHERE deleted_at IS NULL) AS records,
           (SELECT count(*) FROM observation_fts_docsize) AS rows`
      : 'SELECT (SELECT count(*) FROM prompts) AS records, (SELECT count(*) FROM prompt_fts_docsize) AS rows',
  ) ?? { records: 0, rows: 0 }

/** Rows of the observation index; close enough by its highest id, and that is free. */
export const countIndexRows = (tx: ReadTx): number =>
  tx.get<{ n: number | null }>('SELECT max(id) AS n FROM observation_fts_docsize')?.n ?? 0

/** Drops every derived row; nothing is lost by it (RET-104). */
export function clearIndex(tx: WriteTx): void {
  tx.run(`INSERT INTO observation_fts (observation_fts) VALUES ('delete-all')`)
  tx.run(`INSERT INTO observation_grams (observation_grams) VALUES ('delete-all')`)
  tx.run(`INSERT INTO prompt_fts (prompt_fts) VALUES ('delete-all')`)
  tx.run('DELETE FROM observation_context')
  tx.run('DELETE FROM project_authors')
}

/** Tables whose segments are merged when there is time. */
export const mergedTables = ['observation_fts', 'observation_grams', 'prompt_fts'] as const
export type MergedTable = (typeof mergedTables)[number]

/** A save merges this much every other time, so that each pays its share and none pays for a whole level (RET-106). */
const savePages = 8
const saveEvery = 2

/** The share of merging one written record pays: call it once in a save's transaction, after the index row. */
export function mergeAfterSave(tx: WriteTx, rowId: number): void {
  if (rowId % saveEvery !== 0) return
  mergeSegments(tx, 'observation_fts', savePages, false)
  mergeSegments(tx, 'observation_grams', savePages, false)
}

/**
 * Merges up to about `pages` pages of segments; false when there was nothing to merge. `whole` works towards one single
 * segment, as `optimize` does, but in steps (RET-106).
 */
export function mergeSegments(tx: WriteTx, table: MergedTable | 'unit_fts', pages: number, whole: boolean): boolean {
  const before = totalChanges(tx)
  tx.run(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ?)`, whole ? -pages : pages)
  // The command itself counts as one change (sqlite.org/fts5.html, the merge command).
  return totalChanges(tx) - before >= 2
}

const totalChanges = (tx: ReadTx): number => tx.get<{ n: number }>('SELECT total_changes() AS n')?.n ?? 0
