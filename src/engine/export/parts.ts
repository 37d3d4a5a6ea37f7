import type { Category } from '../../model/categories.ts'
import type { ArchivedMessage } from '../../model/ports.ts'
import type { Observation, Relation, Session } from '../../model/records.ts'
import type { SessionRow, TombstoneRow } from '../../store/rows.ts'

/** One conversation as it is exported, with what its messages say about themselves. */
export type ExportedConversation = {
  readonly session: SessionRow
  readonly messages: readonly ArchivedMessage[]
}

/** Everything an export of one project is made from. */
export type ExportParts = {
  readonly project: string
  readonly exportedAt: string
  readonly version: string
  readonly observations: readonly (Observation & { readonly category: Category | null })[]
  readonly relations: readonly Relation[]
  readonly sessions: readonly Session[]
  readonly tombstones: readonly TombstoneRow[]
  readonly conversations: readonly ExportedConversation[]
}
