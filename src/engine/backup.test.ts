import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from './testing/machine.ts'
import type { ImportResult } from '../api/backup.ts'
import { listConflicts } from '../store/conflicts.ts'
import { observationBySyncId } from '../store/observations.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { acceptRecord } from './accept.ts'
import { hardDeleteRow, softDeleteRow } from './delete-observation.ts'
import { editObservation } from './edit-observation.ts'
import { exportBackup } from './export-backup.ts'
import { importBackup, readBackup } from './import-backup.ts'
import { newRelation, putJudgment } from './judge-relation.ts'
import { prepareSave, saveObservation } from './save.ts'
import { settleConflict } from './settle-conflict.ts'

const machines: Machine[] = []
afterEach(() => Promise.all(machines.splice(0).map((machine) => machine.close())))

async function machine(seed: number): Promise<Machine> {
  const opened = await openMachine(seed)
  machines.push(opened)
  return opened
}

const taken = (to: Machine, backup: unknown, strict = false): Promise<ImportResult> =>
  to.store.write((tx) => importBackup(tx, to.deps, readBackup(backup), strict))

const given = (from: Machine): unknown =>
  // As it travels: through text.
  JSON.parse(JSON.stringify(from.store.read((tx) => exportBackup(tx, from.deps, null))))

const place = {
  project: 'acme',
  source: 'explicit_override' as const,
  path: '',
  available: [],
  known: true,
  warnings: [],
}

const save = (
  on: Machine,
  content: string,
  more: { readonly title?: string; readonly topic_key?: string } = {},
): Promise<ObservationRow> =>
  on.store.write((tx) => {
    const prepared = prepareSave(on.deps, { title: 'A title', content, ...more })
    const saved = saveObservation(tx, on.deps, prepared, {
      place,
      sessionId: 'session-1',
      directory: '/work',
      agentPid: undefined,
      strict: false,
    })
    return row(tx, saved.sync_id)
  })

function row(tx: ReadTx, syncId: string): ObservationRow {
  const found = observationBySyncId(tx, syncId)
  if (found === undefined) throw new Error(`${syncId} is not there`)
  return found
}

const edit = (on: Machine, syncId: string, content: string): Promise<ObservationRow> =>
  on.store.write((tx) => editObservation(tx, on.deps, row(tx, syncId), { content }))

/** Everything that is stored but for numbers of rows and of changes, and what lives only while a process does. */
function stored(tx: ReadTx): unknown {
  const all = (sql: string): unknown => tx.all(sql)
  return {
    sessions: all(
      `SELECT id, project, ownership_mode, directory, started_at, ended_at, summary, summary_by, agent, ended_by, isolated, hlc, origin
       FROM sessions ORDER BY id`,
    ),
    observations: tx
      .all<ObservationRow>('SELECT * FROM observations ORDER BY sync_id')
      .map(({ id: _id, change_seq: _seq, ...kept }) => kept),
    versions: all(
      `SELECT sync_id, version, parents, snapshot, hlc, origin, head, captured_at FROM observation_versions ORDER BY sync_id, version`,
    ),
    conflicts: all('SELECT * FROM observation_conflicts ORDER BY id'),
    prompts: all(
      'SELECT sync_id, session_id, content, project, source_inbox_id, author, created_at, hlc, origin FROM prompts ORDER BY sync_id',
    ),
    relations: all(
      `SELECT sync_id, source_id, target_id, relation, reason, evidence, confidence, judgment_status, marked_by_actor, marked_by_kind,
         session_id, project, created_at, updated_at, hlc, origin FROM relations ORDER BY sync_id`,
    ),
    tombstones: all(
      'SELECT entity, entity_key, project, session_id, source_inbox_id, deleted_at, hard, hlc, origin FROM tombstones ORDER BY entity, entity_key',
    ),
    aliases: all('SELECT name, merged_into FROM projects ORDER BY name'),
    waiting: all('SELECT sync_id, entity, payload, apply_status, first_seen_at FROM deferred ORDER BY sync_id'),
  }
}

