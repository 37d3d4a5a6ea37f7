/**
 * The one table of operating failures (DESIGN §3.3). A code fixes the HTTP status, the gRPC status name, the exit code,
 * whether trying again can help, and what to do next. Faces never choose a status by themselves.
 */
type ErrorRow = {
  readonly http: number
  readonly grpc: string
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6 | 7
  readonly retryable: boolean
  readonly hint: string
}

const row = (http: number, grpc: string, exit: ErrorRow['exit'], retryable: boolean, hint: string): ErrorRow => ({
  http,
  grpc,
  exit,
  retryable,
  hint,
})

export const errorTable = {
  // ── what was asked ──
  invalid_request: row(400, 'INVALID_ARGUMENT', 2, false, 'Correct the named field and call again.'),
  usage: row(400, 'INVALID_ARGUMENT', 2, false, 'See `engram help`.'),
  invalid_key: row(400, 'INVALID_ARGUMENT', 2, false, 'Use a well-formed key within the limit.'),
  invalid_project: row(400, 'INVALID_ARGUMENT', 2, false, 'Give a project name of at most 100 bytes without NUL.'),
  invalid_project_config: row(400, 'INVALID_ARGUMENT', 2, false, 'Repair .engram/config.json or remove it.'),
  observation_content_required: row(400, 'INVALID_ARGUMENT', 2, false, 'Give content that is not blank.'),
  unknown_check: row(400, 'INVALID_ARGUMENT', 2, false, 'See `engram doctor --help` for the checks.'),
  unsupported_backup: row(400, 'INVALID_ARGUMENT', 2, false, 'Give a backup of version 0.1.0 or 0.2.0.'),
  broken_backup: row(400, 'INVALID_ARGUMENT', 1, false, 'Make the backup again with `engram export`.'),
  network_filesystem: row(400, 'FAILED_PRECONDITION', 2, false, 'Use a local disk, or pass --allow-network-fs.'),
  invalid_type: row(400, 'INVALID_ARGUMENT', 2, false, 'Name one of the types the message lists.'),
  invalid_payload: row(400, 'INVALID_ARGUMENT', 2, false, 'Name the type, or set payload_encoding.'),
  invalid_cursor: row(400, 'INVALID_ARGUMENT', 2, false, 'Use a cursor of this list, `begin` or `now`.'),
  missing_context_id: row(400, 'INVALID_ARGUMENT', 2, false, 'Give context_id.'),
  missing_agent_id: row(400, 'INVALID_ARGUMENT', 2, false, 'Give agent_id, or the header X-Agent-ID.'),
  missing_resource_path: row(400, 'INVALID_ARGUMENT', 2, false, 'Give resource_path.'),
  missing_lock_id: row(400, 'INVALID_ARGUMENT', 2, false, 'Give lock_id.'),
  payload_too_large: row(413, 'RESOURCE_EXHAUSTED', 6, false, 'Send less at once.'),
  unsupported_media_type: row(415, 'INVALID_ARGUMENT', 2, false, 'Send `Content-Type: application/json`.'),
  idempotency_mismatch: row(422, 'INVALID_ARGUMENT', 2, false, 'Use a new idempotency key for another request.'),
  // ── who asks ──
  unauthorized: row(401, 'UNAUTHENTICATED', 4, false, 'Send `Authorization: Bearer <token>`.'),
  forbidden: row(403, 'PERMISSION_DENIED', 4, false, 'Ask for access.'),
  origin_refused: row(403, 'PERMISSION_DENIED', 4, false, 'Call by a loopback name and from no other web page.'),
  // ── what is there ──
  not_found: row(404, 'NOT_FOUND', 5, false, 'Check the id.'),
  unknown_project: row(404, 'NOT_FOUND', 5, false, 'See `engram projects`.'),
  unknown_session: row(404, 'NOT_FOUND', 5, false, 'See `engram session list`.'),
  transcript_not_found: row(404, 'NOT_FOUND', 5, false, 'See `engram transcript list`.'),
  context_not_found: row(404, 'NOT_FOUND', 5, false, 'See `engram contexts list`.'),
  unit_not_found: row(404, 'NOT_FOUND', 5, false, 'Check the id.'),
  lock_not_found: row(404, 'NOT_FOUND', 5, false, 'See `engram lock list`.'),
  cursor_gone: row(410, 'OUT_OF_RANGE', 1, false, 'Read the state anew and go on from a cursor of now.'),
  gone: row(410, 'NOT_FOUND', 5, false, 'It was deleted since.'),
  // ── what stands against it ──
  conflict: row(409, 'FAILED_PRECONDITION', 3, false, 'Look at the current state and call again.'),
  operation_conflict: row(409, 'ALREADY_EXISTS', 3, false, 'Use a new operation id for other fields.'),
  operation_expired: row(409, 'FAILED_PRECONDITION', 3, false, 'The result is no longer kept. Use a new operation id.'),
  observation_project_mismatch: row(409, 'FAILED_PRECONDITION', 3, false, 'Give the project it belongs to.'),
  session_project_conflict: row(409, 'FAILED_PRECONDITION', 3, false, 'Use another session id for this project.'),
  session_project_mismatch: row(409, 'FAILED_PRECONDITION', 3, false, 'Use a session of this project.'),
  session_already_ended: row(409, 'FAILED_PRECONDITION', 3, false, 'Pass resume: true to continue it.'),
  session_isolation_conflict: row(409, 'FAILED_PRECONDITION', 3, false, 'Use another session id.'),
  session_has_observations: row(409, 'FAILED_PRECONDITION', 3, false, 'Delete or move its observations first.'),
  ambiguous_project: row(409, 'FAILED_PRECONDITION', 3, false, 'Name the project.'),
  project_ownership_ambiguous: row(409, 'FAILED_PRECONDITION', 3, false, 'Use `engram projects rescue-ownership`.'),
  project_ownership_required: row(409, 'FAILED_PRECONDITION', 3, false, 'Use `engram projects rescue-ownership`.'),
  project_name_collision: row(409, 'FAILED_PRECONDITION', 3, false, 'Pass --force to merge these names.'),
  cross_project_relation: row(409, 'FAILED_PRECONDITION', 3, false, 'Relate observations of one project.'),
  transcript_layout_mismatch: row(409, 'FAILED_PRECONDITION', 2, false, 'Leave the layout out, or migrate first.'),
  transcript_key_collision: row(409, 'FAILED_PRECONDITION', 3, false, 'Use another key.'),
  transcript_conflict: row(409, 'FAILED_PRECONDITION', 3, false, 'Compare both transcripts.'),
  confirmation_required: row(409, 'FAILED_PRECONDITION', 2, false, 'Pass --yes.'),
  lock_held: row(409, 'ABORTED', 3, true, 'Wait until it is released, or ask with wait_timeout_ms.'),
  lock_expired: row(409, 'FAILED_PRECONDITION', 3, false, 'Acquire it again; what it guarded may have changed.'),
  lock_not_owner: row(409, 'FAILED_PRECONDITION', 3, false, 'Another agent holds it.'),
  lock_id_mismatch: row(409, 'FAILED_PRECONDITION', 3, false, 'Use the lock_id of the present lease.'),
  lock_limit: row(429, 'RESOURCE_EXHAUSTED', 7, true, 'Release some locks first.'),
  context_archived: row(409, 'FAILED_PRECONDITION', 3, false, 'Restore it first.'),
  id_conflict: row(409, 'ALREADY_EXISTS', 3, false, 'Use another id.'),
  idempotency_in_progress: row(409, 'ABORTED', 3, true, 'The first call still runs. Ask again in a moment.'),
  sequence_mismatch: row(412, 'FAILED_PRECONDITION', 3, false, 'Read what came since and decide again.'),
  version_mismatch: row(412, 'FAILED_PRECONDITION', 3, false, 'Read the context and decide again.'),
  fenced: row(412, 'FAILED_PRECONDITION', 3, false, 'The lease is over. Stop, and acquire it again.'),
  rate_limited: row(429, 'RESOURCE_EXHAUSTED', 7, true, 'Slow down.'),
  starting: row(503, 'UNAVAILABLE', 7, true, 'Try again in a moment.'),
  draining: row(503, 'UNAVAILABLE', 7, true, 'The server stops. Connect again in a moment.'),
  deadline_exceeded: row(504, 'DEADLINE_EXCEEDED', 7, true, 'Allow more time.'),
  // ── the ground ──
  go_database_found: row(409, 'FAILED_PRECONDITION', 1, false, 'Run `engram adopt`, or choose another --data-dir.'),
  not_a_database: row(
    500,
    'FAILED_PRECONDITION',
    1,
    false,
    'Put a copy back: `engram backup list`, then `engram backup restore`.',
  ),
  foreign_database: row(409, 'FAILED_PRECONDITION', 1, false, 'Choose another --data-dir.'),
  newer_schema: row(409, 'FAILED_PRECONDITION', 1, false, 'Update engram. Reading works; saves are queued.'),
  database_in_use: row(409, 'UNAVAILABLE', 1, true, 'Close the program that uses the file, then run it again.'),
  database_corrupt: row(500, 'DATA_LOSS', 1, false, 'Run `engram doctor`, then `engram backup restore`.'),
  database_generation_changed: row(503, 'UNAVAILABLE', 1, true, 'The file was replaced. Start the program again.'),
  read_only: row(503, 'FAILED_PRECONDITION', 1, false, 'Make the data dir writable, or choose another --data-dir.'),
  storage_full: row(507, 'RESOURCE_EXHAUSTED', 1, true, 'Free some space and try again.'),
  storage_failed: row(500, 'INTERNAL', 1, false, 'See the log and `engram doctor`.'),
  storage_busy: row(503, 'UNAVAILABLE', 7, true, 'Try again in a moment.'),
  lock_timeout: row(503, 'UNAVAILABLE', 7, true, 'Try again in a moment.'),
  overloaded: row(429, 'RESOURCE_EXHAUSTED', 7, true, 'Try again in a moment.'),
  offline: row(503, 'UNAVAILABLE', 7, true, 'Start `engram serve`, or check the address.'),
  store_closed: row(503, 'UNAVAILABLE', 1, false, 'Open it again.'),
  aborted: row(499, 'CANCELLED', 1, false, 'The caller gave up.'),
  address_in_use: row(503, 'UNAVAILABLE', 1, false, 'Choose another port, or stop the other program.'),
  token_required: row(503, 'FAILED_PRECONDITION', 2, false, 'Set ENGRAM_HTTP_TOKEN, or listen on 127.0.0.1.'),
  runtime_too_old: row(500, 'FAILED_PRECONDITION', 1, false, 'Use Node 22.18 or newer.'),
  semantic_unavailable: row(501, 'UNIMPLEMENTED', 1, false, 'Search lexically; no model is installed here.'),
  not_built: row(501, 'UNIMPLEMENTED', 2, false, 'This version does not offer it.'),
  internal: row(500, 'INTERNAL', 1, false, 'This is a defect. Please report it with the request id.'),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export type ErrorDetails = Readonly<Record<string, unknown>>

/** An operating failure with a code from {@link errorTable}. The message says what was expected and what came. */
export class EngramError extends Error {
  override readonly name = 'EngramError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  /** What to do next; the table's hint unless the thrower knows better. */
  readonly hint: string

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly details?: ErrorDetails; readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.hint = options.hint ?? errorTable[code].hint
  }

  get row(): ErrorRow {
    return errorTable[this.code]
  }
}

/** The failure as one of ours: unknown throwables become `internal`, keeping their cause. */
export function toEngramError(error: unknown): EngramError {
  if (error instanceof EngramError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new EngramError('internal', message, { cause: error })
}
