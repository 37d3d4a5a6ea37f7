import type { OperationName } from '../api/operations.ts'
import type { Handler, Handlers } from './handler.ts'

/**
 * Handlers whose file is read when the first of them is called: a cold start pays for what it calls and no more.
 * @param names every operation the file handles; the type checker compares them with what `load` gives
 */
export function onDemand<Name extends OperationName>(
  names: readonly Name[],
  load: () => Promise<Handlers<Name>>,
): Handlers<Name> {
  let loaded: Handlers<Name> | null = null
  const later =
    <N extends Name>(name: N): Handler<N> =>
    async (deps, input, context) => {
      loaded ??= await load()
      return loaded[name](deps, input, context)
    }
  // One entry per name, each made for that name: an object type cannot say so.
  return Object.fromEntries(names.map((name) => [name, later(name)])) as Handlers<Name>
}
