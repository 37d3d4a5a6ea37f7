import type { Parsed } from '../api/operations.ts'
import type { Rescued } from '../api/projects.ts'
import { nameProject } from '../model/project-name.ts'
import { formatTime } from '../model/times.ts'
import { fileUnder } from '../store/projects.ts'
import { sessionById } from '../store/sessions.ts'
import type { WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { findObservation } from './lookup-observation.ts'
import { moveObservation, movePrompt, moveSession } from './projects-move.ts'
import { findPrompt } from './prompts.ts'

type Outcome = 'rescued' | 'skipped' | { readonly reason: string; readonly owned_by: string }
type Kind = Rescued['blocked'][number]['kind']

/** Gives rows that no project owns to one; rows of another project are left and named (MEM-808). */
export function rescue(tx: WriteTx, deps: EngineDeps, input: Parsed<'project.rescue'>): Rescued {
  const nowMs = deps.clock.nowMs()
  const target = fileUnder(tx, nameProject(input.target_project).name, formatTime(nowMs))
  const done = { session: 0, observation: 0, prompt: 0 }
  const blocked: Rescued['blocked'][number][] = []
  let skipped = 0
  const note = (kind: Kind, id: number | string, outcome: Outcome): void => {
    if (outcome === 'rescued') done[kind]++
    else if (outcome === 'skipped') skipped++
    else blocked.push({ kind, id: String(id), ...outcome })
  }
  for (const id of input.session_ids ?? []) note('session', id, rescueSession(tx, id, target, nowMs))
  for (const id of input.observation_ids ?? []) note('observation', id, rescueObservation(tx, deps, id, target))
  for (const id of input.prompt_ids ?? []) note('prompt', id, rescuePrompt(tx, id, target, nowMs))
  const complete = blocked.length === 0
  return {
    status: complete ? 'rescued' : 'partially_rescued',
    complete,
    blocked,
    target_project: target,
    rescued_observations: done.observation,
    rescued_sessions: done.session,
    rescued_prompts: done.prompt,
    conflicting_records: blocked.filter((one) => one.owned_by !== '').length,
    skipped_records: skipped,
    journaled_local: true,
    reconciliation_status: complete ? 'complete' : 'partial',
  }
}

const missing: Outcome = { reason: 'not_found', owned_by: '' }

function ownership(project: string | null, target: string): Outcome | null {
  if (project === null || project === '') return null
  return project === target ? 'skipped' : { reason: 'owned_by_other_project', owned_by: project }
}

function rescueSession(tx: WriteTx, id: string, target: string, nowMs: number): Outcome {
  const row = sessionById(tx, id)
  if (row === undefined) return missing
  const owned = ownership(row.project, target)
  if (owned !== null) return owned
  moveSession(tx, row, target, nowMs)
  return 'rescued'
}

function rescueObservation(tx: WriteTx, deps: EngineDeps, id: number | string, target: string): Outcome {
  const row = findObservation(tx, id)
  if (row === undefined) return missing
  const owned = ownership(row.project, target)
  if (owned !== null) return owned
  moveObservation(tx, deps, row, target)
  return 'rescued'
}

function rescuePrompt(tx: WriteTx, id: number | string, target: string, nowMs: number): Outcome {
  const row = findPrompt(tx, id)
  if (row === undefined) return missing
  const owned = ownership(row.project, target)
  if (owned !== null) return owned
  movePrompt(tx, row, target, nowMs)
  return 'rescued'
}
