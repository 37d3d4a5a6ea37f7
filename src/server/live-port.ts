import type { Input } from '../api/operations.ts'
import type { LiveFeed } from '../model/live-feed.ts'

/** A page of `/v1` JSON texts as they are stored: joined into a body, never written anew. */
export type TextPage = { readonly texts: readonly string[]; readonly next_cursor: string; readonly at_tail: boolean }

/** The live side of an engine, as this face needs it. */
export interface LivePort {
  feed(): Promise<LiveFeed>
  unitTexts(input: Input<'work-unit.list'>): Promise<TextPage>
  eventTexts(input: Input<'event.list'>, signal?: AbortSignal): Promise<TextPage>
  /** Undefined when there is none. */
  unitText(id: string): Promise<string | undefined>
}
