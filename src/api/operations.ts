import type { z } from 'zod'
import { backupOperations } from './backup.ts'
import { contextOperations } from './contexts.ts'
import { doctorOperations } from './doctor.ts'
import { eventOperations } from './events.ts'
import { hookOperations } from './hooks.ts'
import { ingestOperations } from './ingest.ts'
import { lockOperations } from './locks.ts'
import { observationOperations } from './observations.ts'
import type { Operation } from './operation.ts'
import { projectOperations } from './projects.ts'
import { promptOperations } from './prompts.ts'
import { relationOperations } from './relations.ts'
import { reviewOperations } from './review.ts'
import { searchIndexOperations } from './search-index.ts'
import { searchOperations } from './search.ts'
import { sessionOperations } from './sessions.ts'
import { syncOperations } from './sync.ts'
import { systemOperations } from './system.ts'
import { transcriptOperations } from './transcripts.ts'
import { workUnitOperations } from './work-units.ts'

/** Every verb of Engram by its name. Faces map all of them with `Record<OperationName, …>`. */
export const operations = {
  ...sessionOperations,
  ...observationOperations,
  ...promptOperations,
  ...searchOperations,
  ...searchIndexOperations,
  ...relationOperations,
  ...projectOperations,
  ...reviewOperations,
  ...backupOperations,
  ...doctorOperations,
  ...ingestOperations,
  ...transcriptOperations,
  ...hookOperations,
  ...contextOperations,
  ...workUnitOperations,
  ...lockOperations,
  ...eventOperations,
  ...syncOperations,
  ...systemOperations,
} as const

export type OperationName = keyof typeof operations

type Definition<N extends OperationName> = (typeof operations)[N]

/** What a caller gives. */
export type Input<N extends OperationName> = z.input<ReturnType<Definition<N>['input']>>

/** What a handler gets: the input after the schema. */
export type Parsed<N extends OperationName> = z.output<ReturnType<Definition<N>['input']>>

/** What comes back. */
export type Output<N extends OperationName> = Definition<N> extends Operation<z.ZodType, infer Out> ? Out : never
