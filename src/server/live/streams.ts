import type { Caller } from '../../api/caller.ts'
import { EngramError } from '../../model/errors.ts'
import type { FeedEvent, Frame, FrameDoor, LeaveReason, LiveFeed } from '../../model/live-feed.ts'
import type { ServerSettings } from '../../model/server-settings.ts'

export type StreamProtocol = 'sse' | 'websocket'

/** Told of what streams do; metrics are made of it. */
export type StreamWatch = {
  readonly opened: (protocol: StreamProtocol) => void
  readonly closed: (protocol: StreamProtocol) => void
  /** Once for each subscriber: it must cost next to nothing. */
  readonly published: (protocol: StreamProtocol) => void
  /** Once for each event and encoding: from its own time to its way out. */
  readonly delayed: (behindMs: number) => void
  readonly reset: (reason: string) => void
  /** So many events were left out by a subscriber's own wish, and it was told. */
  readonly lagged: (protocol: StreamProtocol, count: number) => void
  readonly left: (protocol: StreamProtocol, reason: LeaveReason) => void
}

export type StreamsOptions = {
  readonly caller: Caller
  readonly feed: () => Promise<LiveFeed>
  readonly settings: ServerSettings
  readonly newId: () => string
  readonly nowMs: () => number
  readonly watch: StreamWatch
}

/** A frame and what it was made of. */
export type MadeFrame = {
  readonly event: FeedEvent
  readonly head: string
  readonly cursor: string
  readonly frame: Buffer
}

/** How long clients are asked to stay away when the server stops. */
export const reconnectAfterMs = 1_000

/** What all open streams of one server share: their number, one heartbeat for all, and the end. */
export class Streams {
  readonly options: StreamsOptions
  /** The whole frame made last, for the next subscriber who counts alike. */
  last: MadeFrame | null = null
  readonly #beats = new Set<() => void>()
  #open = 0
  #isDraining = false
  #timer: NodeJS.Timeout | null = null

  constructor(options: StreamsOptions) {
    this.options = options
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Throws when no more may come; what it answers must be called when the stream has ended. */
  admit(protocol: StreamProtocol): () => void {
    if (this.#isDraining) throw new EngramError('draining', 'The server stops.')
    if (this.#open >= this.options.settings.connectionsMax) {
      throw new EngramError('overloaded', `Expected at most ${this.options.settings.connectionsMax} streams at once.`)
    }
    this.#open++
    this.options.watch.opened(protocol)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      this.#open--
      this.options.watch.closed(protocol)
    }
  }

  /** Calls `beat` at every heartbeat until the answer is called. */
  onBeat(beat: () => void): () => void {
    this.#beats.add(beat)
    this.#timer ??= setInterval(() => {
      for (const one of this.#beats) one()
    }, this.options.settings.heartbeatMs)
    this.#timer.unref()
    return () => {
      this.#beats.delete(beat)
      if (this.#beats.size > 0 || this.#timer === null) return
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  nowText(): string {
    return new Date(this.options.nowMs()).toISOString()
  }

  /** Nobody is admitted any more; everybody is told to go, with the place to go on from. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true
    if (this.#open > 0) await (await this.options.feed()).drain(timeoutMs)
  }
}

/** A stream that was told to go has this long to take the last frame. */
const lastWordMs = 2_000

export type Outlet = {
  /** One piece for the socket; `taken` when the socket has it. */
  readonly write: (bytes: Uint8Array, taken: () => void) => void
  /** The last frame, made when everything before it is written. */
  readonly last: (reason: LeaveReason) => Uint8Array
  /** Nothing follows. */
  readonly end: (reason: LeaveReason) => void
  /** At once, whatever waits. */
  readonly cut: () => void
  /** Makes the outbox write, if nothing is under way. */
  readonly kick: () => void
}

/** The hub's door to one socket: what it writes in a turn goes as one piece, and the last word really is the last. */
export function frameDoor(outlet: Outlet): FrameDoor {
  let leaving: LeaveReason | null = null
  let isOver = false
  return {
    write: (frames, taken) => {
      if (isOver) return
      if (leaving === null) return outlet.write(onePiece(frames), taken)
      isOver = true
      outlet.write(Buffer.concat([onePiece(frames), outlet.last(leaving)]), taken)
      outlet.end(leaving)
    },
    leave: (reason) => {
      if (leaving !== null) return
      leaving = reason
      setTimeout(() => outlet.cut(), lastWordMs).unref()
      outlet.kick()
    },
  }
}

function onePiece(frames: readonly Frame[]): Uint8Array {
  const [only] = frames
  return frames.length === 1 && only !== undefined ? bytesOf(only) : Buffer.concat(frames.map(bytesOf))
}

const bytesOf = (frame: Frame): Uint8Array => (typeof frame === 'string' ? Buffer.from(frame) : frame)
export const noFrame: Frame = Buffer.alloc(0)
