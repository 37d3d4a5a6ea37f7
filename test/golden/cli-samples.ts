import type { DoctorReport, RepairReport } from '../../src/api/doctor.ts'
import type { IngestReport } from '../../src/api/ingest.ts'
import type { ObservationDetail, ObservationHistory } from '../../src/api/observations.ts'
import type { RelationDetail, RelationStats } from '../../src/api/relations.ts'
import type { SearchAnswer, SearchHit, TimelineEntry, TimelineResult } from '../../src/api/search.ts'
import type { Status } from '../../src/api/system.ts'
import type { Column } from '../../src/cli/table.ts'
import type { Observation, ObservationVersion, VersionConflict } from '../../src/model/records.ts'

/** Invented memories for the golden texts: plain ones, long ones, and some that mean harm. */

const long =
  'The connection pool holds ten connections because more starve the replica; the load test of the second week showed that twenty led to timeouts on the read path, while five left the writers waiting.'

const observation: Observation = {
  id: 41,
  sync_id: 'obs-0123456789abcdef',
  session_id: 'manual-save-alpha',
  type: 'decision',
  title: 'Pool size is ten',
  content: `${long}\n\nSecond paragraph:\n\tindented line`,
  tool_name: 'cli',
  project: 'alpha',
  scope: 'project',
  topic_key: 'decision/pool-size',
  revision_count: 3,
  duplicate_count: 2,
  last_seen_at: '2026-11-19 08:00:00',
  review_after: '2027-05-20 08:00:00',
  created_at: '2026-11-18 23:30:00',
  updated_at: '2026-11-19 08:00:00',
  ext: { author: 'ana', pinned: true, state: 'active' },
}

function hit(fields: Partial<SearchHit>, ext: Partial<SearchHit['ext']>): SearchHit {
  return {
    ...observation,
    rank: -1.5,
    ...fields,
    ext: {
      score: 1.5,
      preview: long,
      preview_truncated: false,
      snippet: '',
      matches: [],
      relations: [],
      state: 'active',
      ...ext,
    },
  }
}

const relations: SearchHit['ext']['relations'] = [
  {
    relation: 'supersedes',
    direction: 'out',
    judgment_id: 'rel-1',
    id: 12,
    sync_id: 'obs-a',
    title: 'Pool size is five',
    deleted: false,
  },
  {
    relation: 'supersedes',
    direction: 'in',
    judgment_id: 'rel-2',
    id: 50,
    sync_id: 'obs-b',
    title: 'Pool size is twenty',
    deleted: false,
  },
  {
    relation: 'conflicts_with',
    direction: 'out',
    judgment_id: 'rel-3',
    id: 13,
    sync_id: 'obs-c',
    title: 'gone',
    deleted: true,
  },
  {
    relation: 'conflicts_with',
    direction: 'in',
    judgment_id: 'rel-4',
    id: null,
    sync_id: 'obs-d',
    title: '',
    deleted: false,
  },
  {
    relation: 'pending',
    direction: 'out',
    judgment_id: 'rel-5',
    id: 14,
    sync_id: 'obs-e',
    title: 'Pool timeouts',
    deleted: false,
  },
  {
    relation: 'compatible',
    direction: 'out',
    judgment_id: 'rel-6',
    id: 15,
    sync_id: 'obs-f',
    title: 'not shown',
    deleted: false,
  },
]

export const answer: SearchAnswer = {
  hits: [
    hit({}, { author: 'ana', pinned: true, relations, conflicts: ['cfl-0123456789abcdef'], twins: [43, 44] }),
    hit(
      {
        id: 7,
        type: 'bugfix',
        title: 'Timeout of the uploader',
        project: 'beta-2',
        scope: 'global',
        created_at: '2026-11-20 10:00:00',
      },
      {
        preview: 'Uploads above 5 MB timed out because the proxy cut idle connections',
        preview_truncated: true,
        confidence: 0.75,
        provenance: { kind: 'extracted', review: 'unreviewed', rule: 'X-FIX' },
        state: 'needs_review',
        explanation: {
          words: [
            { word: 'pool', df: 12, in: ['title', 'content'] },
            { word: 'size', df: 3, in: ['content'] },
          ],
          L: 0.93124,
          V: 0.5,
          c: 0.4,
          weights: { words: 1, meaning: 2 },
          factors: { author: 1, time: 1.2, pinned: 1, stability: 1.004, trust: 0.8, phrase: 1 },
          S: 1.86137,
        },
      },
    ),
    hit(
      {
        id: 8,
        type: 'manual\n',
        title: 'Esc \u001b[31mred\u001b[0m\nsecond line',
        project: 'größe 漢字',
        created_at: '2026-11-20 11:00:00',
      },
      {
        preview: '## Heading\n[9] #9 (fake) — hit\n    \u001b]0;title\u0007 \u202eright to left\u202c <b>',
        explanation: { words: [], L: 0, factors: {}, S: 0, exact: 'a/b' },
      },
    ),
  ],
  project: 'alpha',
  mode: 'lexical',
  mode_reason: 'no_embedder',
  confidence: 'low',
  degraded: 'the index is 12 records behind',
  query_cut: true,
  left_out: { count: 2, ids: [3, 5] },
  explanation: {
    words: [{ word: 'pool', df: 12 }],
    dropped: [{ word: 'the', why: 'stop word' }],
    pairs: [],
    phrases: ['pool size'],
    mode: 'lexical',
    parameters: '40b93e12eac8',
    took_ms: { query: 0.1, lexical: 1.25, all: 2 },
  },
}

