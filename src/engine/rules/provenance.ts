import type { Provenance } from '../../model/records.ts'
import type { ObservationRow } from '../../store/rows.ts'

type Origin = Pick<ObservationRow, 'provenance' | 'confidence'>

/** Where a row came from, as it was written; anything unreadable counts as none. */
export function parseProvenance(json: string | null): Provenance | null {
  if (json === null) return null
  try {
    const parsed: unknown = JSON.parse(json)
    return typeof parsed === 'object' && parsed !== null && 'kind' in parsed ? (parsed as Provenance) : null
  } catch {
    return null
  }
}

/** Made by a rule or a model, and looked at by nobody yet (ING-EXT-7). */
export const isUnreviewed = (row: Origin): boolean => parseProvenance(row.provenance)?.review === 'unreviewed'

/** The confidence to show beside a memory nobody has looked at; null for curated ones (ING-EXT-7). */
export const shownConfidence = (row: Origin): number | null =>
  row.confidence !== null && isUnreviewed(row) ? row.confidence : null

/** ` (auto 0.75)`, or nothing for curated ones. */
export function autoMark(row: Origin): string {
  const confidence = shownConfidence(row)
  return confidence === null ? '' : ` (auto ${confidence.toFixed(2)})`
}
