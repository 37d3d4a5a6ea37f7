import { EngramError } from '../model/errors.ts'

/** What waited and was ended by the stop of the server did not end by its caller's wish. */
export function givenUp(thrown: unknown, stopping: AbortSignal | undefined): unknown {
  const isOurs = thrown instanceof EngramError && thrown.code === 'aborted' && stopping?.aborted === true
  return isOurs ? new EngramError('draining', 'The server stops.', { cause: thrown }) : thrown
}