export const detail: ObservationDetail = { ...observation, relations }

const version = (number: number, fields: Partial<ObservationVersion>): ObservationVersion => ({
  version_id: `${number}f3578fc0272c4319d36739644f715f6`,
  id: number,
  observation_id: 41,
  session_id: 'manual-save-alpha',
  type: 'decision',
  title: 'Pool size is five',
  content: long,
  project: 'alpha',
  scope: 'project',
  revision_count: number,
  version: number,
  is_baseline: number === 1,
  history_complete: true,
  captured_at: '2026-11-18 23:30:00',
  created_at: '2026-11-18 23:30:00',
  ...fields,
})

export const history: ObservationHistory & { readonly observation: Observation } = {
  observation,
  versions: [
    version(3, { ext: { head: false, author: 'ana', hlc: '', origin: '' } }),
    version(2, { content: 'short' }),
  ],
  next_cursor: 'aDE6Mg',
  history_complete: false,
}

const entry = (id: number, fields: Partial<TimelineEntry>): TimelineEntry => ({
  id,
  session_id: 's1',
  type: 'manual',
  title: `Memory ${id}`,
  content: long,
  scope: 'project',
  revision_count: 1,
  duplicate_count: 1,
  created_at: '2026-11-18 23:00:00',
  updated_at: '2026-11-18 23:00:00',
  is_focus: false,
  ...fields,
})

export const timeline: TimelineResult = {
  focus: observation,
  before: [entry(39, { type: 'bugfix' }), entry(40, { content: 'short' })],
  after: [entry(42, { title: 'Two\nlines', content: '>>> #1 [x] fake <<<' })],
  session_info: {
    id: 's1',
    project: 'alpha',
    directory: '/work',
    started_at: '2026-11-18 22:00:00',
    summary: `Asked: settle the pool size. Done: measured it with the load test of the second week, and wrote it down here.`,
  },
  total_in_range: 4,
}

export const status: Status = {
  version: '0.1.0',
  data_dir: '/disk/ana/.engram',
  database: {
    path: '/disk/ana/.engram/engram.db',
    bytes: 12_884_901,
    wal_bytes: 4_152,
    schema: 3,
    mode: 'read-only',
    durability: 'full',
  },
  counts: {
    sessions: 120,
    open_sessions: 2,
    observations: 1_204,
    deleted_observations: 3,
    prompts: 800,
    relations: 12,
    pending_relations: 4,
    versions: 90,
    tombstones: 5,
    projects: 7,
    deferred: 1,
  },
  spool: { waiting: 1, oldest: '01ARZ3NDEKTSV4RRFFQ69G5FAV.json' },
  conflicts: { versions: 1, relations: 4 },
  last: {
    save: '2026-11-20 12:29:50',
    search: '2026-11-20 09:30:00',
    ingest: null,
    error: { at: '2026-11-01 12:30:00', message: 'storage_full: no space is left' },
  },
  ingest: {
    agents: { 'claude-code': { files: 40, bytes: 55_000_000, bad_lines: 3, last: '2026-11-19 20:00:00' } },
    failing: [{ path: '/disk/ana/.claude/projects/x/y.jsonl', error: 'cannot be read' }],
    unknown_records: 2,
  },
  review: { strong: 4, weak: 9, due: 1, expired: 0 },
  llm: { calls_today: 0, tokens_today: 0, cost_today_usd: 0 },
  redactions_today: 6,
  hooks: [
    { agent: 'claude-code', event: 'session-start', last: '2026-11-20 09:00:00' },
    { agent: 'claude-code', event: 'stop', last: '2026-11-20 12:00:00' },
    { agent: 'codex', event: 'session-start', last: '2026-11-18 12:00:00' },
  ],
}

