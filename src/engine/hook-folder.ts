import { join } from 'node:path'
import { formatTime } from '../model/times.ts'
import type { EngineDeps } from './handler.ts'
import type { HookCall } from './hook-event.ts'

/** What hooks leave in the data dir; in a file of its own, since each hook reads only what its event needs. */
export const hooksDirectory = (deps: Pick<EngineDeps, 'dataDir'>): string => join(deps.dataDir, 'hooks')

const firedShape = /^([a-z0-9-]{1,40})[.]([a-z-]{1,40})$/

/** The name under which a hook notes that it fired; null for an agent or event that makes no name. */
export function firedName({ agent, name, event }: HookCall): string | null {
  const mark = `${agent}.${name}`
  return event.kind !== 'nothing' && firedShape.test(mark) ? mark : null
}

export type HookFired = { readonly agent: string; readonly event: string; readonly last: string }

/** When each hook of each agent last fired (MEM-1603), by name. */
export async function hooksFired(deps: Pick<EngineDeps, 'dataDir' | 'files'>): Promise<readonly HookFired[]> {
  const directory = join(hooksDirectory(deps), 'fired')
  const names = ((await deps.files.list(directory)) ?? []).map((one) => one.name)
  const facts = await deps.files.factsOfMany(names.map((name) => join(directory, name)))
  return names.flatMap((mark, index) => {
    const [, agent, event] = firedShape.exec(mark) ?? []
    const fact = facts[index]
    if (agent === undefined || event === undefined || fact === null || fact === undefined) return []
    return [{ agent, event, last: formatTime(Number(fact.mtimeNs / 1_000_000n)) }]
  })
}
