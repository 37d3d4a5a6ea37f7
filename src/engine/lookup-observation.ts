import { EngramError } from '../model/errors.ts'
import { normaliseProject } from '../model/project-name.ts'
import { isBlank } from '../model/text.ts'
import { observationById, observationBySyncId } from '../store/observations.ts'
import { currentProjectName } from '../store/projects.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'

/** The local number a reference means: a number, digits, or `#41`; null for anything else (MEM-1205). */
export function localNumber(reference: number | string): number | null {
  if (typeof reference === 'number') return reference
  const digits = /^#?(\d{1,15})$/.exec(reference)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** The row a reference names: a local number, digits, `#41`, or a sync id (MEM-1205). */
export function findObservation(tx: ReadTx, reference: number | string): ObservationRow | undefined {
  const bySyncId = typeof reference === 'string' ? observationBySyncId(tx, reference) : undefined
  const number = localNumber(reference)
  return bySyncId ?? (number === null ? undefined : observationById(tx, number))
}

/** As {@link findObservation}; nothing there is `not_found`. Soft-deleted rows are found (MEM-406). */
export function requireObservation(tx: ReadTx, reference: number | string): ObservationRow {
  const row = findObservation(tx, reference)
  if (row !== undefined) return row
  throw new EngramError('not_found', `Unknown observation ${JSON.stringify(reference)}.`, {
    details: { id: reference },
  })
}

/** As {@link requireObservation}, for edits: what is deleted is restored first. */
export function requireLive(tx: ReadTx, reference: number | string): ObservationRow {
  const row = requireObservation(tx, reference)
  if (row.deleted_at === null) return row
  throw new EngramError('not_found', `Observation #${row.id} was deleted at ${row.deleted_at}.`, {
    details: { id: row.id, sync_id: row.sync_id, deleted_at: row.deleted_at },
    hint: `\`engram restore ${row.id}\` brings it back.`,
  })
}

/** Refuses when the caller named another project than the record's, by whatever name it has (MEM-402). */
export function checkExpectedProject(tx: ReadTx, row: ObservationRow, expected: string | undefined): void {
  if (expected === undefined || isBlank(expected)) return
  if (currentProjectName(tx, normaliseProject(expected)) === (row.project ?? '')) return
  throw mismatch(row, expected)
}

export const mismatch = (row: ObservationRow, expected: string, hint?: string): EngramError =>
  new EngramError(
    'observation_project_mismatch',
    `Observation #${row.id} belongs to ${row.project ?? 'no project'}, not ${expected}.`,
    {
      details: { id: row.id, project: row.project ?? '', expected_project: expected },
      ...(hint === undefined ? {} : { hint }),
    },
  )
