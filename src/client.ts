/** The client for programs and browsers: needs nothing but `fetch` and `WebSocket`. */
export { createClient } from './client/client.ts'
export type {
  Client,
  ClientOptions,
  ContextChange,
  ListOptions,
  NewWorkUnit,
  Payload,
  SearchResult,
  SearchWish,
  SubscribeOptions,
  UnitPage,
} from './client/client.ts'
export type { AcquireOptions, CallOptions, HeldLock } from './client/with-lock.ts'
export type { ClientContext, ClientEvent, ClientLock, ClientUnit } from './client/records.ts'
export type { StartAt, Subscription } from './client/subscription.ts'
export { EngramError, type ErrorCode } from './model/errors.ts'