const golden = (name: string): string =>
  readFileSync(new URL(`../../test/golden/backups/${name}`, import.meta.url), 'utf8')

type Document = {
  sessions: Record<string, unknown>[]
  observations: Record<string, unknown>[]
  prompts: Record<string, unknown>[]
  relations?: Record<string, unknown>[]
}
const document = (name: string): Document => JSON.parse(golden(name)) as Document

describe('import', () => {
  it('MEM-1002 0.2.0 comes in whole and goes out as it came', async () => {
    const on = await machine(1)
    const result = await taken(on, golden('export-0.2.0.json'))
    expect(result).toMatchObject({
      sessions_imported: 1,
      observations_imported: 2,
      prompts_imported: 1,
      relations_imported: 1,
      skipped: [],
    })
    const out = given(on) as Document
    const plain = (rows: readonly Record<string, unknown>[] | undefined) =>
      rows?.map(({ ext: _ext, id: _id, ...kept }) => kept)
    const original = document('export-0.2.0.json')
    for (const key of ['observations', 'prompts', 'relations'] as const)
      expect(plain(out[key])).toEqual(plain(original[key]))
    expect(out.sessions.map(({ ext: _ext, ...kept }) => kept)).toEqual(original.sessions)
    expect(Object.keys(out.observations[0] ?? {}).slice(-2)).toEqual(['pinned', 'ext'])
  })

  it('MEM-1003 0.1.0 rows get the ids of CHK-604, and a second import changes nothing', async () => {
    const on = await machine(1)
    await taken(on, golden('export-0.1.0.json'))
    const ids = on.store.read((tx) =>
      tx.all<{ sync_id: string }>('SELECT sync_id FROM observations UNION ALL SELECT sync_id FROM prompts'),
    )
    expect(ids.map(({ sync_id }) => sync_id).sort()).toEqual([
      'obs-0e2f955df0ab3ec5e47cb64456841e4c',
      'obs-7c29ab22297167747c27ce9d097203da',
      'prompt-5ee67b65d896bd5696684e49276e207b',
    ])
    const before = on.store.read(stored)
    const again = await taken(on, golden('export-0.1.0.json'))
    expect(again).toMatchObject({
      sessions_imported: 0,
      observations_imported: 0,
      observations_updated: 0,
      observations_skipped_stale: 2,
      prompts_imported: 0,
    })
    expect(on.store.read(stored)).toEqual(before)
  })

  it('CHK-604 equal rows of one document stay apart', async () => {
    const on = await machine(1)
    const old = document('export-0.1.0.json')
    const [first] = old.observations
    const result = await taken(on, { ...old, observations: [first, { ...first, content: 'same head, other text' }] })
    expect(result.observations_imported).toBe(2)
  })

  it.each<[string, string, string]>([
    ['an unknown version', golden('export-unsupported.json'), 'unsupported_backup'],
    ['half a document', golden('export-0.2.0.json').slice(0, 900), 'broken_backup'],
    ['no version', '{"observations":[]}', 'broken_backup'],
    ['no document', '[]', 'broken_backup'],
    ['rows that are no list', '{"version":"0.2.0","observations":{}}', 'broken_backup'],
  ])('MEM-1002 %s is refused before anything changes', async (_name, text, code) => {
    const on = await machine(1)
    const before = on.store.read(stored)
    expect(() => readBackup(text)).toThrow(expect.objectContaining({ code }))
    expect(on.store.read(stored)).toEqual(before)
  })

  it('MEM-1003 482 observations with one dangling relation: 482 come in, the relation waits until its end comes', async () => {
    const on = await machine(1)
    const base = document('export-0.2.0.json')
    const [first] = base.observations
    const observations = Array.from({ length: 482 }, (_, index) => ({
      ...first,
      sync_id: `obs-${index.toString(16).padStart(16, '0')}`,
      topic_key: undefined,
      content: `Finding ${index}`,
    }))
    const relation = { ...base.relations?.[0], source_id: 'obs-0000000000000000', target_id: 'obs-nowhere' }
    const result = await taken(on, { ...base, observations, relations: [relation] })
    expect(result).toMatchObject({
      observations_imported: 482,
      relations_imported: 0,
      relations_deferred: 1,
      skipped: [],
    })
    const late = await taken(on, {
      ...base,
      observations: [{ ...first, sync_id: 'obs-nowhere', topic_key: undefined }],
      relations: [],
    })
    expect(late).toMatchObject({ observations_imported: 1, relations_imported: 1 })
    expect(on.store.read((tx) => tx.get('SELECT judgment_status FROM relations'))).toEqual({
      judgment_status: 'judged',
    })
  })

  it('MEM-1003 bad rows are set aside alone and named; strict undoes the whole', async () => {
    const on = await machine(1)
    const base = document('export-0.2.0.json')
    const bad = {
      ...base,
      sessions: [...base.sessions, { project: 'acme' }],
      observations: [
        ...base.observations,
        null,
        { sync_id: 'obs-blank', session_id: 's', title: 't', content: '  ' },
        { sync_id: 'obs-none' },
      ],
      prompts: [...base.prompts, { sync_id: 'prompt-x', session_id: 7, content: 'x' }],
      relations: [{ ...base.relations?.[0], relation: 'hates' }],
    }
    const empty = on.store.read(stored)
    await expect(taken(on, bad, true)).rejects.toMatchObject({ code: 'broken_backup' })
    expect(on.store.read(stored)).toEqual(empty)
    const result = await taken(on, bad)
    expect(result).toMatchObject({ sessions_imported: 1, observations_imported: 2, prompts_imported: 1 })
    expect(result.skipped.map(({ entity, key }) => `${entity} ${key}`)).toEqual([
      'session ',
      'observation ',
      'observation obs-blank',
      'observation obs-none',
      'prompt prompt-x',
      'relation rel-0c6e41d99b3f7a28',
    ])
  })

  it('MEM-110, MEM-1003 a text over its limit is cut and named with its bytes; strict refuses it', async () => {
    const on = await machine(1)
    const base = document('export-0.2.0.json')
    const [first, ...others] = base.observations
    const long = { ...base, observations: [{ ...first, content: 'é'.repeat(30_000) }, ...others] }
    await expect(taken(on, long, true)).rejects.toMatchObject({ code: 'broken_backup' })
    const { cut, skipped } = await taken(on, long)
    expect({ cut, skipped }).toEqual({
      cut: [{ entity: 'observation', key: 'obs-3f9a1c5be07d2418', original_bytes: 60_000, limit_bytes: 50_000 }],
      skipped: [],
    })
    const stored = on.store.read((tx) => row(tx, 'obs-3f9a1c5be07d2418').content)
    expect(stored).toBe(`${'é'.repeat(25_000)}... [truncated]`)
    const again = given(on)
    expect((await taken(on, again, true)).cut).toEqual([])
  })

  it('MEM-110, MEM-1003 a project with NUL in its name is refused with its row, not filed under another name', async () => {
    const on = await machine(1)
    const base = document('export-0.2.0.json')
    const [first, ...others] = base.observations
    const result = await taken(on, { ...base, observations: [{ ...first, project: 'ac\0me' }, ...others] })
    expect(result.skipped.map(({ entity, key }) => `${entity} ${key}`)).toEqual(['observation obs-3f9a1c5be07d2418'])
    expect(result.skipped[0]?.reason).toContain('NUL')
  })

  it('MEM-1701, MEM-1702 a secret in a name is masked wherever the name stands, and the records stay together', async () => {
    const on = await machine(1)
    const secret = ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_')
    const hostile = golden('export-0.2.0.json')
      .replaceAll('ses-7c1f0a52', secret)
      .replaceAll('"acme-api"', '"<private>plan</private>-x"')
    const result = await taken(on, hostile)
    expect(result.skipped).toEqual([])
    const everything = JSON.stringify(on.store.read(stored))
    expect([everything.includes(secret), everything.includes('plan')]).toEqual([false, false])
    expect(on.store.read((tx) => tx.all('SELECT DISTINCT session_id FROM observations'))).toEqual([
      { session_id: '[REDACTED:github]' },
    ])
  })

  it('MEM-1701 what was never to be kept does not come in by a backup either', async () => {
    const on = await machine(1)
    const secret = ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_')
    const hidden = `before <private>the plan</private> after ${secret}`
    const base = document('export-0.2.0.json')
    const result = await taken(on, {
      ...base,
      sessions: base.sessions.map((session) => ({ ...session, summary: hidden })),
      observations: base.observations.map((observation) => ({ ...observation, title: hidden, content: hidden })),
      prompts: base.prompts.map((prompt) => ({ ...prompt, content: hidden })),
      relations: base.relations?.map((relation) => ({ ...relation, reason: hidden })),
    })
    expect(result.redacted).toBeGreaterThanOrEqual(14)
    const everything = JSON.stringify(on.store.read(stored))
    expect(everything).not.toContain('the plan')
    expect(everything).not.toContain(secret)
  })

  it('MEM-507 what was hard-deleted does not come back', async () => {
    const on = await machine(1)
    await taken(on, golden('export-0.2.0.json'))
    await on.store.write((tx) => hardDeleteRow(tx, on.deps, row(tx, 'obs-3f9a1c5be07d2418')))
    const result = await taken(on, golden('export-0.2.0.json'))
    expect(result).toMatchObject({ observations_imported: 0, observations_skipped_stale: 2 })
    expect(on.store.read((tx) => observationBySyncId(tx, 'obs-3f9a1c5be07d2418'))).toBeUndefined()
  })

  it.each([
    ['a later change takes over, and the text before stays a version', '2026-10-01 00:00:00', 'changed elsewhere', 1],
    [
      'an earlier one does not',
      '2026-09-01 00:00:00',
      '**What**: all routes go through requireUser()\n**Why**: two copies drifted & one skipped the <admin> check',
      1,
    ],
  ])('MEM-505 %s', async (_name, updated_at, wanted, versions) => {
    const on = await machine(1)
    const base = document('export-0.2.0.json')
    await taken(on, base)
    const [first, ...others] = base.observations
    await taken(on, { ...base, observations: [{ ...first, content: 'changed elsewhere', updated_at }, ...others] })
    on.store.read((tx) => {
      expect(row(tx, 'obs-3f9a1c5be07d2418').content).toBe(wanted)
      expect(tx.all('SELECT 1 FROM observation_versions')).toHaveLength(versions)
      expect(listConflicts(tx, null, false, 10)).toEqual([])
    })
  })
})

