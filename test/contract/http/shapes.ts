/** Keys of answers in their order on the wire (MEM-203, MEM-1303); `?` marks what is left out when empty. */
export const observationKeys = [
  'id sync_id session_id type title content tool_name? project? scope topic_key? revision_count duplicate_count',
  'last_seen_at? review_after? created_at updated_at deleted_at?',
].join(' ')

export const shapes = {
  health: 'status service version instance_id capabilities',
  started: 'id status resumed_from?',
  ended: 'id status',
  deleted: 'id status',
  session: 'id project ownership_mode? directory started_at ended_at? summary? ext?',
  sessionSummary: 'id project started_at ended_at? summary? observation_count',
  observation: `${observationKeys} ext?`,
  observationDetail: `${observationKeys} ext`,
  searchResult: `${observationKeys} rank ext`,
  saved: [
    'id status sync_id outcome type title project project_source session_id state revision_count duplicate_count',
    'review_after? expires_at? truncation? redacted warnings replayed? available_projects? suggested_topic_key?',
    'candidates judgment_required judgment_status? judgment_id?',
  ].join(' '),
  captured: 'extracted saved duplicates',
  deletedObservation: 'id status hard_delete',
  pinned: 'id pinned',
  topic: 'topic_key',
  timeline: 'focus before after session_info total_in_range',
  savedPrompt: 'id status outcome sync_id session_id project truncation? redacted warnings',
  prompt: 'source_inbox_id? id sync_id session_id content project? created_at ext?',
  promptHit: 'source_inbox_id? id sync_id session_id content project? created_at rank ext?',
  context: 'context',
  backup: 'version exported_at sessions observations prompts relations? prompt_tombstones? ext?',
  imported: [
    'sessions_imported observations_imported observations_updated observations_skipped_stale prompts_imported',
    'relations_imported relations_deferred redacted cut skipped',
  ].join(' '),
  stats: 'total_sessions total_observations total_prompts projects',
  doctor: 'status project summary checks',
  projects: 'projects count',
  currentProject: 'project project_source project_path cwd available_projects warning? error_hint?',
  rescued: [
    'status complete blocked target_project rescued_observations rescued_sessions rescued_prompts conflicting_records',
    'skipped_records journaled_local reconciliation_status',
  ].join(' '),
  migrated: 'status reason? old_project new_project observations sessions prompts',
  transcripts: 'transcripts next',
  transcriptPage: 'key messages next end summary',
  transcriptAppended: 'stored duplicate position redacted durability',
  transcriptReplaced: 'key messages',
  transcriptUpdated: 'key summary kept?',
  transcriptCompacted: 'key bytes_before lines_dropped bytes_after',
  transcriptDeleted: 'key purged',
  relationPage: 'total limit offset relations',
  relationDetail: [
    'id sync_id source_id target_id relation reason? evidence? confidence? judgment_status marked_by_actor?',
    'marked_by_kind? marked_by_model? session_id? superseded_at? superseded_by_relation_sync_id? created_at updated_at',
    'ext? project source_title target_title source_snippet target_snippet',
  ].join(' '),
  relationStats: 'project by_relation by_judgment_status deferred dead deferred_count dead_count',
  judged: 'relation',
  compared: 'sync_id',
  scan: [
    'project inspected ranked_queries candidates_found next_cursor? already_related inserted capped dry_run',
    'semantic_judged semantic_skipped semantic_errors warning?',
  ].join(' '),
  deferredPage: 'total limit rows',
  replayed: 'retried succeeded failed dead',
  versionConflict:
    'id kind sync_id other_sync_id? project? title heads detected_at settled_version? settled_at? settled_by?',
  status: 'version data_dir database counts spool conflicts last ingest review llm redactions_today hooks',
} as const

export type Shape = keyof typeof shapes

/** What of a shape an answer must have: every key without `?`, and of the others those it has. */
export function keysOf(shape: Shape, answer: object): readonly string[] {
  return shapes[shape]
    .split(' ')
    .filter((key) => !key.endsWith('?') || Object.hasOwn(answer, key.slice(0, -1)))
    .map((key) => key.replace('?', ''))
}
