/** What a statement takes. Whole numbers travel as INTEGER, others as REAL; booleans are for the row functions to map. */
export type SqlValue = string | number | bigint | null | Uint8Array

/** `changes`: rows changed (for `… RETURNING`, rows returned) · `lastId`: the row id of the last insert. */
export type RunResult = { readonly changes: number; readonly lastId: number }