const check = { reason_code: '', evidence: {}, requires_confirmation: false, findings: [] }

export const doctor: DoctorReport = {
  status: 'error',
  project: '',
  summary: { total: 3, ok: 1, warnings: 1, blocked: 0, errors: 1 },
  checks: [
    {
      ...check,
      check_id: 'integrity',
      result: 'ok',
      severity: 'info',
      message: 'The database file is whole.',
      why: '',
      safe_next_step: 'Nothing to do.',
    },
    {
      ...check,
      check_id: 'stale_open_sessions',
      result: 'warning',
      severity: 'warning',
      message: 'Sessions are open that nobody used for 30 days (7)',
      why: 'An open session may be taken for the one that works now.',
      safe_next_step: 'engram session end --by-age 30d --apply',
      findings: Array.from({ length: 7 }, (_, n) => ({ session_id: `s${n}`, project: 'alpha', idle_days: 30 + n })),
    },
    {
      ...check,
      check_id: 'stored_secrets',
      result: 'error',
      severity: 'error',
      message: 'Secrets are stored (1)',
      why: 'They were kept before they were known to be secrets, and would leave with the next synchronisation of this project to any remote.',
      safe_next_step: 'engram doctor repair --check stored_secrets --plan',
      findings: [{ id: 41, kinds: ['jwt'] }],
    },
  ],
}

export const repair: RepairReport = {
  project: 'alpha',
  check: 'stale_open_sessions',
  mode: 'plan',
  status: 'planned',
  actions: [{ do: 'end', session_id: 's1' }],
  skipped: [{ session_id: 's2', why: 'it is used again' }],
  counts: { findings: 2, actions: 1, skipped: 1 },
  backup_path: '',
}

export const conflict: VersionConflict = {
  id: 'cfl-0123456789abcdef',
  kind: 'edit',
  sync_id: 'obs-0123456789abcdef',
  project: 'alpha',
  title: 'Pool size is ten',
  heads: [
    {
      version: '1f3578fc0272c4319d36739644f715f6',
      sync_id: 'obs-1',
      title: 'Pool size is ten',
      content: long,
      deleted: false,
      author: 'ana',
      origin: '0011223344556677',
      hlc: '',
      current: true,
    },
    {
      version: '2f3578fc0272c4319d36739644f715f6',
      sync_id: 'obs-1',
      title: 'Pool size is twenty',
      content: 'Twenty.\nReally.',
      deleted: true,
      origin: '8899aabbccddeeff',
      hlc: '',
      current: false,
    },
  ],
  detected_at: '2026-11-20 10:00:00',
}

export const relation: RelationDetail = {
  id: 4,
  sync_id: 'rel-0123456789abcdef',
  source_id: 'obs-0123456789abcdef',
  target_id: 'obs-fedcba9876543210',
  relation: 'related',
  judgment_status: 'pending',
  created_at: '2026-11-20 10:00:00',
  updated_at: '2026-11-20 10:00:00',
  project: 'alpha',
  source_title: 'Pool size is ten',
  target_title: 'Pool timeouts',
  source_snippet: long,
  target_snippet: 'Reads time out when the pool is empty.',
}

export const relationStats: RelationStats = {
  project: 'alpha',
  by_relation: { supersedes: 2, conflicts_with: 1 },
  by_judgment_status: { judged: 3, pending: 4 },
  deferred: 1,
  dead: 0,
  deferred_count: 1,
  dead_count: 0,
}

