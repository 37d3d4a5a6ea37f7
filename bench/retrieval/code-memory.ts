import { ask, type Asked, type Field, type Mode, type Order } from './asked.ts'
import type { Ground } from './ground.ts'
import { PlainIndex } from './plain.ts'
import type { CodeMemorySet } from './sets.ts'

export const codeProject = 'code-memory'
const tenYearsMs = 3_653 * 86_400_000

export type CodeMemoryWays = {
  readonly modes: readonly Mode[]
  readonly orders: readonly Order[]
  readonly fields: readonly Field[]
  readonly explains: boolean
}

export type CodeMemoryRun = { readonly asked: readonly Asked[]; readonly skipped: number }

/**
 * One project, one save per memory at its time. Replay: each query at its own time, meeting only what was saved until
 * then. Static: all queries after all memories, ten years on, so that freshness says nothing (RET-1203).
 */
export async function runCodeMemory(ground: Ground, set: CodeMemorySet, ways: CodeMemoryWays): Promise<CodeMemoryRun> {
  const memories = set.memories.toSorted((a, b) => Date.parse(a.created) - Date.parse(b.created))
  const queries = set.queries.toSorted((a, b) => Date.parse(a.when) - Date.parse(b.when))
  const ids = new Map<string, number>()
  const plain = new PlainIndex()
  const asked: Asked[] = []
  let skipped = 0
  const askAll = async (query: CodeMemorySet['queries'][number], order: Order): Promise<void> => {
    const gold = query.gold.flatMap((id) => ids.get(id) ?? [])
    if (gold.length === 0) {
      skipped++
      return
    }
    for (const field of ways.fields) {
      const found = plain.find(query[field])
      for (const mode of ways.modes) {
        const told = { text: query[field], project: codeProject, gold, plain: found }
        const more = { order, field, isHard: query.split === 'hard' }
        asked.push({ ...(await ask(ground, mode, told, ways.explains)), ...more })
      }
    }
  }
  let next = 0
  const saveUntil = async (ms: number): Promise<void> => {
    for (
      let memory = memories[next];
      memory !== undefined && Date.parse(memory.created) <= ms;
      memory = memories[next]
    ) {
      await save(ground, memory, ids, plain)
      next++
    }
  }
  if (ways.orders.includes('replay')) {
    for (const query of queries) {
      const whenMs = Date.parse(query.when)
      await saveUntil(whenMs)
      await ground.at(whenMs).settle()
      await askAll(query, 'replay')
    }
  }
  await saveUntil(Number.POSITIVE_INFINITY)
  await ground.settle()
  const last = memories.at(-1)
  ground.at(Date.parse(last?.created ?? '1970') + tenYearsMs)
  if (ways.orders.includes('static')) for (const query of queries) await askAll(query, 'static')
  plain.close()
  return { asked, skipped }
}

async function save(
  ground: Ground,
  memory: CodeMemorySet['memories'][number],
  ids: Map<string, number>,
  plain: PlainIndex,
): Promise<void> {
  const { title, text, type } = memory
  const rest = text.startsWith(title) ? text.slice(title.length).replace(/^\r?\n/, '') : text
  const content = rest.trim() === '' ? title : rest
  const id = await ground.at(Date.parse(memory.created)).save({ type, title, content, project: codeProject })
  ids.set(memory.id, id)
  plain.add(id, title, content)
}
