import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from './testing/machine.ts'
import type { SaveResult } from '../api/observations.ts'
import { observationBySyncId } from '../store/observations.ts'
import { relationHandlers, relationNotesOf } from './relations.ts'
import { prepareSave, saveObservation } from './save.ts'
import { softDeleteRow } from './delete-observation.ts'
import { isCandidate } from './rules/likeness.ts'

let here: Machine
beforeEach(async () => {
  here = await openMachine(1)
})
afterEach(() => here.close())

const save = (
  title: string,
  more: { readonly topic_key?: string; readonly project?: string; readonly content?: string } = {},
): Promise<SaveResult> =>
  here.store.write((tx) => {
    const place = {
      project: more.project ?? 'acme',
      source: 'explicit_override' as const,
      path: '',
      available: [],
      known: true,
      warnings: [],
    }
    const input = {
      title,
      content: more.content ?? `About ${title}`,
      ...(more.topic_key === undefined ? {} : { topic_key: more.topic_key }),
    }
    const context = {
      place,
      sessionId: `session-${place.project}`,
      directory: '/work',
      agentPid: undefined,
      strict: false,
    }
    return saveObservation(tx, here.deps, prepareSave(here.deps, input), context)
  })

describe('surfacing', () => {
  it.each<[string, string, string, boolean]>([
    ['two words shared', 'Retry policy of uploads', 'Uploads need another retry', true],
    ['one word of many', 'Retry policy of uploads', 'Uploads are slow', false],
    ['stop words do not count', 'What is the cache', 'What is the queue', false],
    ['one equal word', 'Uploads', 'uploads', true],
  ])('MEM-902 %s', (_name, a, b, like) => {
    expect(isCandidate({ title: a, topic_key: null }, { title: b, topic_key: null })).toBe(like)
  })

  it('MEM-902 a save notes at most three candidates of its project as pending', async () => {
    await save('Retry policy for downloads', { project: 'other' })
    for (let index = 0; index < 4; index++) await save(`Retry policy number${index} of uploads`)
    const saved = await save('New retry policy of uploads')
    expect(saved.candidates).toHaveLength(3)
    expect(saved).toMatchObject({
      judgment_required: true,
      judgment_status: 'pending',
      judgment_id: saved.candidates[0]?.judgment_id,
    })
    expect(new Set(saved.candidates.map((one) => one.sync_id))).not.toContain(saved.sync_id)
  })

  it('MEM-903 what is only repeated brings nothing up', async () => {
    await save('Retry policy of uploads')
    await save('Retry policy of downloads uploads', { content: 'other' })
    const again = await save('Retry policy of uploads')
    expect(again).toMatchObject({ outcome: 'repeated', candidates: [], judgment_required: false })
  })

  it('MEM-902 a pair that was judged is not brought up again', async () => {
    await save('Retry policy of uploads', { topic_key: 'a/b' })
    const second = await save('Retry policy of uploads again')
    await relationHandlers['relation.judge'](here.deps, { id: second.judgment_id ?? '', relation: 'compatible' }, {})
    const third = await save('Retry policy of uploads', { topic_key: 'a/b', content: 'revised' })
    expect(third).toMatchObject({ outcome: 'revised', candidates: [] })
  })
})