describe('round trip', () => {
  it('MEM-1004 edits, conflicts, deletes, relations, pins, aliases and waiting rows: nothing is lost', async () => {
    const [here, there] = [await machine(1), await machine(2)]
    await busyLife(here, there, [3, 1, 4, 1, 5, 9, 2, 6])
    await expectLossless(here)
  })

  it('MEM-1004, CHK-1206 whatever was done: export and import into an empty store give the same store', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 9 }), { minLength: 4, maxLength: 14 }), async (choices) => {
        const [here, there] = [await openMachine(1), await openMachine(2)]
        machines.push(here, there)
        await busyLife(here, there, choices)
        await expectLossless(here)
      }),
      // The example: a conflict settled here, whose loser was then kept with the name alone.
      { numRuns: 12, examples: [[[0, 0, 0, 1, 0, 8, 0, 0, 9, 0, 0]]] },
    )
  }, 30_000)
})

async function expectLossless(here: Machine): Promise<void> {
  const fresh = await machine(9)
  fresh.deps.clock.set(here.deps.clock.nowMs())
  const result = await taken(fresh, given(here))
  expect(result.skipped).toEqual([])
  expect(fresh.store.read(stored)).toEqual(here.store.read(stored))
  expect(textOf(fresh)).toBe(textOf(here))
  const before = fresh.store.read(stored)
  await taken(fresh, given(here))
  expect(fresh.store.read(stored)).toEqual(before)
}

