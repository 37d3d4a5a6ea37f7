import { relationVerbs } from '../../model/records.ts'
import { formatTime } from '../../model/times.ts'
import { listConflicts } from '../../store/conflicts.ts'
import type { ObservationRow } from '../../store/rows.ts'
import type { ReadTx, WriteTx } from '../../store/transaction.ts'
import { parseNames } from '../../store/versions.ts'
import { hardDeleteRow } from '../delete-observation.ts'
import { editObservation } from '../edit-observation.ts'
import { newRelation, putJudgment } from '../judge-relation.ts'
import { prepareSave, saveObservation } from '../save.ts'
import { settleConflict } from '../settle-conflict.ts'
import type { Machine } from './machine.ts'

/** What somebody does by hand on a machine of a simulation, and what stands there in the end. */

export type Deed = {
  readonly do: 'save' | 'edit' | 'delete' | 'restore' | 'destroy' | 'settle' | 'judge'
  readonly pick: number
  readonly text: number
}

/** One change by hand on one machine. */
export function act(tx: WriteTx, { deps }: Machine, who: number, deed: Deed): void {
  if (deed.do === 'save') return save(tx, deps, who, deed)
  if (deed.do === 'settle') return settle(tx, deps, deed)
  const rows = tx.all<ObservationRow>('SELECT * FROM observations ORDER BY sync_id')
  const row = rows[deed.pick % Math.max(1, rows.length)]
  if (row === undefined) return
  switch (deed.do) {
    case 'edit':
      editObservation(tx, deps, row, { content: `Edit ${deed.text} of ${who}`, revision_count: row.revision_count + 1 })
      return
    case 'delete':
      if (row.deleted_at !== null) return
      editObservation(tx, deps, row, { deleted_at: formatTime(deps.clock.nowMs()) })
      return
    case 'restore':
      if (row.deleted_at === null) return
      editObservation(tx, deps, row, { deleted_at: null })
      return
    case 'destroy':
      hardDeleteRow(tx, deps, row)
      return
    case 'judge':
      return judge(tx, deps, row, rows[deed.text % rows.length], deed.text)
  }
}

type Deps = Machine['deps']

function save(tx: WriteTx, deps: Deps, who: number, { pick, text }: Deed): void {
  const topic = pick % 2 === 0 ? { topic_key: `topic-${(pick / 2) % 2}` } : {}
  saveObservation(
    tx,
    deps,
    prepareSave(deps, { title: `Title ${text}`, content: `Text ${text} of ${who}`, ...topic }),
    {
      place: { project: 'acme', source: 'explicit_override', path: '', available: [], known: true, warnings: [] },
      sessionId: `session-${who}`,
      directory: `/home/${who}`,
      agentPid: undefined,
      strict: false,
    },
  )
}

function judge(tx: WriteTx, deps: Deps, a: ObservationRow, b: ObservationRow | undefined, verb: number): void {
  if (b === undefined || a.id === b.id || a.deleted_at !== null || b.deleted_at !== null) return
  putJudgment(tx, deps, newRelation(deps, a, b), {
    relation: relationVerbs[verb % relationVerbs.length] ?? 'related',
    reason: null,
    evidence: null,
    confidence: 1,
    actor: 'agent',
    kind: 'agent',
    model: null,
    sessionId: null,
  })
}

function settle(tx: WriteTx, deps: Deps, { pick, text }: Deed): void {
  const open = listConflicts(tx, null, false, 100).filter((conflict) => conflict.kind !== 'edited_after_delete')
  const conflict = open[pick % Math.max(1, open.length)]
  if (conflict === undefined) return
  const sides =
    conflict.kind === 'same_topic' ? [conflict.sync_id, conflict.other_sync_id ?? ''] : parseNames(conflict.heads)
  const choice = text % 3 === 0 ? { content: `Settled ${text}` } : { take: sides[text % sides.length] ?? '' }
  settleConflict(tx, deps, conflict, { id: conflict.id, ...choice })
}

const tables = [
  'observations',
  'prompts',
  'sessions',
  'projects',
  'relations',
  'tombstones',
  'deferred',
  'observation_versions',
  'observation_conflicts',
  'observation_context',
  'project_authors',
  'index_state',
  'remotes',
  'remote_cursors',
  'remote_heard',
  'chunk_index',
]

/** A machine as it was when its store was made, so that stores are opened once for many runs. */
export const emptyMachine = (machine: Machine): Promise<void> =>
  machine.store.write((tx) => {
    for (const table of tables) tx.run(`DELETE FROM ${table}`)
    for (const table of ['observation_fts', 'observation_grams', 'prompt_fts'])
      tx.run(`INSERT INTO ${table} (${table}) VALUES ('delete-all')`)
    tx.run(`UPDATE meta SET value = '0' WHERE key = 'change_seq'`)
    tx.run(`UPDATE meta SET value = '0000000000000000' WHERE key = 'hlc'`)
  })

/** Every text of a record that lives, with its name, current or kept. */
export const textsOf = (tx: ReadTx): readonly string[] => [
  ...tx.all<{ t: string }>('SELECT sync_id || char(10) || content AS t FROM observations').map(({ t }) => t),
  ...tx
    .all<{ t: string }>(
      `SELECT sync_id || char(10) || json_extract(snapshot, '$.content') AS t FROM observation_versions WHERE snapshot <> ''`,
    )
    .map(({ t }) => t),
]

/** The same list in an order of its own. */
export function mixer(seed: number): <T>(items: readonly T[]) => readonly T[] {
  let state = (seed >>> 0) + 1
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * bound)
  }
  return (items) => {
    const left = [...items]
    return Array.from(items, () => left.splice(below(left.length), 1)).flat()
  }
}
