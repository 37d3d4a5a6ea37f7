import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from './testing/machine.ts'
import type { Output } from '../api/operations.ts'
import type { VersionConflict } from '../model/records.ts'
import { observationBySyncId } from '../store/observations.ts'
import type { ObservationRow } from '../store/rows.ts'
import { conflictHandlers } from './conflicts.ts'
import { hardDeleteRow, restoreObservation, softDeleteRow } from './delete-observation.ts'
import { editObservation } from './edit-observation.ts'
import { exportBackup } from './export-backup.ts'
import { importBackup, readBackup } from './import-backup.ts'
import { newRelation, putJudgment } from './judge-relation.ts'
import { prepareSave, saveObservation } from './save.ts'

let here: Machine
let there: Machine
beforeEach(async () => {
  here = await openMachine(1)
  there = await openMachine(2)
})
afterEach(() => Promise.all([here, there].map((machine) => machine.close())))

const place = {
  project: 'acme',
  source: 'explicit_override' as const,
  path: '',
  available: [],
  known: true,
  warnings: [],
}

const save = (on: Machine, content: string, topic_key?: string): Promise<string> =>
  on.store.write((tx) => {
    const prepared = prepareSave(on.deps, {
      title: `About ${content}`,
      content,
      ...(topic_key === undefined ? {} : { topic_key }),
    })
    const context = { place, sessionId: 'session-1', directory: '/work', agentPid: undefined, strict: false }
    return saveObservation(tx, on.deps, prepared, context).sync_id
  })

function row(on: Machine, syncId: string): ObservationRow {
  const found = on.store.read((tx) => observationBySyncId(tx, syncId))
  if (found === undefined) throw new Error(`${syncId} is not there`)
  return found
}

const edit = (on: Machine, syncId: string, content: string): Promise<ObservationRow> => {
  on.deps.clock.advance(1_000)
  return on.store.write((tx) => editObservation(tx, on.deps, rowIn(tx, syncId), { content }))
}

function rowIn(tx: Parameters<typeof observationBySyncId>[0], syncId: string): ObservationRow {
  const found = observationBySyncId(tx, syncId)
  if (found === undefined) throw new Error(`${syncId} is not there`)
  return found
}

/** Everything one machine knows, told to the other. */
const tell = (from: Machine, to: Machine): Promise<unknown> => {
  const document = JSON.stringify(from.store.read((tx) => exportBackup(tx, from.deps, null)))
  return to.store.write((tx) => importBackup(tx, to.deps, readBackup(document), false))
}

const open = async (on: Machine, settled = false): Promise<readonly VersionConflict[]> =>
  conflictHandlers['conflict.list'](on.deps, { all_projects: true, settled }, {})

const settle = async (
  on: Machine,
  id: string,
  choice: { take?: string; content?: string; title?: string },
): Promise<Output<'conflict.settle'>> => conflictHandlers['conflict.settle'](on.deps, { id, ...choice }, {})

const contents = (conflict: VersionConflict | undefined) => conflict?.heads.map((head) => head.content)

async function editedApart(): Promise<{ readonly syncId: string; readonly id: string }> {
  const syncId = await save(here, 'the start')
  await tell(here, there)
  await edit(here, syncId, 'what was found here')
  there.deps.clock.advance(500)
  await edit(there, syncId, 'what was found there')
  await tell(there, here)
  await tell(here, there)
  const [conflict] = await open(here)
  return { syncId, id: conflict?.id ?? '' }
}

