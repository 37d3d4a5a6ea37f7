import type { Caller } from '../api/caller.ts'
import { operations, type Input, type OperationName, type Output } from '../api/operations.ts'
import { EngramError, toEngramError } from '../model/errors.ts'
import type { CallContext } from '../model/operation.ts'
import { contextHandlers } from './context.ts'
import { extractedHandlers } from './extracted.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { markError, markSearch } from './marks.ts'
import { observationHandlers } from './observations.ts'
import { onDemand } from './on-demand.ts'
import { projectHandlers } from './projects.ts'
import { promptHandlers } from './prompts.ts'
import { recallHandlers } from './recall.ts'
import { relationHandlers } from './relations.ts'
import { searchIndexHandlers } from './search-index.ts'
import { searchHandlers } from './search.ts'
import { refuseSecretNames } from './secret-names.ts'
import { sessionHandlers } from './sessions.ts'
import { spoolSave } from './spool.ts'
import { statusHandlers } from './status.ts'
import { timelineHandlers } from './timeline.ts'

/** What an agent or a person calls all day is read at once, the rest when it is wanted. */
const ownHandlers = {
  ...sessionHandlers,
  ...observationHandlers,
  ...promptHandlers,
  ...searchHandlers,
  ...searchIndexHandlers,
  ...timelineHandlers,
  ...contextHandlers,
  ...recallHandlers,
  ...relationHandlers,
  ...projectHandlers,
  ...extractedHandlers,
  ...statusHandlers,
  ...onDemand(['hook.why'], async () => (await import('./hook-why.ts')).hookHandlers),
  ...onDemand(
    ['context.create', 'context.get', 'context.list', 'context.update', 'context.archive', 'context.restore'],
    async () => (await import('./contexts.ts')).sharedContextHandlers,
  ),
  ...onDemand(
    ['work-unit.append', 'work-unit.get', 'work-unit.list'],
    async () => (await import('./work-units.ts')).workUnitHandlers,
  ),
  ...onDemand(['work-unit.search'], async () => (await import('./unit-search.ts')).unitSearchHandlers),
  ...onDemand(
    ['lock.acquire', 'lock.renew', 'lock.release', 'lock.get', 'lock.list'],
    async () => (await import('./locks.ts')).lockHandlers,
  ),
  ...onDemand(['event.list'], async () => (await import('./events.ts')).eventHandlers),
  ...onDemand(
    ['conflict.list', 'conflict.get', 'conflict.settle'],
    async () => (await import('./conflicts.ts')).conflictHandlers,
  ),
  ...onDemand(['project.export'], async () => (await import('./export/project-export.ts')).exportHandlers),
  ...onDemand(['project.export-obsidian'], async () => (await import('./export/obsidian.ts')).obsidianHandlers),
  ...onDemand(['backup.export', 'backup.import'], async () => (await import('./backup.ts')).backupHandlers),
  ...onDemand(
    ['backup.create', 'backup.list', 'backup.verify', 'backup.restore'],
    async () => (await import('./backup-files.ts')).backupFileHandlers,
  ),
  ...onDemand(['doctor.report', 'doctor.repair'], async () => (await import('./doctor/doctor.ts')).doctorHandlers),
  ...onDemand(
    ['ingest.sources', 'ingest.seen', 'ingest.commit'],
    async () => (await import('./ingest.ts')).ingestHandlers,
  ),
}

/** Operations whose work lies in folders the engine does not know; the composition root binds them. */
export type BoundHandlers = Handlers<Exclude<OperationName, keyof typeof ownHandlers>>

/**
 * The engine: answers every operation over one store.
 *
 * - An input that does not fit its schema is `invalid_request` and touches nothing.
 * - A save that cannot be written now is queued on disk and answered `queued` (MEM-111).
 */
export class Engine implements Caller {
  readonly deps: EngineDeps
  readonly #handlers: Handlers

  constructor(deps: EngineDeps, bound: BoundHandlers) {
    this.deps = deps
    this.#handlers = { ...ownHandlers, ...bound }
  }

  async call<N extends OperationName>(name: N, input: Input<N>, context: CallContext = {}): Promise<Output<N>> {
    const parsed = parseInput(name, input)
    if (context.signal?.aborted === true) throw new EngramError('aborted', 'The call was given up before it began.')
    if (operations[name].effect !== 'read') refuseSecretNames(this.deps.redactor, name, parsed)
    const durability = context.durability ?? this.deps.settings.durability
    try {
      const answer = await this.#handlers[name](this.deps, parsed, { ...context, durability })
      if (name === 'memory.search') await markSearch(this.deps)
      return answer
    } catch (error) {
      const queued = await spoolSave(this.deps, name, parsed, error)
      if (queued !== null) return queued
      const failure = toEngramError(error)
      await this.#note(failure)
      throw failure
    }
  }

  /** Failures of the ground are told by `status`; what a caller did wrong is told to the caller alone. */
  async #note(failure: EngramError): Promise<void> {
    if (failure.row.http < 500) return
    this.deps.log.error(failure.message, { code: failure.code })
    await markError(this.deps, `${failure.code}: ${failure.message}`)
  }
}

type Parsed<N extends OperationName> = Parameters<Handlers[N]>[1]

/** The input as its schema reads it; the first problem names the field and what came. */
export function parseInput<N extends OperationName>(name: N, input: Input<N>): Parsed<N> {
  const definition = Object.hasOwn(operations, name) ? operations[name] : undefined
  if (definition === undefined) throw new EngramError('invalid_request', `Unknown operation ${JSON.stringify(name)}.`)
  const result = definition.input().safeParse(input)
  // The schema was looked up by the operation's own name, so what it gives is that operation's input.
  if (result.success) return result.data as Parsed<N>
  const issues = result.error.issues.map((issue) => ({ field: issue.path.join('.'), problem: issue.message }))
  const first = issues[0] ?? { field: '', problem: 'does not fit' }
  throw new EngramError('invalid_request', `${first.field === '' ? 'The input' : first.field}: ${first.problem}`, {
    details: { field: first.field, issues: issues.slice(0, 20) },
  })
}
