/** What a person may set for the server (COL-1805); limits that nobody may raise stand in `limits.ts`. */
export type ServerSettings = {
  readonly bodyBytesMax: number
  readonly timeouts: ConnectionTimeouts
  /** How often a stream shows where it stands, and sockets are asked whether they live. */
  readonly heartbeatMs: number
  /** A socket that answered nothing for so long is closed (COL-806). */
  readonly maxIdleMs: number
  /** Streams that may be open at once. */
  readonly connectionsMax: number
  /** How long a subscriber may stand still (COL-1103). */
  readonly maxPauseMs: number
  readonly goClient: 'auto' | 'always' | 'never'
  /** Null: no limits. */
  readonly rateLimit: RateLimit | null
  /** Null: no metrics. */
  readonly metricsPath: string | null
  /** Origins of other sites that may ask (COL-1502). */
  readonly corsOrigins: readonly string[]
  /** Every route wants the token, on loopback too. */
  readonly isAuthRequired: boolean
  readonly searchLimitDefault: number
  readonly searchLimitMax: number
}

/** None of them ends a stream or a call that waits (COL-1805). */
export type ConnectionTimeouts = {
  /** A request must be whole by then, or its body keep coming. */
  readonly readMs: number
  /** An answer of which its caller takes nothing for so long is given up. */
  readonly writeMs: number
  /** A connection on which nothing is asked stays open for so long. */
  readonly idleMs: number
}

export type RateLimit = {
  readonly perMinute: number
  readonly perSecond: number
  readonly socketMessagesPerSecond: number
}

export const defaultServerSettings: ServerSettings = {
  bodyBytesMax: 1024 * 1024,
  timeouts: { readMs: 5_000, writeMs: 10_000, idleMs: 120_000 },
  heartbeatMs: 5_000,
  maxIdleMs: 30_000,
  connectionsMax: 10_000,
  maxPauseMs: 300_000,
  goClient: 'auto',
  rateLimit: null,
  metricsPath: '/metrics',
  corsOrigins: [],
  isAuthRequired: false,
  searchLimitDefault: 100,
  searchLimitMax: 1_000,
}