describe('two edits made apart', () => {
  it('MEM-504 both machines show the same one, and list the same conflict with both texts', async () => {
    const { syncId, id } = await editedApart()
    expect(id).toMatch(/^cfl-[0-9a-f]{16}$/)
    for (const machine of [here, there]) {
      expect(row(machine, syncId).content).toBe('what was found there')
      const [conflict, more] = await open(machine)
      expect(more).toBeUndefined()
      expect(conflict).toMatchObject({ id, kind: 'edit', sync_id: syncId })
      expect(contents(conflict)).toEqual(['what was found there', 'what was found here'])
      expect(conflict?.heads.map((head) => head.current)).toEqual([true, false])
    }
  })

  it('MEM-509 taking the other side settles it, here at once and there when it arrives', async () => {
    const { syncId, id } = await editedApart()
    const [conflict] = await open(here)
    const other = conflict?.heads[1]?.version ?? ''
    const settled = await settle(here, id, { take: other.slice(0, 12) })
    expect(settled).toMatchObject({ sync_id: syncId, content: 'what was found here' })
    expect(await open(here)).toEqual([])
    await tell(here, there)
    expect(await open(there)).toEqual([])
    expect(row(there, syncId)).toMatchObject({ content: 'what was found here', version: row(here, syncId).version })
    await expect(settle(here, id, { take: other })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('MEM-509 giving the text settles it; it is redacted like any', async () => {
    const { id } = await editedApart()
    const settled = await settle(there, id, { content: 'both <private>secret</private>', title: 'Both' })
    expect(settled).toMatchObject({ title: 'Both', content: 'both [REDACTED]' })
    expect(await open(there)).toEqual([])
    expect(await open(there, true)).toMatchObject([{ id, settled_by: 'user', settled_version: settled.ext?.version }])
  })

  it.each([
    ['nothing', {}, 'invalid_request'],
    ['both', { take: 'x', content: 'y' }, 'invalid_request'],
    ['a version that is no side', { take: 'ffffffff' }, 'invalid_request'],
    ['blank text', { content: ' ' }, 'observation_content_required'],
  ])('MEM-509 %s settles nothing', async (_name, choice, code) => {
    const { id } = await editedApart()
    await expect(settle(here, id, choice)).rejects.toMatchObject({ code })
    expect(await open(here)).toHaveLength(1)
  })

  it('MEM-509 an unknown conflict is not found', async () => {
    await expect(settle(here, 'cfl-0000000000000000', { take: 'x' })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('MEM-509 another edit of one side keeps the conflict, under its new name', async () => {
    const { syncId, id } = await editedApart()
    await edit(here, syncId, 'and more there')
    const [conflict, more] = await open(here)
    expect(more).toBeUndefined()
    expect(conflict?.id).not.toBe(id)
    expect(contents(conflict)).toEqual(['and more there', 'what was found here'])
  })

  it('MEM-504 the same edit made twice is no conflict', async () => {
    const syncId = await save(here, 'the start')
    await tell(here, there)
    await edit(here, syncId, 'one finding')
    await edit(there, syncId, 'another')
    await edit(there, syncId, 'one finding')
    await tell(there, here)
    await tell(here, there)
    expect(await open(here)).toEqual([])
    expect(row(here, syncId).version).toBe(row(there, syncId).version)
    // An edit made now has seen both.
    await edit(here, syncId, 'the next finding')
    await tell(here, there)
    for (const machine of [here, there]) expect(await open(machine)).toEqual([])
    expect(row(there, syncId).content).toBe('the next finding')
  })
})

describe('deletes', () => {
  it('MEM-509 an edit against a soft delete is listed, and taking the delete deletes', async () => {
    const syncId = await save(here, 'the start')
    await tell(here, there)
    await edit(here, syncId, 'still needed')
    there.deps.clock.advance(5_000)
    await there.store.write((tx) => softDeleteRow(tx, there.deps, rowIn(tx, syncId)))
    await tell(there, here)
    const [conflict] = await open(here)
    expect(conflict).toMatchObject({ kind: 'edit_delete' })
    expect(row(here, syncId).deleted_at).not.toBeNull()
    const live = conflict?.heads.find((head) => !head.deleted)?.version ?? ''
    expect(await settle(here, conflict?.id ?? '', { take: live })).toMatchObject({ content: 'still needed' })
    expect(row(here, syncId).deleted_at).toBeNull()
    await tell(here, there)
    expect(row(there, syncId).deleted_at).toBeNull()
  })

  it('MEM-507 a hard delete removes an edit that did not know of it everywhere; its text waits where it was made', async () => {
    const syncId = await save(here, 'the start')
    await tell(here, there)
    await there.store.write((tx) => hardDeleteRow(tx, there.deps, rowIn(tx, syncId)))
    here.deps.clock.advance(60_000)
    await edit(here, syncId, 'an edit nobody saw')
    await tell(there, here)
    expect(here.store.read((tx) => observationBySyncId(tx, syncId))).toBeUndefined()
    const [conflict] = await open(here)
    expect(conflict).toMatchObject({ kind: 'edited_after_delete', sync_id: syncId })
    expect(contents(conflict)).toEqual(['an edit nobody saw'])
    await tell(here, there)
    expect(there.store.read((tx) => observationBySyncId(tx, syncId))).toBeUndefined()

    const anew = await settle(here, conflict?.id ?? '', { take: conflict?.heads[0]?.version ?? '' })
    expect(anew).toMatchObject({ content: 'an edit nobody saw', revision_count: 1 })
    expect(anew.sync_id).not.toBe(syncId)
    expect(await open(here)).toEqual([])
    expect(here.store.read((tx) => tx.all('SELECT 1 FROM observation_versions WHERE sync_id = ?', syncId))).toEqual([])
  })

  it('MEM-507 what the deleter knew leaves no text behind', async () => {
    const syncId = await save(here, 'the start')
    await edit(here, syncId, 'edited before')
    await tell(here, there)
    there.deps.clock.advance(60_000)
    await there.store.write((tx) => hardDeleteRow(tx, there.deps, rowIn(tx, syncId)))
    await tell(there, here)
    expect(await open(here)).toEqual([])
    for (const table of ['observations', 'observation_versions']) {
      expect(here.store.read((tx) => tx.all(`SELECT 1 FROM ${table}`))).toEqual([])
    }
  })

  it('MEM-406 a delete and its undoing travel', async () => {
    const syncId = await save(here, 'the start')
    await here.store.write((tx) => softDeleteRow(tx, here.deps, rowIn(tx, syncId)))
    await tell(here, there)
    expect(row(there, syncId).deleted_at).not.toBeNull()
    await there.store.write((tx) => restoreObservation(tx, there.deps, rowIn(tx, syncId)))
    await tell(there, here)
    expect(row(here, syncId).deleted_at).toBeNull()
    expect(await open(here)).toEqual([])
  })
})

describe('two observations of one topic', () => {
  async function madeApart(): Promise<readonly [string, string, VersionConflict | undefined]> {
    const first = await save(here, 'from here', 'bug/timeouts')
    there.deps.clock.advance(2_000)
    const second = await save(there, 'from there', 'bug/timeouts')
    await tell(here, there)
    await tell(there, here)
    const [conflict] = await open(here)
    return [first, second, conflict]
  }

  it('MEM-509 both stay live and are listed, everywhere under one id', async () => {
    const [first, second, conflict] = await madeApart()
    expect(conflict).toMatchObject({ kind: 'same_topic', sync_id: [first, second].sort()[0] })
    expect(contents(conflict)?.toSorted()).toEqual(['from here', 'from there'])
    expect((await open(there)).map((one) => one.id)).toEqual([conflict?.id])
    for (const syncId of [first, second]) expect(row(here, syncId).deleted_at).toBeNull()
  })

  it('MEM-509 settling makes a supersedes relation, which closes it where it arrives', async () => {
    const [first, second, conflict] = await madeApart()
    await settle(here, conflict?.id ?? '', { take: first })
    expect(await open(here)).toEqual([])
    expect(
      here.store.read((tx) => tx.all('SELECT source_id, target_id, relation, judgment_status FROM relations')),
    ).toEqual([{ source_id: first, target_id: second, relation: 'supersedes', judgment_status: 'judged' }])
    await tell(here, there)
    expect(await open(there)).toEqual([])
    expect(row(there, second).deleted_at).toBeNull()
  })

  it('MEM-509 it closes by itself when one of them moves to another topic or goes', async () => {
    const [first, , conflict] = await madeApart()
    await here.store.write((tx) => editObservation(tx, here.deps, rowIn(tx, first), { topic_key: 'bug/other' }))
    expect(await open(here)).toEqual([])
    await there.store.write((tx) => softDeleteRow(tx, there.deps, rowIn(tx, first)))
    expect((await open(there)).map((one) => one.id)).not.toContain(conflict?.id)
  })

  /** Three of one topic; by their names the middle one stands between the others, and both know that it goes with it. */
  async function chain(): Promise<readonly [ObservationRow, ObservationRow, ObservationRow]> {
    await save(here, 'one', 'a/topic')
    await save(there, 'two', 'a/topic')
    const third = await openMachine(3)
    try {
      await save(third, 'three', 'a/topic')
      for (const one of [there, third]) await tell(one, here)
    } finally {
      await third.close()
    }
    const [a, b, c] = here.store.read((tx) => tx.all<ObservationRow>('SELECT * FROM observations ORDER BY sync_id'))
    if (a === undefined || b === undefined || c === undefined) throw new Error('three are wanted')
    for (const other of [a, c]) await judge(other, b, 'compatible')
    expect(await open(here)).toEqual([])
    return [a, b, c]
  }

  const judge = (source: ObservationRow, target: ObservationRow, relation: 'compatible' | 'supersedes') =>
    here.store.write((tx) =>
      putJudgment(tx, here.deps, newRelation(here.deps, source, target), {
        relation,
        reason: null,
        evidence: null,
        confidence: 1,
        actor: 'agent',
        kind: 'agent',
        model: null,
        sessionId: null,
      }),
    )

  it.each<[string, (b: ObservationRow) => Promise<unknown>]>([
    ['is deleted', (b) => here.store.write((tx) => softDeleteRow(tx, here.deps, rowIn(tx, b.sync_id)))],
    ['is gone for ever', (b) => here.store.write((tx) => hardDeleteRow(tx, here.deps, rowIn(tx, b.sync_id)))],
    [
      'moves to another topic',
      (b) => here.store.write((tx) => editObservation(tx, here.deps, rowIn(tx, b.sync_id), { topic_key: 'b/topic' })),
    ],
    [
      'is deleted elsewhere',
      async (b) => {
        await tell(here, there)
        await there.store.write((tx) => softDeleteRow(tx, there.deps, rowIn(tx, b.sync_id)))
        await tell(there, here)
      },
    ],
  ])('MEM-509 those around one that %s stand against each other, though it stood against none', async (_how, leave) => {
    const [a, b, c] = await chain()
    await leave(b)
    expect((await open(here)).map((one) => [one.sync_id, one.other_sync_id])).toEqual([[a.sync_id, c.sync_id]])
  })

  it('MEM-509, MEM-905 one that comes back supersedes again what it superseded', async () => {
    const [first, second] = await madeApart()
    await judge(row(here, first), row(here, second), 'supersedes')
    await here.store.write((tx) => softDeleteRow(tx, here.deps, rowIn(tx, first)))
    await here.store.write((tx) => restoreObservation(tx, here.deps, rowIn(tx, first)))
    expect(await open(here)).toEqual([])
  })
})
