import { changeSeqNow } from './change-clock.ts'
import { observationWhere, type RecordFilters } from './full-text-search.ts'
import { foldText } from './index-text.ts'
import type { ReadTx } from './transaction.ts'
import { embeddedCodePointsMax, embeddedPart, type AroundRow, type PlaceRow, type VectorSource } from './vectors.ts'

type Texts = { readonly title: string; readonly content: string; readonly author: string | null }

/**
 * What a model reads of a record: title, newline, content. A title that only names the author, as in chats, is none: it
 * makes all that one says alike; without it, and without names in the question, recall in conversations is 1.5 points
 * higher.
 */
export function embeddedText({ title, content, author }: Texts): string {
  const isTitle = author === null || foldText(title).trim() !== foldText(author).trim()
  return embeddedPart(isTitle ? `${title}\n${content}` : content)
}

type TextRow = Texts & { readonly id: number; readonly change_seq: number }

/** Observations follow the change clock; triggers take the vector of one that is deleted or whose text changes. */
export const observationVectors: VectorSource = {
  kind: 'observation',
  reach: Number.POSITIVE_INFINITY,
  seqNow: changeSeqNow,
  unembedded: (tx, model, range, limit) =>
    tx
      .all<TextRow>(
        `SELECT o.id, o.title, substr(o.content, 1, ${embeddedCodePointsMax}) AS content, o.author, o.change_seq
         FROM observations o
         WHERE o.change_seq > ? AND o.change_seq < ? AND o.deleted_at IS NULL AND NOT EXISTS
           (SELECT 1 FROM vectors v WHERE v.kind = 'observation' AND v.record_id = o.id AND v.model = ?)
         ORDER BY o.change_seq DESC LIMIT ?`,
        range.after,
        range.before,
        model,
        limit,
      )
      .map((row) => ({ id: row.id, text: embeddedText(row), seq: row.change_seq })),
  textNow: (tx, id) => {
    const row = tx.get<Texts>('SELECT title, content, author FROM observations WHERE id = ? AND deleted_at IS NULL', id)
    return row === undefined ? undefined : embeddedText(row)
  },
  placesByIds: (tx, ids) =>
    tx.all<PlaceRow>(
      `SELECT o.id, o.project, o.scope, o.expires_at FROM json_each(?) j CROSS JOIN observations o ON o.id = j.value`,
      JSON.stringify(ids),
    ),
  placesChangedAfter: (tx, seq) =>
    tx.all<PlaceRow>('SELECT id, project, scope, expires_at FROM observations WHERE change_seq > ?', seq),
  aroundOf: (tx, ids): readonly AroundRow[] =>
    tx
      .all<{ row_id: number; used_id: number; before: number }>(
        `SELECT c.row_id, c.used_id, (u.created_at, u.hlc, u.id) < (o.created_at, o.hlc, o.id) AS before
         FROM json_each(?) j
         CROSS JOIN observation_context c INDEXED BY observation_context_by_row ON c.row_id = j.value
         CROSS JOIN observations u ON u.id = c.used_id
         CROSS JOIN observations o ON o.id = c.row_id
         ORDER BY c.row_id, u.created_at, u.hlc, u.id`,
        JSON.stringify(ids),
      )
      .map(({ row_id, used_id, before }) => ({ row_id, used_id, isBefore: before === 1 })),
  textLengths: (tx, ids) =>
    new Map(
      tx
        .all<{ id: number; n: number }>(
          `SELECT o.id, length(o.title) + length(o.content) AS n FROM json_each(?) j
           CROSS JOIN observations o ON o.id = j.value`,
          JSON.stringify(ids),
        )
        .map((row) => [row.id, row.n]),
    ),
}

/** Ids of live observations that pass the filters, for scans that project and scope alone do not bound. */
export function eligibleIds(tx: ReadTx, filters: RecordFilters): ReadonlySet<number> {
  const where = observationWhere(filters)
  return new Set(
    tx.all<{ id: number }>(`SELECT o.id FROM observations o WHERE ${where.sql}`, ...where.values).map((row) => row.id),
  )
}
