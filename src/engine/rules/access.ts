import { EngramError } from '../../model/errors.ts'

/** Ids that begin with `$` are the program's own: read by everyone, written by nobody else (COL-101, COL-1207). */
export const isReserved = (contextId: string): boolean => contextId.startsWith('$')

/** Throws `invalid_request` for a write to a reserved context. */
export function refuseReserved(contextId: string): void {
  if (!isReserved(contextId)) return
  throw new EngramError('invalid_request', `Ids that begin with $ are reserved: ${JSON.stringify(contextId)}.`, {
    details: { field: 'context_id' },
  })
}
