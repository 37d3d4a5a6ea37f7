import type { ErrorCode } from './errors.ts'

/** How sure a write is when it is answered: on the disk, or in the kernel only. */
export type Durability = 'full' | 'normal'

/** What every call may carry beside its input. */
export type CallContext = {
  readonly signal?: AbortSignal
  readonly durability?: Durability
  /** Shown for work that takes longer than a second. */
  readonly onProgress?: (progress: Progress) => void
}

export type Progress = { readonly done: number; readonly total: number | null; readonly what: string }

/** How a write is to be done: as durable as it asks for itself, else as its call asks; not at all once its caller is gone. */
export type WriteTerms = {
  readonly durability?: Durability
  /** Honoured until the commit (COL-305). */
  readonly signal?: AbortSignal
}

export const writeTermsOf = (
  input: { readonly durability?: Durability | undefined },
  { signal, ...context }: CallContext,
): WriteTerms => {
  const durability = input.durability ?? context.durability
  return { ...(durability === undefined ? {} : { durability }), ...(signal === undefined ? {} : { signal }) }
}

/** The body of a failed HTTP call: `error` stays a string, as old clients parse it (DESIGN §3.3). */
export type ErrorBody = {
  readonly error: string
  readonly code: ErrorCode
  readonly hint?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly request_id?: string
}
