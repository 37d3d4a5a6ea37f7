import type { WorkUnit } from '../model/live.ts'
import { lastGseq } from './log.ts'
import type { ReadTx } from './transaction.ts'
import { unitText } from './unit-index.ts'
import { embeddedPart, type AroundRow, type VectorSource } from './vectors.ts'

/** What a model reads of a unit: its payload, as redacted as it is stored. One without text gets no vector (COL-1704). */
const embeddedUnit = (body: string): string => embeddedPart(unitText(JSON.parse(body) as WorkUnit)).trim()

/** How many units before one stand around it, as in the index of words (RET-202). */
const aroundMax = 2

/**
 * Units follow the log by `gseq`, and never change: nothing takes a vector away. Other events of a context have no text.
 *
 * @param reach events of the log, the newest, among which units get vectors
 */
export const unitVectors = (reach: number): VectorSource => ({
  kind: 'unit',
  reach,
  seqNow: lastGseq,
  unembedded: (tx, model, range, limit) =>
    tx
      .all<{ gseq: number; body: string }>(
        `SELECT l.gseq, l.body FROM log l
         WHERE l.gseq > ? AND l.gseq < ? AND l.kind = 0 AND NOT EXISTS
           (SELECT 1 FROM vectors v WHERE v.kind = 'unit' AND v.record_id = l.gseq AND v.model = ?)
         ORDER BY l.gseq DESC LIMIT ?`,
        range.after,
        range.before,
        model,
        limit,
      )
      .map(({ gseq, body }) => ({ id: gseq, text: embeddedUnit(body), seq: gseq })),
  textNow: (tx, id) => {
    const row = tx.get<{ body: string }>('SELECT body FROM log WHERE gseq = ? AND kind = 0', id)
    return row === undefined ? undefined : embeddedUnit(row.body)
  },
  placesByIds: (tx, ids) =>
    tx
      .all<{ id: number; context: number }>(
        'SELECT l.gseq AS id, l.context FROM json_each(?) j CROSS JOIN log l ON l.gseq = j.value',
        JSON.stringify(ids),
      )
      .map(({ id, context }) => ({ id, project: String(context), scope: '', expires_at: null })),
  placesChangedAfter: () => [],
  aroundOf: (tx, ids): readonly AroundRow[] =>
    tx
      .all<{ row_id: number; used_id: number }>(
        `SELECT o.gseq AS row_id, u.gseq AS used_id FROM json_each(?) j CROSS JOIN log o ON o.gseq = j.value
         CROSS JOIN log u ON u.gseq IN (SELECT b.gseq FROM log b
           WHERE b.context = o.context AND b.seq < o.seq AND b.kind = 0 ORDER BY b.seq DESC LIMIT ${aroundMax})
         ORDER BY o.gseq, u.seq`,
        JSON.stringify(ids),
      )
      .map((row) => ({ ...row, isBefore: true })),
  textLengths: (tx, ids) =>
    new Map(
      tx
        .all<{ id: number; n: number | null }>(
          `SELECT l.gseq AS id, length(json_extract(l.body, '$.payload')) AS n
           FROM json_each(?) j CROSS JOIN log l ON l.gseq = j.value`,
          JSON.stringify(ids),
        )
        .map(({ id, n }) => [id, n ?? 0]),
    ),
})

/** Units after a place of the log, of these contexts or of all. */
export const countUnitsAfter = (tx: ReadTx, gseq: number, contexts: readonly number[] | null): number =>
  tx.get<{ n: number }>(
    `SELECT count(*) AS n FROM log WHERE gseq > ?1 AND kind = 0
       AND (?2 IS NULL OR context IN (SELECT value FROM json_each(?2)))`,
    gseq,
    contexts === null ? null : JSON.stringify(contexts),
  )?.n ?? 0