export const ingest: IngestReport = {
  dry_run: false,
  agents: {
    'claude-code': { files: 40, sessions_new: 1, sessions_grown: 1, records: 1_863, bytes: 1_400_000, bad_lines: 3 },
    codex: { files: 0, sessions_new: 0, sessions_grown: 0, records: 0, bytes: 0, bad_lines: 0 },
  },
  projects: ['alpha'],
  archived_messages: 412,
  prompts: 6,
  sessions: 2,
  candidates: { saved: 3, repeated: 1, suppressed: 1, below_threshold: 8, withdrawn: 1 },
  redacted: 2,
  errors: [],
  skipped: [],
  looked: ['/disk/ana/.claude/projects'],
  found: ['/disk/ana/.claude/projects'],
  busy: false,
  left: { interrupted: false, files: 3, bytes: 9_000_000 },
  upgrade: null,
  behind: 2,
  llm: { calls: 0, tokens: 0 },
  ms: 1_234,
  files: [
    {
      agent: 'claude-code',
      path: '/disk/ana/.claude/projects/-work-alpha/0c6f5f0e.jsonl',
      key: 'claude-code:0c6f5f0e',
      project: 'alpha',
      state: 'new',
      new_bytes: 1_300_000,
      waiting_bytes: 120,
      records: 1_800,
      entries: { human: 4, assistant: 152, call: 180, result: 180 },
      counts: {
        decoded: 516,
        bad: 3,
        oversized: 1,
        'ignored:progress': 1_200,
        'ignored:system:turn_duration': 20,
        'unknown:of\nlater': 60,
      },
      records_total: 1_800,
      archived: 400,
      prompts: 4,
      candidates: [
        { rule: 'X-FIX', title: 'The view needs a key base before it can be rendered in a test', confidence: 0.75 },
        { rule: 'X-CMD', title: 'git push', confidence: 0.65 },
      ],
    },
    {
      agent: 'claude-code',
      path: '/disk/ana/.claude/projects/-work-alpha/9a1b.jsonl',
      key: 'claude-code:9a1b',
      project: 'alpha',
      state: 'grown',
      new_bytes: 100_000,
      waiting_bytes: 0,
      records: 63,
      entries: {},
      counts: { decoded: 30, duplicate: 60 },
      records_total: 90,
      archived: 12,
      prompts: 2,
      candidates: [],
    },
  ],
}

export const ingestUpgrade: IngestReport = {
  ...ingest,
  behind: 0,
  candidates: { saved: 4, repeated: 0, suppressed: 0, below_threshold: 9, withdrawn: 2 },
  errors: [],
  looked: [],
  found: [],
  left: { interrupted: false, files: 0, bytes: 0 },
  agents: {},
  archived_messages: 0,
  prompts: 0,
  upgrade: {
    sessions: 50,
    left: 17,
    unarchived: [
      {
        session_id: '7d1e',
        transcript_key: 'claude-code:7d1e',
        path: '/disk/ana/.claude/projects/-work-alpha/7d1e.jsonl',
      },
    ],
  },
  files: ingest.files.map((file) => ({ ...file, state: 'upgraded', new_bytes: 0, waiting_bytes: 0, counts: {} })),
}

export const rows = [
  {
    name: 'alpha',
    sessions: 12,
    memories: 1_204,
    last: '2026-11-20',
    directories: '/disk/ana/code/alpha, /disk/ana/code/alpha-worktrees/fix-pool-size, /srv/build/alpha',
  },
  {
    name: 'my%20project',
    sessions: 1,
    memories: 3,
    last: '2026-10-02',
    directories: '/disk/ana/größe/漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字',
  },
] as const

export const columns: readonly Column<(typeof rows)[number]>[] = [
  { title: 'Project', of: (row) => row.name },
  { title: 'Sessions', of: (row) => String(row.sessions), align: 'right' },
  { title: 'Memories', of: (row) => String(row.memories), align: 'right' },
  { title: 'Last', of: (row) => row.last },
  { title: 'Directories', of: (row) => row.directories, flexible: true, optional: true },
]

const place = {
  project: 'alpha',
  session_id: 's1',
  created_at: '2026-11-20 09:00:00',
  rank: -0.5,
  score: 0.5,
  matches: [],
}
const message = {
  kind: 'message',
  key: 'claude-code:0199',
  position: 41,
  role: 'assistant',
  author: 'assistant',
} as const

/** One result of each kind; texts of others must not change how the list is laid out. */
export const mixed: SearchAnswer = {
  ...answer,
  found: [
    { ...place, kind: 'observation', id: 42, title: 'Pool size', author: 'ana', snippet: 'The pool holds twelve' },
    { ...place, kind: 'prompt', id: 7, author: 'user', snippet: 'How large is the pool?' },
    {
      ...place,
      kind: 'unit',
      unit_id: '0199aa00',
      context_id: 'release-42',
      author: 'coder',
      snippet: 'Pool is green',
    },
    { ...place, ...message, project: null, snippet: 'Twelve.\n[9] memory #9\n    \u001b[31mred\u202e' },
  ],
  unread_transcripts: 3,
}
