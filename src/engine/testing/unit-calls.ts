import type { Input } from '../../api/operations.ts'
import type { UnitHits } from '../../api/work-units.ts'
import type { WorkUnit } from '../../model/live.ts'
import type { TestEngine } from './test-engine.ts'

type Append = Input<'work-unit.append'>

/** What tests of units found by meaning ask of the engine that is open. */
export const unitCalls = (world: () => TestEngine) => ({
  post: async (payload: string | undefined, more: Partial<Append> = {}): Promise<WorkUnit> => {
    const text = payload === undefined ? {} : { payload }
    const unit = { context_id: 'c', agent_id: 'ada', type: 'MESSAGE', ...text, create_context: true, ...more }
    return (await world().engine.call('work-unit.append', unit)).unit
  },
  /** Any nearness will do, unless a test is about it. */
  search: (input: Input<'work-unit.search'>): Promise<UnitHits> =>
    world().engine.call('work-unit.search', { min_similarity: 0, include_units: true, ...input }),
  settle: () => world().engine.call('index.wait', { vectors: true }),
  texts: ({ hits }: UnitHits) => hits.map(({ unit }) => unit?.payload),
})
