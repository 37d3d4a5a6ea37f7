import type { CallContext } from '../model/operation.ts'
import type { Input, OperationName, Output } from './operations.ts'

/**
 * The one port between faces and engine; the engine in this process and the client of a server both implement it.
 *
 * - The input is checked against the operation's schema: `invalid_request` names the field.
 * - Failures are `EngramError` with a code of the one table; expected outcomes are values.
 * - When it resolves, a write is as durable as the context asked (default `full`).
 */
export interface Caller {
  call<N extends OperationName>(operation: N, input: Input<N>, context?: CallContext): Promise<Output<N>>
}