describe('judging', () => {
  async function pair(): Promise<readonly [SaveResult, SaveResult]> {
    return [await save('Retry policy of uploads'), await save('Uploads retry policy, second try')]
  }

  it('MEM-904 sets verb, reason and who; judging again overwrites', async () => {
    const [first, second] = await pair()
    const id = second.judgment_id ?? ''
    await relationHandlers['relation.judge'](here.deps, { id, relation: 'conflicts_with', confidence: 7 }, {})
    const judged = await relationHandlers['relation.judge'](
      here.deps,
      { id, relation: 'supersedes', reason: 'newer <private>why</private>', model: 'm' },
      {},
    )
    expect(judged).toMatchObject({
      sync_id: id,
      relation: 'supersedes',
      reason: 'newer [REDACTED]',
      confidence: 1,
      judgment_status: 'judged',
      marked_by_actor: 'agent',
      marked_by_kind: 'agent',
      marked_by_model: 'm',
      source_title: second.title,
      target_title: first.title,
    })
    expect(here.store.read((tx) => relationNotesOf(tx, first.sync_id))).toMatchObject([
      { relation: 'supersedes', direction: 'in', sync_id: second.sync_id, deleted: false },
    ])
  })

  it('MEM-904 compare states it on the pair in either direction, or makes it', async () => {
    const [first, second] = await pair()
    const input = {
      memory_id_a: first.sync_id,
      memory_id_b: second.sync_id,
      relation: 'not_conflict' as const,
      confidence: 0.8,
      reasoning: 'r'.repeat(300),
    }
    const { sync_id } = await relationHandlers['relation.compare'](here.deps, input, {})
    expect(sync_id).toBe(second.judgment_id)
    expect(await relationHandlers['relation.get'](here.deps, { id: sync_id }, {})).toMatchObject({
      relation: 'not_conflict',
      source_id: first.sync_id,
      reason: 'r'.repeat(200),
      marked_by_actor: 'engram',
      marked_by_kind: 'system',
    })
    const far = await save('Something else entirely')
    const made = await relationHandlers['relation.compare'](here.deps, { ...input, memory_id_b: far.sync_id }, {})
    expect(made.sync_id).not.toBe(sync_id)
  })

  it.each([
    ['two projects', 'cross_project_relation', async () => (await save('Elsewhere', { project: 'other' })).sync_id],
    ['itself', 'invalid_request', async (first: SaveResult) => first.sync_id],
    ['nothing', 'not_found', async () => 'obs-nowhere'],
  ])('MEM-904 comparing with %s is refused', async (_name, code, other) => {
    const [first] = await pair()
    const input = {
      memory_id_a: first.sync_id,
      memory_id_b: await other(first),
      relation: 'related' as const,
      confidence: 1,
      reasoning: '',
    }
    await expect((async () => relationHandlers['relation.compare'](here.deps, input, {}))()).rejects.toMatchObject({
      code,
    })
  })

  it('MEM-905 a deleted end is shown as deleted', async () => {
    const [first, second] = await pair()
    await relationHandlers['relation.judge'](here.deps, { id: second.judgment_id ?? '', relation: 'supersedes' }, {})
    await here.store.write((tx) => {
      const row = observationBySyncId(tx, first.sync_id)
      if (row !== undefined) softDeleteRow(tx, here.deps, row)
    })
    expect(await relationHandlers['relation.stats'](here.deps, { all_projects: true }, {})).toMatchObject({
      by_judgment_status: { orphaned: 1 },
      by_relation: { supersedes: 1 },
      deferred: 0,
      dead_count: 0,
    })
  })
})

describe('scan', () => {
  it('MEM-906 dry by default; applied, it notes each pair once, page by page, up to a cap', async () => {
    for (let index = 0; index < 4; index++) await save(`Retry policy number${index} of uploads`)
    await here.store.write((tx) => tx.run('DELETE FROM relations'))
    const scan = (more: object = {}) => relationHandlers['relation.scan'](here.deps, { project: 'acme', ...more }, {})
    expect(await scan()).toMatchObject({
      inspected: 4,
      candidates_found: 6,
      already_related: 0,
      inserted: 0,
      dry_run: true,
      capped: false,
    })
    expect(await scan({ limit: 2 })).toMatchObject({ inspected: 2, next_cursor: 2 })
    const capped = await scan({ apply: true, max_insert: 2 })
    expect(capped).toMatchObject({ inserted: 2, capped: true })
    expect(capped).not.toHaveProperty('next_cursor')
    expect(await scan({ apply: true })).toMatchObject({ inserted: 4, already_related: 4, dry_run: false })
    expect(await scan({ apply: true })).toMatchObject({ inserted: 0 })
    const page = await relationHandlers['relation.list'](
      here.deps,
      { all_projects: true, status: 'pending', limit: 4 },
      {},
    )
    expect(page).toMatchObject({ total: 6, limit: 4, offset: 0 })
    expect(page.relations[0]?.source_title).toContain('Retry policy')
  })
})