/** The backup as it is written, without numbers of rows, who writes it, and how often this store tried what waits. */
function textOf({ store, deps }: Machine): string {
  const { ext, ...lists } = store.read((tx) => exportBackup(tx, deps, null))
  const isNumber = (key: string, value: unknown): boolean => key === 'id' && typeof value === 'number'
  return JSON.stringify(
    { ...lists, ext: { ...ext, origin: '' } },
    (key, value: unknown) => (isNumber(key, value) || triedHere.has(key) ? undefined : value),
    1,
  )
}

const triedHere: ReadonlySet<string> = new Set(['retry_count', 'last_attempted_at'])

/** Two machines that edit the same records apart; the first then knows conflicts, deletes and more. */
async function busyLife(here: Machine, there: Machine, choices: readonly number[]): Promise<void> {
  const ids = [await save(here, 'the first'), await save(here, 'the second', { title: 'Another thing' })].map(
    (one) => one.sync_id,
  )
  await taken(there, given(here))
  for (const [index, choice] of choices.entries()) {
    here.deps.clock.advance(1_000 + index)
    there.deps.clock.advance(1_500 + index)
    await act(here, there, choice, ids[(choice + index) % ids.length] ?? '', index)
  }
  await taken(here, given(there))
}

async function act(here: Machine, there: Machine, choice: number, syncId: string, index: number): Promise<void> {
  const actor = index % 2 === 0 ? here : there
  const known = actor.store.read((tx) => observationBySyncId(tx, syncId))
  if (known === undefined) return
  switch (choice) {
    case 0:
    case 1:
    case 2:
      await edit(actor, syncId, `edit ${index} of ${actor === here ? 'here' : 'there'}`)
      return
    case 3:
      await actor.store.write((tx) => softDeleteRow(tx, actor.deps, known))
      return
    case 4:
      await save(actor, `topic ${index}`, { topic_key: 'a/topic', title: `Topic of ${index}` })
      return
    case 5:
      await actor.store.write((tx) => tx.run('UPDATE observations SET pinned = 1 WHERE sync_id = ?', syncId))
      return
    case 6:
      await actor.store.write((tx) => hardDeleteRow(tx, actor.deps, known))
      return
    case 7:
      await actor.store.write((tx) => judgeAll(tx, actor))
      return
    case 8:
      await taken(here, given(there))
      return
    default:
      await actor.store.write((tx) => {
        const [conflict] = listConflicts(tx, null, false, 1)
        if (conflict !== undefined)
          settleConflict(tx, actor.deps, conflict, { id: conflict.id, content: `settled ${index}` })
        const waiting = {
          sync_id: `rel-${index}`,
          source_id: syncId,
          target_id: 'obs-elsewhere',
          relation: 'related' as const,
        }
        acceptRecord(
          tx,
          actor.deps,
          {
            entity: 'relation',
            row: { ...waiting, judgment_status: 'judged', marked_by_actor: 'agent', ext: undefined } as never,
          },
          { remote: null },
        )
        tx.run(
          `INSERT OR IGNORE INTO projects (name, merged_into, created_at) VALUES ('acme-old', 'acme', '2026-06-01 00:00:00')`,
        )
      })
  }
}

function judgeAll(tx: Parameters<typeof editObservation>[0], on: Machine): void {
  const [a, b] = tx.all<ObservationRow>('SELECT * FROM observations WHERE deleted_at IS NULL ORDER BY sync_id')
  if (a === undefined || b === undefined) return
  const said = {
    reason: 'why',
    evidence: null,
    confidence: 0.5,
    actor: 'agent',
    kind: 'agent',
    model: null,
    sessionId: null,
  }
  putJudgment(tx, on.deps, newRelation(on.deps, a, b), { relation: 'conflicts_with', ...said })
}
