import type { DoctorFinding, RepairReport } from '../../api/doctor.ts'
import { EngramError } from '../../model/errors.ts'
import type { CallContext } from '../../model/operation.ts'
import { rebuildIndex } from '../../search/indexer.ts'
import { copyDatabase, newBackupPath } from '../../store/database-copy.ts'
import { rewriteContextOf, writePromptIndex } from '../../store/full-text.ts'
import { promptsAfter } from '../../store/full-text-neighbours.ts'
import { observationById } from '../../store/observations.ts'
import { promptById, updatePrompt } from '../../store/prompts.ts'
import { sessionById } from '../../store/sessions.ts'
import type { WriteTx } from '../../store/transaction.ts'
import { softDeleteRow } from '../delete-observation.ts'
import { editObservation } from '../edit-observation.ts'
import type { EngineDeps } from '../handler.ts'
import { titleFromContent } from '../rules/cut.ts'
import { forgetSaveTexts } from '../save-operations.ts'
import { endIdle } from '../session-of-write.ts'
import { setSessionSummary } from '../sessions.ts'
import type { Check } from './check.ts'

type Action = DoctorFinding & { readonly do: string }
type Plan = { readonly actions: readonly Action[]; readonly skipped: readonly DoctorFinding[] }
type Repairer = {
  readonly plan: (findings: readonly DoctorFinding[]) => Plan
  readonly apply: (tx: WriteTx, deps: EngineDeps, action: Action) => void
}

/**
 * Repairs what one check found (MEM-1103). Nothing is changed unless `apply` is asked for, and then a copy of the
 * database is made first. Sessions are never invented.
 */
export async function repair(
  deps: EngineDeps,
  check: Check,
  project: string | null,
  mode: RepairReport['mode'],
  context: CallContext,
): Promise<RepairReport> {
  const repairer = repairers[check.id]
  if (repairer === undefined) {
    throw new EngramError('invalid_request', `The check ${check.id} has no repair.`, { hint: check.nextStep })
  }
  const { findings } = await check.examine(deps, project)
  const plan = repairer.plan(findings)
  const report = {
    project: project ?? '',
    check: check.id,
    mode,
    actions: plan.actions,
    skipped: plan.skipped,
    counts: { findings: findings.length, actions: plan.actions.length, skipped: plan.skipped.length },
    backup_path: '',
  }
  if (plan.actions.length === 0) return { ...report, status: 'noop' }
  if (mode !== 'apply') return { ...report, status: mode === 'plan' ? 'planned' : 'dry_run' }
  const backupPath = newBackupPath(deps.dataDir, deps.store.stats().schema, deps.clock.nowMs())
  copyDatabase(deps.store.path, backupPath, deps.ids.ulid())
  await deps.store.write((tx) => {
    for (const action of plan.actions) repairer.apply(tx, deps, action)
  }, context)
  return { ...report, status: 'applied', backup_path: backupPath }
}

const each = (verb: string, findings: readonly DoctorFinding[]): Plan => ({
  actions: findings.map((finding) => ({ ...finding, do: verb })),
  skipped: [],
})

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN)

const indexKinds: readonly string[] = ['index_damaged', 'not_indexed', 'indexed_without_record', 'prompt_not_indexed']

const repairers: Readonly<Record<string, Repairer>> = {
  integrity: {
    plan: (findings) => ({
      actions: findings.some((one) => indexKinds.includes(String(one['kind']))) ? [{ do: 'rebuild_index' }] : [],
      skipped: findings.filter((one) => !indexKinds.includes(String(one['kind']))),
    }),
    apply: (tx, deps) =>
      void rebuildIndex(tx, {
        rowsMax: Number.POSITIVE_INFINITY,
        budgetMs: Number.POSITIVE_INFINITY,
        clock: deps.clock,
        drop: true,
      }),
  },
  stale_open_sessions: {
    plan: (findings) => each('end_session', findings),
    apply: (tx, deps, action) => {
      const row = sessionById(tx, String(action['session_id']))
      if (row !== undefined && row.ended_at === null) endIdle(tx, row, deps.clock.nowMs())
    },
  },
  sync_mutation_required_fields: {
    plan: (findings) => ({
      ...each(
        'title_from_content',
        findings.filter((one) => one['missing'] === 'title'),
      ),
      skipped: findings.filter((one) => one['missing'] !== 'title'),
    }),
    apply: (tx, deps, action) => {
      const row = observationById(tx, numberOf(action['id']))
      const title = row === undefined ? '' : titleFromContent(deps.redactor.clean(row.content).text)
      if (row !== undefined && title !== '') editObservation(tx, deps, row, { title })
    },
  },
  duplicate_observations: {
    plan: (findings) => each('soft_delete_copies', findings),
    apply: (tx, deps, action) => {
      const kept = numberOf(action['kept'])
      const ids = String(action['ids']).split(',').map(Number)
      for (const id of ids.filter((one) => one !== kept)) {
        const row = observationById(tx, id)
        if (row !== undefined) softDeleteRow(tx, deps, row, { suppress: false })
      }
    },
  },
  stored_secrets: {
    plan: (findings) => each('mask', findings),
    apply: (tx, deps, action) => masks[String(action['entity'])]?.(tx, deps, action),
  },
}

const masks: Readonly<Record<string, (tx: WriteTx, deps: EngineDeps, action: Action) => void>> = {
  observation: maskObservation,
  version: (tx, _deps, action) => emptyHistory(tx, String(action['sync_id'])),
  prompt: maskPrompt,
  session: (tx, deps, action) => {
    const row = sessionById(tx, String(action['session_id']))
    if (row !== undefined) setSessionSummary(tx, row, deps.redactor.clean(row.summary ?? '').text, deps.clock.nowMs())
  },
}

/** The old text must not survive: not as a version, not beside its neighbours in the index, not in a kept answer. */
function maskObservation(tx: WriteTx, deps: EngineDeps, action: Action): void {
  const row = observationById(tx, numberOf(action['id']))
  if (row === undefined) return
  const clean = (text: string): string => deps.redactor.clean(text).text
  const cleanOrNull = (text: string | null): string | null => (text === null ? null : clean(text))
  editObservation(tx, deps, row, {
    title: clean(row.title),
    content: clean(row.content),
    tool_name: cleanOrNull(row.tool_name),
    topic_key: cleanOrNull(row.topic_key),
    author: cleanOrNull(row.author),
    provenance: cleanOrNull(row.provenance),
  })
  emptyHistory(tx, row.sync_id)
  rewriteContextOf(tx, row.id)
  forgetSaveTexts(tx, row.sync_id)
}

const emptyHistory = (tx: WriteTx, syncId: string): void =>
  void tx.run(`UPDATE observation_versions SET snapshot = '', ancestors = '[]' WHERE sync_id = ? AND head = 0`, syncId)

/** Prompts never change elsewhere (MEM-506): the masking is of this copy alone. */
function maskPrompt(tx: WriteTx, deps: EngineDeps, action: Action): void {
  const prompt = promptById(tx, numberOf(action['id']))
  if (prompt === undefined) return
  const author = prompt.author === null ? null : deps.redactor.clean(prompt.author).text
  updatePrompt(tx, { ...prompt, content: deps.redactor.clean(prompt.content).text, author })
  for (const later of promptsAfter(tx, prompt)) writePromptIndex(tx, later)
}
