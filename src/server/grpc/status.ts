import type { EngramError } from '../../model/errors.ts'

/** A failure as gRPC tells it: a status of the one table, a sentence, and what a program may read beside. */
export type Failure = {
  /** Name of a gRPC status. */
  readonly status: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
  /** JSON; empty where nothing more is known. */
  readonly details: string
}

export const failureOf = (error: EngramError): Failure => ({
  status: error.row.grpc,
  // What a defect says of itself is for the log, not for whoever asked.
  message: error.code === 'internal' ? 'internal error' : error.message,
  metadata: { 'engram-code': error.code, 'engram-hint': plain(error.hint) },
  details: Object.keys(error.details).length === 0 ? '' : JSON.stringify(error.details),
})

/** Metadata of texts holds printable ASCII alone. */
const plain = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?')
