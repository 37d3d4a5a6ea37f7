import type { ObservationRow, PromptRow, SessionRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'

/** How many rows of a project are held at once: contents are long, and a project may be large. */
const blockRows = 500

/** The observations of a project, in blocks by id, also soft-deleted ones. What is moved or removed meanwhile is no matter. */
export const observationsOfProject = (tx: ReadTx, project: string): Iterable<ObservationRow> =>
  inBlocks(
    (after) =>
      tx.all<ObservationRow>(
        'SELECT * FROM observations WHERE project = ? AND id > ? ORDER BY id LIMIT ?',
        project,
        after,
        blockRows,
      ),
    (row) => row.id,
  )

export const promptsOfProject = (tx: ReadTx, project: string): Iterable<PromptRow> =>
  inBlocks(
    (after) =>
      tx.all<PromptRow>(
        'SELECT * FROM prompts WHERE project = ? AND id > ? ORDER BY id LIMIT ?',
        project,
        after,
        blockRows,
      ),
    (row) => row.id,
  )

export const sessionsOfProject = (tx: ReadTx, project: string): Iterable<SessionRow> =>
  inBlocks(
    (after) =>
      tx.all<SessionRow>(
        'SELECT * FROM sessions WHERE project = ? AND number > ? ORDER BY number LIMIT ?',
        project,
        after,
        blockRows,
      ),
    (row) => row.number,
  )

function* inBlocks<Row>(next: (after: number) => readonly Row[], keyOf: (row: Row) => number): Iterable<Row> {
  let after = 0
  for (let block = next(after); block.length > 0; block = next(after)) {
    for (const row of block) {
      after = keyOf(row)
      yield row
    }
  }
}
