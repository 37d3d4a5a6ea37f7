/**
 * Every bound in one place, so that no face invents its own. Bytes are UTF-8 bytes unless the name says otherwise.
 * Rules: MEM-110 (records), RET-756 (queries), ING-LIN-3 (transcript lines), TRN-1701 (stored messages), COL-1901
 * and COL-1902 (contexts, units, locks, streams).
 */
export const limits = {
  titleBytesMax: 1_000,
  typeBytesMax: 64,
  scopeBytesMax: 64,
  topicKeyBytesMax: 120,
  contentBytesMax: 50_000,
  promptBytesMax: 50_000,
  summaryBytesMax: 50_000,
  sessionIdBytesMax: 256,
  projectBytesMax: 100,
  authorBytesMax: 128,
  syncIdBytesMax: 128,
  relationTextBytesMax: 4_000,
  compareReasoningCharsMax: 200,
  toolNameBytesMax: 256,
  directoryBytesMax: 4_096,
  operationIdBytesMax: 256,
  /** How long a result is kept for a repeated operation id. */
  operationHorizonMs: 7 * 24 * 3_600_000,

  versionAncestorsMax: 32,
  historyVersionsKept: 50,
  historyPageMax: 100,

  queryCharsMax: 4_096,
  queryWordsMax: 32,
  queryPairsMax: 8,
  queryPhrasesMax: 4,
  queryAuthorsMax: 8,
  searchLimitMax: 100,
  searchCandidates: 200,
  snippetCharsMax: 240,
  previewCharsMax: 300,
  timelineEachSideMax: 100,
  listLimitMax: 500,
  contextBytesMax: 65_536,

  httpBodyBytesMax: 1024 * 1024,
  httpImportBytesMax: 50 * 1024 * 1024,
  httpRescueBytesMax: 8 * 1024,
  /** Records of agents' transcripts; what a server is sent must be flatter (COL-1902, R6). */
  jsonDepthMax: 64,
  httpJsonDepthMax: 32,

  ingestLineBytesMax: 32 * 1024 * 1024,
  ingestBlockBytes: 256 * 1024,
  ingestBatchRecordsMax: 2_000,
  ingestBatchBytesMax: 8 * 1024 * 1024,
  transcriptLineBytesMax: 10 * 1024 * 1024,
  transcriptKeyBytesMax: 4_096,

  contextIdBytesMax: 256,
  displayNameBytesMax: 1_000,
  agentIdBytesMax: 256,
  contextAgentsMax: 1_000,
  contextPinsMax: 1_000,
  metaKeysMax: 64,
  metaKeyBytesMax: 128,
  metaValueBytesMax: 4_096,
  unitIdBytesMax: 64,
  unitPayloadBytesMax: 1024 * 1024,
  contentTypeBytesMax: 256,
  unitRelationshipsMax: 64,
  commitStepsMax: 1_000,
  livePageMax: 1_000,
  livePageDefault: 100,
  /** Names in one filter of a list, a search or a stream. */
  liveFilterMax: 256,
  cursorCharsMax: 128,
  eventWaitMsMax: 30_000,
  idempotencyHorizonMs: 24 * 3_600_000,
  resourcePathBytesMax: 1_024,
  lockTtlMsMin: 1_000,
  lockTtlMsMax: 24 * 3_600_000,
  lockTtlMsDefault: 60_000,
  lockWaitMsMax: 300_000,
  locksPerAgentMax: 100,
  /** What a restart leaves a live lease at least, unless its own time is shorter (COL-1208). */
  lockRestartMsMin: 5_000,
  /** Writes that wait for their commit in one process (COL-1105). */
  appendsWaitingMax: 10_000,
  appendBytesWaitingMax: 64 * 1024 * 1024,

  feedRingEvents: 1_024,
  feedPageEvents: 500,
  outboxBytesMax: 1024 * 1024,
  outboxFramesMax: 1_000,
  feedPauseMsMax: 300_000,
  /** Latest values that wait for one slow subscriber (COL-1103). */
  conflatedKeysMax: 1_000,
  connectionSubscriptionsMax: 100,
  socketFrameBytesMax: 1024 * 1024,
  /** Calls of one socket that wait for their answer. */
  socketCallsMax: 1_000,

  walBytesForced: 64 * 1024 * 1024,
  backupsKept: 3,
  deferredRowsMax: 100_000,
  deferredPayloadBytesMax: 64 * 1024,

  /** CHK-508: a document is cut into parts of this size. */
  chunkPartBytes: 4 * 1024 * 1024,
  /** CHK-703: what a chunk from anywhere may be at most. */
  chunkFileBytesMax: 32 * 1024 * 1024,
  chunkDocumentBytesMax: 256 * 1024 * 1024,
  chunkRowsMax: 1_000_000,
  /** Bad rows of one chunk that are kept and named; more are only counted. */
  chunkBadRowsKept: 1_000,
  chunkJsonDepthMax: 32,
  manifestBytesMax: 8 * 1024 * 1024,
  manifestEntriesMax: 100_000,
} as const
