/** Bounds of the transcript store alone (TRN-1702 and the rules named); those others share stand in `model/limits.ts`. */
export const bounds = {
  summaryBytesMax: 1024 * 1024,
  historyMessagesMax: 1_000_000,
  historyBytesMax: 1024 * 1024 * 1024,
  messageIdBytesMax: 256,
  /** How far back a repeated message id is noticed, in retained messages (TRN-610). */
  idWindow: 512,
  /** Ids remembered per session beyond that window, for batches. */
  idsMax: 200_000,
  /** Sessions whose every id is remembered, for batches. */
  idSessionsMax: 4,

  /** One group commit (TRN-603). */
  groupMessagesMax: 256,
  blockBytes: 1024 * 1024,
  syncsAtOnceMax: 4,
  queueMessagesMax: 10_000,
  queueBytesMax: 64 * 1024 * 1024,
  sessionsOpenMax: 64,

  /** Lazy metadata and `normal` appends reach the disk within a second (TRN-604, TRN-606). */
  settleAfterMs: 800,
  lockIdleMs: 50,
  lockHeldMs: 250,
  lockRestMs: 20,
  lockWaitMs: 10_000,

  /** First block of a read from the end; it doubles to `blockBytes` (TRN-903). */
  tailBlockBytes: 64 * 1024,
  readAttemptsMax: 5,
  pageMessages: 1_000,
  pageMessagesMax: 10_000,
  pageBytesMax: 64 * 1024 * 1024,
  listPage: 100,
  listPageMax: 1_000,
  /** From so many sessions on what a list found is kept for the next store (TRN-901); fewer are read at once. */
  listIndexSessionsMin: 500,
  listIndexBytesMax: 1024 * 1024 * 1024,
  /** Of the 256 shares; a share costs a look at its sessions. */
  listIndexSharesMax: 32,
  /** Between two times it is kept: it holds every session. */
  listKeptMs: 60_000,
  /** Then every file is looked at again, whoever may have written it. */
  listVerifiedMs: 24 * 3_600_000,

  metaBytesMax: 16 * 1024 * 1024,
  /** Stray temporary files older than this are swept at open (TRN-704). */
  sweepAfterMs: 10 * 60_000,
  trashKeptMs: 7 * 24 * 3_600_000,
} as const
