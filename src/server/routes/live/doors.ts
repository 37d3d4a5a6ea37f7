import type { ServerSettings } from '../../../model/server-settings.ts'
import type { LivePort } from '../../live-port.ts'
import type { Streams } from '../../live/streams.ts'

/** What the routes of contexts, units, locks and streams are made with. */
export type LiveDoors = {
  readonly live: LivePort
  readonly settings: ServerSettings
  readonly streams: Streams
}
