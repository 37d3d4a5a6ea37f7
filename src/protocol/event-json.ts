import type { FeedEvent } from '../model/live-feed.ts'

/** What the text of an event is made from; live-only events have no place (`gseq` 0). */
type EventParts = Pick<FeedEvent, 'kind' | 'contextId' | 'seq' | 'gseq' | 'tsMs' | 'agentId' | 'body'>

/**
 * An event as `/v1` shows it (COL-106), as text around the stored text: nothing stored is parsed or written anew.
 * @param cursor of the form the stream uses: the context's own, or that of the whole store
 */
export function eventText(event: EventParts, cursor: string): string {
  const place = event.gseq === 0 ? '' : `,"seq":${event.seq},"gseq":${event.gseq},"cursor":"${cursor}"`
  const data = event.kind === 'unit.created' ? `{"unit":${event.body}}` : event.body
  return (
    `{"kind":"${event.kind}","context_id":${JSON.stringify(event.contextId)}${place}` +
    `,"ts":"${new Date(event.tsMs).toISOString()}","agent_id":${JSON.stringify(event.agentId)},"data":${data}}`
  )
}
