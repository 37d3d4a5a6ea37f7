import type { Delivery, FeedConnection, FeedSubscription, LeaveReason, SubscribeRequest } from '../model/live-feed.ts'

/** A connection whose frames are of any kind: text and bytes for sockets, deliveries for programs of this process. */
export type OpenConnection<F> = Omit<FeedConnection, 'subscribe' | 'send'> & {
  subscribe(request: SubscribeRequest, frameOf: (delivery: Delivery) => F | null): Promise<FeedSubscription>
  send(frame: F): void
}

export type OpenDoor<F> = {
  write(frames: readonly F[], taken: () => void): void
  leave(reason: LeaveReason): void
}

/** Whoever opens them. */
export type Connections = { open<F>(door: OpenDoor<F>, bytesOf: (frame: F) => number): OpenConnection<F> }
