import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { ProjectSource, Warning } from '../model/records.ts'
import { name, operation, place, text } from './operation.ts'

export type ProjectListing = {
  readonly name: string
  readonly observation_count: number
  readonly session_count: number
  readonly prompt_count: number
  readonly directories: readonly string[]
  readonly last_activity_at: string | null
  readonly aliases: readonly string[]
}

/** What a directory belongs to; never an error (MEM-802, MEM-805). */
export type ResolvedProject = {
  readonly project: string
  readonly project_source: ProjectSource
  readonly project_path: string
  readonly cwd: string
  readonly available_projects: readonly string[]
  readonly known: boolean
  readonly warnings: readonly Warning[]
}

export type MergedProjects = {
  readonly from: readonly string[]
  readonly to: string
  readonly dry_run: boolean
  readonly observations: number
  readonly sessions: number
  readonly prompts: number
}

export type ProjectGroup = { readonly canonical: string; readonly names: readonly string[]; readonly why: string }

export type PrunedProjects = {
  readonly dry_run: boolean
  readonly projects: readonly string[]
  /** What goes with each name, for ever: deleted memories that could still be restored, sessions, prompts. */
  readonly removed: readonly {
    readonly project: string
    readonly observations: number
    readonly sessions: number
    readonly prompts: number
  }[]
}

export type DeletedProject = {
  readonly project: string
  readonly observations_deleted: number
  readonly prompts_deleted: number
  readonly sessions_deleted: number
  readonly hard_delete: boolean
}

export type Rescued = {
  readonly status: 'rescued' | 'partially_rescued'
  readonly complete: boolean
  readonly blocked: readonly {
    readonly kind: 'session' | 'observation' | 'prompt'
    readonly id: string
    readonly reason: string
    readonly owned_by: string
  }[]
  readonly target_project: string
  readonly rescued_observations: number
  readonly rescued_sessions: number
  readonly rescued_prompts: number
  readonly conflicting_records: number
  readonly skipped_records: number
  readonly journaled_local: boolean
  readonly reconciliation_status: string
}

export type MigratedProject = {
  readonly status: 'migrated' | 'skipped'
  readonly reason?: string
  readonly old_project: string
  readonly new_project: string
  readonly observations: number
  readonly sessions: number
  readonly prompts: number
}

const projectName = () => name(limits.directoryBytesMax).min(1)

export const projectOperations = {
  'project.list': operation<readonly ProjectListing[]>()({
    effect: 'read',
    summary: 'Every project memory knows, most observations first (ING-CMD-4)',
    input: () => z.object({}),
  }),
  'project.resolve': operation<ResolvedProject>()({
    effect: 'read',
    summary: 'The project of a directory and how it was found (MEM-802)',
    input: () => z.object(place),
  }),
  'project.merge': operation<MergedProjects>()({
    effect: 'write',
    summary: 'File everything of some projects under another; the old names stay as aliases (MEM-807)',
    input: () =>
      z.object({
        from: z.array(projectName()).min(1).max(100),
        to: projectName(),
        force: z.boolean().optional(),
        dry_run: z.boolean().optional(),
      }),
  }),
  'project.consolidate': operation<readonly ProjectGroup[]>()({
    effect: 'read',
    summary: 'Groups of names that are likely one project',
    input: () => z.object({}),
  }),
  'project.prune': operation<PrunedProjects>()({
    effect: 'destroy',
    summary: 'Forget projects that hold no live observation (MEM-407)',
    input: () => z.object({ apply: z.boolean().optional() }),
  }),
  'project.delete': operation<DeletedProject>()({
    effect: 'destroy',
    summary: 'Soft-delete the observations of a project and remove its prompts (MEM-407)',
    input: () => z.object({ project: projectName(), hard: z.boolean().optional() }),
  }),
  'project.rescue': operation<Rescued>()({
    effect: 'write',
    summary: 'Give unowned rows to a project (MEM-808)',
    input: () =>
      z.object({
        target_project: projectName(),
        session_ids: z.array(text(limits.sessionIdBytesMax)).max(1_000).optional(),
        observation_ids: z
          .array(z.union([z.number(), text(128)]))
          .max(1_000)
          .optional(),
        prompt_ids: z
          .array(z.union([z.number(), text(128)]))
          .max(1_000)
          .optional(),
      }),
  }),
  'project.migrate': operation<MigratedProject>()({
    effect: 'write',
    summary: 'Rename a project, as programs of v1.14 ask for it',
    input: () => z.object({ old_project: projectName(), new_project: projectName() }),
  }),
  'project.init': operation<{ readonly path: string; readonly project: string; readonly written: boolean }>()({
    effect: 'write',
    summary: 'Write .engram/config.json with the name of this project (MEM-809)',
    input: () =>
      z.object({
        directory: name(limits.directoryBytesMax).min(1),
        name: name(limits.directoryBytesMax).optional(),
        force: z.boolean().optional(),
      }),
  }),
} as const
