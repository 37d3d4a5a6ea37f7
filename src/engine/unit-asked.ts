import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { UnitFilters } from '../store/kind-index.ts'
import { relationshipTypeOf, workUnitTypeOf } from './unit-input.ts'
import { timesOf } from './unit-pages.ts'

type SearchInput = Parsed<'work-unit.search'>

/** What a call asks for, read once. */
export type UnitAsked = {
  readonly input: SearchInput
  readonly text: string
  readonly contexts: readonly string[] | undefined
  readonly filter: UnitFilters
  readonly limit: number
  readonly offset: number
}

export const unitAsked = (input: SearchInput): UnitAsked => ({
  input,
  text: input.query?.trim() ?? '',
  contexts: input.context_ids,
  filter: {
    ...(input.types === undefined || input.types.length === 0 ? {} : { types: input.types.map(workUnitTypeOf) }),
    ...(input.agent_ids === undefined || input.agent_ids.length === 0 ? {} : { agents: input.agent_ids }),
    ...(input.meta_filters === undefined ? {} : { meta: input.meta_filters }),
    ...relatedOf(input),
    ...timesOf(input),
  },
  limit: input.limit ?? limits.livePageDefault,
  offset: input.offset ?? 0,
})

function relatedOf({
  related_to: unitId,
  relation_types: types,
  direction,
}: SearchInput): Pick<UnitFilters, 'related'> {
  if (unitId === undefined) {
    if (types === undefined && direction === undefined) return {}
    throw new EngramError('invalid_request', 'related_to: expected a unit, since its relations are asked for.', {
      details: { field: 'related_to' },
    })
  }
  const named = types === undefined || types.length === 0 ? undefined : types.map(relationshipTypeOf)
  return { related: { unitId, direction: direction ?? 'both', types: named } }
}
