import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commands } from './commands/all.ts'
import { notFound, unknownProject, usage, type Case, type Cases } from './testing/command-case.ts'
import { liveCases } from './testing/live-command-cases.ts'
import { person, untouchable, type Person } from './testing/person.ts'
import { transcriptCases } from './testing/transcript-command-cases.ts'

/**
 * Every command through the whole command line, over a real engine.
 */
const pool = ['save', 'Pool size', 'The pool holds ten connections.', '--type', 'decision', '--project', 'alpha']
const retry = ['save', 'Pool size retry', 'Requests are retried three times.', '--project', 'alpha']

const cases: Cases = {
  save: {
    words: pool,
    text: /^Memory saved: #\d+ "Pool size" \(decision\)/,
    keys: ['id', 'sync_id', 'outcome', 'session_id', 'redacted', 'warnings'],
    fails: { words: ['save', 'Blank', '  '], code: 'observation_content_required', exit: 2 },
  },
  search: {
    before: [pool],
    words: ['search', 'connections', '--project', 'alpha'],
    text: /^Found 1 memories:\n\n\[1\] #1 \(decision\) — Pool size\n {4}The pool holds ten connections\.\n {4}\S+ \S+ \| project: alpha \| scope: project/,
    keys: ['hits', 'project', 'mode', 'confidence'],
    fails: unknownProject('search', 'x', '--project', 'nowhere'),
  },
  show: {
    before: [pool],
    words: ['show', '#1'],
    text: /^#1 \(decision\) — Pool size\nProject: {4}alpha\n[^]*\n\nThe pool holds ten connections\.$/m,
    keys: ['id', 'sync_id', 'content', 'relations'],
    fails: notFound('show', '99'),
  },
  add: {
    words: ['add', 'alpha', 'decision', '-', '--label', 'pool'],
    input: 'Ten connections.\nMore starve the replica.',
    text: /^Memory saved: #\d+ "Ten connections\." \(decision\)/,
    keys: ['id', 'outcome', 'type'],
    fails: usage('add', 'alpha', 'nonsense', 'text'),
  },
  update: {
    before: [pool],
    words: ['update', '1', '--find', 'ten', '--replace', 'twenty'],
    text: /^Memory updated: #1 "Pool size" \(decision, scope=project\)$/m,
    keys: ['observation', 'updated_fields', 'redacted', 'warnings'],
    fails: usage('update', '1'),
  },
  delete: {
    before: [pool],
    words: ['delete', '1'],
    text: /^Memory #1 soft-deleted$/m,
    keys: ['id', 'sync_id', 'hard_delete'],
    fails: notFound('delete', '99'),
  },
  'delete session': {
    before: [pool, ['delete', '1', '--hard']],
    words: ['delete', 'session', 'manual-save-alpha'],
    text: /^Session manual-save-alpha deleted$/m,
    keys: ['id', 'prompts_deleted'],
    fails: { words: ['delete', 'session', 'nowhere'], code: 'unknown_session', exit: 5 },
  },
  'delete prompt': {
    before: [['import', 'prompts.json']],
    words: ['delete', 'prompt', '1'],
    text: /^Prompt #1 deleted$/m,
    keys: ['id', 'sync_id'],
    fails: notFound('delete', 'prompt', '99'),
  },
  'delete project': {
    before: [pool],
    words: ['delete', 'project', 'alpha', '--hard', '--yes'],
    text: /^Project alpha hard-deleted: 1 memory, 0 prompts, 1 session$/m,
    keys: ['project', 'observations_deleted', 'hard_delete'],
    fails: { words: ['delete', 'project', 'alpha', '--hard'], code: 'confirmation_required', exit: 2 },
  },
  restore: {
    before: [pool, ['delete', '1']],
    words: ['restore', '1'],
    text: /^Memory restored: #1 "Pool size" \(decision, scope=project\)$/m,
    keys: ['id', 'sync_id', 'title'],
    fails: notFound('restore', '99'),
  },
  pin: {
    before: [pool],
    words: ['pin', '1'],
    text: /^Memory #1 pinned$/m,
    keys: ['id', 'sync_id', 'pinned'],
    fails: notFound('pin', '99'),
  },
  unpin: {
    before: [pool, ['pin', '1']],
    words: ['unpin', '1'],
    text: /^Memory #1 unpinned$/m,
    keys: ['id', 'sync_id', 'pinned'],
    fails: notFound('unpin', 'obs-0000000000000000'),
  },
  timeline: {
    before: [retry, pool],
    words: ['timeline', '2'],
    text: /^Session: alpha \([^)]+\)\nTotal observations in session: 2\n\n─── Before ───\n {2}#1 \[manual\] Pool size retry — [^]*>>> #2 \[decision\] Pool size <<</m,
    keys: ['focus', 'before', 'after', 'session_info', 'total_in_range'],
    fails: usage('timeline', '1', '--before', 'many'),
  },
  history: {
    before: [pool, ['update', '1', '--title', 'Pool']],
    words: ['history', '1'],
    text: /^History of #1 — Pool \(1 state\)\n\nv1 \[decision\] Pool size/m,
    keys: ['observation', 'versions', 'next_cursor', 'history_complete'],
    fails: usage('history', '1', '--limit', '21'),
  },
  context: {
    before: [pool],
    words: ['context', 'alpha'],
    text: /^## Memory from Previous Sessions\n[^]*- \[decision\] \*\*Pool size\*\*: The pool/,
    keys: ['context', 'project'],
    fails: unknownProject('context', 'nowhere'),
  },
  recall: {
    before: [pool],
    words: ['recall', 'alpha'],
    text: /^# alpha - Project Context\n\n## Decisions\n\n- \*\*Pool size\*\* — The pool/,
    keys: ['project', 'text', 'items', 'left_out', 'tokens'],
    fails: unknownProject('recall', 'nowhere'),
  },
  inject: {
    before: [pool],
    words: ['inject', 'alpha', '--file', 'AGENTS.md', '--dry-run'],
    text: /^new \S+AGENTS\.md\n\+ <!-- engram:begin -->\n[^]*\+ - \*\*Pool size\*\* — [^]*DRY RUN/,
    keys: ['file', 'project', 'changed', 'dry_run'],
    fails: usage('inject', 'alpha', '--file', 'AGENTS.md', '--budget', '0'),
  },
  lookup: {
    before: [pool],
    words: ['lookup', 'alpha', 'CONNECTIONS'],
    text: /^#1 \[decisions\] Pool size\n {4}The pool holds ten connections\.$/m,
    keys: ['project', 'matches'],
    fails: usage('lookup', 'alpha', 'x', '--category', 'nonsense'),
  },
  ingest: {
    words: ['ingest'],
    text: /^No transcripts on this machine: looked in /,
    keys: ['agents', 'candidates', 'llm', 'errors', 'looked'],
    fails: usage('ingest', '--since', 'yesterday'),
  },
  review: {
    words: ['review', '--all'],
    text: /^Nothing to review\.$/m,
    keys: ['extracted', 'due', 'expired'],
    fails: unknownProject('review', 'nowhere'),
  },
  promote: {
    before: [pool],
    words: ['promote', 'alpha', '1', 'procedures'],
    text: /^Memory #1 promoted: "Pool size" \(procedure\)$/m,
    keys: ['promoted'],
    fails: usage('promote', 'alpha'),
  },
  drain: {
    before: [pool],
    words: ['drain', 'alpha'],
    text: /^Nothing to promote\.$/m,
    keys: ['promoted'],
    fails: unknownProject('drain', 'nowhere'),
  },
  forget: {
    before: [pool],
    words: ['forget', 'alpha', '1'],
    text: /^Forgot 1 memory \(soft-deleted\):\n {2}#1 \[decision\] Pool size$/m,
    keys: ['selected', 'deleted', 'hard_delete'],
    fails: usage('forget', 'alpha', '--stale', '0d'),
  },
  'session list': {
    before: [pool],
    words: ['session', 'list', '--all', '--open'],
    text: /^manual-save-alpha {2}alpha {2}\S+ \S+ {2}open {2}1 memory$/m,
    keys: ['id', 'project', 'started_at', 'observation_count'],
    fails: usage('session', 'list', '--limit', '0'),
  },
  'session show': {
    before: [pool],
    words: ['session', 'show', 'manual-save-alpha'],
    text: /^Session: {3}manual-save-alpha\nProject: {3}alpha$/m,
    keys: ['id', 'project', 'directory', 'started_at'],
    fails: { words: ['session', 'show', 'nowhere'], code: 'unknown_session', exit: 5 },
  },
  'session end': {
    before: [pool],
    words: ['session', 'end', 'manual-save-alpha', '--summary', 'Settled'],
    text: /^Session manual-save-alpha ended$/m,
    keys: ['id', 'status', 'ended_at'],
    fails: { words: ['session', 'end', 'nowhere'], code: 'unknown_session', exit: 5 },
  },
  prompts: {
    before: [['import', 'prompts.json']],
    words: ['prompts', '--all'],
    text: /^#1 {2}2026-01-02 03:04:05 {2}alpha {2}How large is the pool\?$/m,
    keys: ['id', 'sync_id', 'content', 'created_at'],
    fails: usage('prompts', '--all', '--project', 'alpha'),
  },
  'projects list': {
    before: [pool],
    words: ['projects'],
    text: /^alpha {2}1 session {2}1 memory {2}\d{4}-\d\d-\d\d$/m,
    keys: ['name', 'observation_count', 'session_count', 'directories'],
    fails: usage('projects', 'lst'),
  },
  'projects current': {
    words: ['projects', 'current'],
    text: /^engram-cli-\w+ \(dir_basename, nothing kept yet\)$/m,
    keys: ['project', 'project_source', 'cwd', 'known'],
    fails: usage('projects', 'current', 'extra'),
  },
  'projects merge': {
    before: [pool, ['save', 'Other', 'Something else altogether.', '--project', 'beta']],
    words: ['projects', 'merge', '--from', 'beta', '--to', 'alpha', '--force', '--apply'],
    text: /^Merged beta into alpha: 1 memory, 1 session, 0 prompts$/m,
    keys: ['from', 'to', 'dry_run', 'observations'],
    fails: { words: ['projects', 'merge', '--from', 'x', '--to', 'alpha'], code: 'project_name_collision', exit: 3 },
  },
  'projects move': {
    before: [pool],
    words: ['projects', 'move', '1', '--to', 'beta'],
    text: /^Moved 1 memory to beta: #1$/m,
    keys: ['moved', 'project'],
    fails: usage('projects', 'move', '1'),
  },
  'projects consolidate': {
    words: ['projects', 'consolidate'],
    text: /^No two names look like one project\.$/m,
    keys: [],
    fails: usage('projects', 'consolidate', '--apply'),
  },
  'projects prune': {
    before: [pool, ['delete', '1']],
    words: ['projects', 'prune', '--apply'],
    text: /^1 project forgotten:\n {2}alpha {2}with 1 session, 1 deleted memory, for ever$/m,
    keys: ['dry_run', 'projects', 'removed'],
    fails: usage('projects', 'prune', 'alpha'),
  },
  'projects rescue-ownership': {
    before: [pool],
    words: ['projects', 'rescue-ownership', '--project', 'alpha'],
    text: /^alpha now owns 0 memories, 0 sessions, 0 prompts$/m,
    keys: ['status', 'complete', 'blocked', 'target_project'],
    fails: usage('projects', 'rescue-ownership'),
  },
  init: {
    words: ['init', 'alpha'],
    text: /^Wrote \S+\.engram\/config\.json: project alpha$/m,
    keys: ['path', 'project', 'written'],
    fails: { words: ['init', 'x'.repeat(300)], code: 'invalid_project', exit: 2 },
  },
  'conflicts list': {
    before: [pool, retry],
    words: ['conflicts', 'list', '--project', 'alpha'],
    text: /^#1 {2}pending {2}Pool size\b.* {2}↔ {2}Pool size/m,
    keys: ['relations', 'versions'],
    fails: usage('conflicts', 'list', '--kind', 'nonsense'),
  },
  'conflicts show': {
    before: [pool, retry],
    words: ['conflicts', 'show', '1'],
    text: /^#1 to be judged \(pending\)\nA: Pool size/m,
    keys: ['id', 'relation', 'judgment_status', 'source_snippet'],
    fails: notFound('conflicts', 'show', 'cfl-0000000000000000'),
  },
  'conflicts settle': {
    before: [pool],
    words: ['conflicts', 'settle', 'CONFLICT', '--content', 'Both figures, one after the other.'],
    text: /^Memory settled: #1 "Pool size" \(decision, scope=project\)$/m,
    keys: ['id', 'sync_id', 'content'],
    fails: usage('conflicts', 'settle', 'cfl-0000000000000000'),
  },
  'conflicts stats': {
    before: [pool, retry],
    words: ['conflicts', 'stats', '--project', 'alpha'],
    text: /^Relations of alpha\n[^]*By status:\n {2}pending: +1$/m,
    keys: ['project', 'by_relation', 'by_judgment_status', 'deferred', 'dead'],
    fails: unknownProject('conflicts', 'stats', '--project', 'nowhere'),
  },
  'conflicts scan': {
    before: [pool, retry],
    words: ['conflicts', 'scan', '--project', 'alpha'],
    text: /^DRY RUN — 2 memories of alpha looked at$/m,
    keys: ['inspected', 'candidates_found', 'dry_run'],
    fails: usage('conflicts', 'scan', '--limit', '0'),
  },
  'conflicts judge': {
    before: [pool, retry],
    words: ['conflicts', 'judge', '1', 'compatible', '--reason', 'different things'],
    text: /^Relation #1 judged: compatible$/m,
    keys: ['id', 'relation', 'judgment_status'],
    fails: usage('conflicts', 'judge', '1', 'nonsense'),
  },
  'conflicts compare': {
    before: [pool, retry],
    words: ['conflicts', 'compare', '1', '2', 'supersedes', '--reason', 'newer'],
    text: /^Relation stated \(rel-[0-9a-f]{16}\)$/m,
    keys: ['sync_id'],
    fails: usage('conflicts', 'compare', '1', '2', 'supersedes', '--confidence', '2'),
  },
  'conflicts deferred': {
    words: ['conflicts', 'deferred', '--replay'],
    text: /^Tried 0 rows: 0 taken, 0 still waiting, 0 undecodable$/m,
    keys: ['retried', 'succeeded', 'failed', 'dead'],
    fails: usage('conflicts', 'deferred', '--offset', 'x'),
  },
  export: {
    before: [pool],
    words: ['export', 'out.json', '--all'],
    text: /^Exported to out\.json\n {2}Sessions: +1\n {2}Observations: +1\n {2}Prompts: +0$/m,
    keys: ['path', 'bytes', 'sessions', 'observations'],
    fails: unknownProject('export', 'nowhere', 'markdown'),
  },
  import: {
    words: ['import', 'prompts.json'],
    text: /^Imported from prompts\.json\n {2}Sessions: +1\n {2}Observations: +0\n {2}Prompts: +1$/m,
    keys: ['sessions_imported', 'observations_imported', 'skipped'],
    fails: { words: ['import', 'broken.json'], code: 'broken_backup', exit: 1 },
  },
  'obsidian-export': {
    before: [pool],
    words: ['obsidian-export', '--vault', '.'],
    text: /^\d notes written, 0 unchanged, 0 removed$/m,
    keys: ['written', 'unchanged', 'removed', 'files'],
    fails: usage('obsidian-export', '--vault', '.', '--interval', '5s'),
  },
  sync: {
    before: [pool],
    words: ['sync', '--project', 'alpha'],
    text: /^Exporting memories for project "alpha"\.\.\.\nCreated chunk [0-9a-f]{8}\n {2}Sessions: {5}1\n/,
    keys: ['chunk_id', 'observations_exported', 'is_empty', 'withheld', 'sync_dir'],
    fails: unknownProject('sync', '--project', 'nowhere'),
  },
  'sync merge-driver': {
    words: ['sync', 'merge-driver', 'base', 'ours', 'theirs'],
    text: /^$/,
    keys: ['path', 'chunks', 'version'],
    fails: usage('sync', 'merge-driver', 'base'),
  },
  'backup create': {
    words: ['backup', 'create'],
    text: /^Backed up to \S+ \([\d.]+ KiB\)$/m,
    keys: ['path', 'bytes', 'created_at', 'schema'],
    fails: usage('backup', 'create', 'a', 'b'),
  },
  'backup list': {
    before: [['backup', 'create']],
    words: ['backup', 'list'],
    text: /^\S+\.db {2}\S+ \S+ {2}[\d.]+ KiB {2}schema \d+$/m,
    keys: ['path', 'bytes', 'created_at', 'schema'],
    fails: usage('backup', 'list', 'extra'),
  },
  'backup verify': {
    before: [['backup', 'create', 'copy.db']],
    words: ['backup', 'verify', 'copy.db'],
    text: /^ok {2}\S+copy\.db /m,
    keys: ['path', 'ok', 'schema'],
    fails: notFound('backup', 'verify', 'nowhere.db'),
  },
  'backup restore': {
    before: [pool, ['backup', 'create', 'copy.db']],
    words: ['backup', 'restore', 'copy.db', '--yes'],
    text: /^Restored from \S+copy\.db\nThe one before is \S+$/m,
    keys: ['restored_from', 'previous'],
    fails: { words: ['backup', 'restore', 'copy.db'], code: 'confirmation_required', exit: 2 },
  },
  adopt: {
    words: ['adopt', '--dry-run'],
    text: /^DRY RUN|^Nothing to adopt/m,
    keys: ['dry_run', 'adopted', 'counts'],
    fails: usage('adopt', 'a', 'b'),
  },
  status: {
    before: [pool],
    words: ['status'],
    text: /^Engram \S+\n {2}Data dir: +\S+\n[^]*Memories: +1 \(0 deleted[^]*LLM today: +0 calls, 0 tokens, \$0\.00$/m,
    keys: ['version', 'data_dir', 'database', 'counts', 'spool', 'conflicts', 'last', 'llm'],
    fails: usage('status', '--all'),
  },
  stats: {
    before: [pool],
    words: ['stats', '--all'],
    text: /^Engram Memory Stats\n {2}Sessions: {5}1\n {2}Observations: 1\n {2}Prompts: {6}0\n {2}Projects: {5}alpha\n {2}Database: {5}\S+engram\.db$/m,
    keys: ['total_sessions', 'total_observations', 'total_prompts', 'projects'],
    fails: unknownProject('stats', '--project', 'nowhere'),
  },
  setup: {
    words: ['setup', 'cursor', '--dry-run'],
    text: /^new \S+mcp\.json\n\+ \{\n[^]*DRY RUN — nothing was changed\.$/m,
    keys: ['agents', 'edits', 'left', 'written'],
    fails: usage('setup', 'emacs'),
  },
  uninstall: {
    words: ['uninstall', '--dry-run'],
    text: /^Nothing to take back\.$/m,
    keys: ['undone', 'dry_run'],
    fails: usage('uninstall', 'cursor'),
  },
  'hooks install': {
    words: ['hooks', 'install', '--dry-run'],
    text: /^new \S+settings\.json\n[^]*DRY RUN — nothing was changed\.$/m,
    keys: ['agents', 'edits', 'left', 'written'],
    fails: usage('hooks', 'install', 'cursor'),
  },
  'hooks uninstall': {
    words: ['hooks', 'uninstall', '--dry-run'],
    text: /^Nothing to take back\.$/m,
    keys: ['undone', 'dry_run'],
    fails: usage('hooks', 'uninstall', 'cursor'),
  },
  'hooks status': {
    words: ['hooks', 'status'],
    text: /^claude-code is not set up: see `engram setup claude-code --dry-run`\.$/m,
    keys: ['agent', 'set_up', 'fired'],
    fails: usage('hooks', 'status', 'cursor'),
  },
  mcp: {
    words: ['mcp'],
    text: /^$/,
    keys: [],
    fails: usage('mcp', '--tools', 'nonsense'),
  },
  hook: {
    words: ['hook', 'claude-code', 'stop'],
    text: /^$/,
    keys: [],
    fails: usage('hook', 'claude-code', 'stop'),
  },
  why: {
    before: [],
    words: ['why'],
    text: /^claude-code session-start \(startup\), session s1, project alpha, \S+ \S+\n90 of 800 tokens\n {2}1\. #1 \[decision\] Pool size {2}score 1\.06 \(pinned 1 \+ recency 0\.06\), 12 tokens: pinned$/m,
    keys: ['session_id', 'agent', 'items', 'left_out', 'tokens'],
    fails: notFound('why', 'nowhere'),
  },
  serve: {
    words: ['serve', '--port', '0'],
    text: /^\[engram\] HTTP server listening on 127\.0\.0\.1:\d+$/m,
    keys: ['status', 'address'],
    fails: { words: ['serve', '--addr', '0.0.0.0:0'], code: 'token_required', exit: 2 },
  },
  index: {
    before: [pool],
    words: ['index', '--wait'],
    text: /^Search index\n {2}Memories: +1 of 1 indexed\n {2}Prompts: +0 of 0 indexed\n {2}Behind: +nothing\n {2}Vectors: +\d of 1 /m,
    keys: ['words', 'vectors', 'model'],
    fails: usage('index', '--soon'),
  },
  'index rebuild': {
    before: [pool],
    words: ['index', 'rebuild'],
    text: /^Search index\n {2}Memories: +1 of 1 indexed$/m,
    keys: ['words', 'vectors', 'model'],
    fails: usage('index', 'rebuild', '--what', 'everything'),
  },
  'index model': {
    words: ['index', 'model'],
    text: /^Search by meaning\n {2}Model: +(none|minilm\S*)/m,
    keys: ['model'],
    fails: usage('index', 'model', 'extra'),
  },
  doctor: {
    words: ['doctor'],
    text: /^ok +integrity [^]*\n\nok: \d+ checks of all projects: /m,
    keys: ['status', 'project', 'summary', 'checks'],
    fails: { words: ['doctor', '--check', 'nonsense'], code: 'unknown_check', exit: 2 },
  },
  'doctor repair': {
    words: ['doctor', 'repair', '--check', 'stale_open_sessions', '--plan'],
    text: /^stale_open_sessions: noop/m,
    keys: ['project', 'check', 'mode', 'status', 'actions', 'backup_path'],
    fails: usage('doctor', 'repair', '--check', 'integrity'),
  },
  'config show': {
    words: ['config', 'show'],
    text: /^data_dir: \S+ {2}\(default\)\n[^]*durability: full {2}\(default\)$/m,
    keys: ['config_file', 'values', 'unknown'],
    fails: usage('config', 'show', 'extra'),
  },
  'service print': {
    words: ['service', 'print', 'systemd'],
    text: /^ExecStart="\/usr\/bin\/node" "\/opt\/engram\/bin\/engram\.js" "serve"$/m,
    keys: ['kind', 'text'],
    fails: usage('service', 'print', 'sysv'),
  },
  completion: {
    words: ['completion', 'zsh'],
    text: /^#compdef engram$/m,
    keys: ['shell', 'script'],
    fails: usage('completion', 'tcsh'),
  },
  complete: {
    words: ['complete', '--', 'sea'],
    text: /^search\t/m,
    keys: ['0'],
    fails: usage('complete', '--nonsense'),
  },
  test: {
    words: ['test', '--quick'],
    text: /^ok +memory: save \(\d+ ms\)\n[^]*\n\n\d+ steps passed$/m,
    keys: ['ok', 'passed', 'failed', 'steps'],
    fails: usage('test', 'nonsense'),
  },
  version: {
    words: ['version'],
    text: /^engram \d+\.\d+\.\d+$/m,
    keys: ['version'],
    fails: usage('version', 'extra'),
  },
  ...liveCases,
  ...transcriptCases,
}

it('every command stands in this table', () => {
  expect(Object.keys(cases).toSorted()).toEqual(commands.map((one) => one.path).toSorted())
})

/** Has an empty data dir; each test begins with a copy of it. */
const newcomer = person()
beforeAll(() => newcomer.say(['status']))
afterAll(() => newcomer.leave())

const state: { somebody: Person | null } = { somebody: null }
const somebody = (): Person => {
  if (state.somebody === null) throw new Error('nobody is there')
  return state.somebody
}

beforeEach(() => {
  state.somebody = person(newcomer)
  mkdirSync(join(somebody().dataDir, 'hooks'))
  writeFileSync(join(somebody().dataDir, 'hooks/why-0a1.json'), JSON.stringify(injection))
  writeFileSync(join(somebody().home, 'prompts.json'), JSON.stringify(prompts))
  mkdirSync(join(somebody().home, 'old'))
  writeFileSync(join(somebody().home, 'old/room.json'), JSON.stringify(talk))
  writeFileSync(join(somebody().home, 'broken.json'), JSON.stringify(prompts).slice(0, -10))
})
afterEach(() => state.somebody?.leave())

const talk = {
  key: 'room:a',
  messages: [
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'two' },
  ],
}

const injection = {
  session_id: 's1',
  agent: 'claude-code',
  event: 'session-start (startup)',
  project: 'alpha',
  at: '2026-01-02 03:04:05',
  budget_tokens: 800,
  tokens: 90,
  items: [
    {
      id: 1,
      type: 'decision',
      title: 'Pool size',
      rank: 1,
      score: 1.06,
      parts: { pinned: 1, recency: 0.06 },
      tokens: 12,
      reason: 'pinned',
    },
  ],
  left_out: [],
}

const prompts = {
  version: '0.2.0',
  exported_at: '2026-01-02 03:04:05',
  sessions: [{ id: 's1', project: 'alpha', directory: '', started_at: '2026-01-02 03:04:05' }],
  observations: [],
  prompts: [
    {
      id: 1,
      sync_id: 'prompt-0123456789abcdef',
      session_id: 's1',
      content: 'How large is the pool?',
      project: 'alpha',
      created_at: '2026-01-02 03:04:05',
    },
  ],
}

/** A server stops as soon as it listens; everything else ends by itself. */
async function said(words: readonly string[], input?: string) {
  const done = await somebody().say(words, input === undefined ? {} : { input })
  return done
}

async function prepared(one: Case): Promise<readonly string[]> {
  for (const words of one.before ?? []) expect(await said(words)).toMatchObject({ code: 0 })
  if (!one.words.includes('CONFLICT')) return one.words
  const id = await makeConflict(somebody())
  return one.words.map((word) => (word === 'CONFLICT' ? id : word))
}

/** Two machines edit the same memory; the backup of one meets the other. */
async function makeConflict(here: Person): Promise<string> {
  const there = person()
  try {
    await here.say(['export', join(there.home, 'shared.json'), '--all'])
    await there.say(['import', 'shared.json'])
    await there.say(['update', '1', '--content', 'The pool holds thirty connections.'])
    await there.say(['export', join(here.home, 'theirs.json'), '--all'])
    await here.say(['update', '1', '--content', 'The pool holds twenty connections.'])
    await here.say(['import', 'theirs.json'])
  } finally {
    there.leave()
  }
  const list = (await here.json(['conflicts', 'list', '--kind', 'version', '--all'])) as { readonly id: string }[]
  return list[0]?.id ?? 'none'
}

/** What serves until its other side goes, and hooks, are tried as processes. */
const offered = commands.filter((one) => !['serve', 'mcp', 'hook', 'lock run'].includes(one.path))

describe.each(commands.map((one) => [one.path, one] as const))('engram %s', (path, command) => {
  it('MEM-1401 help shows how, why and at least two examples', async () => {
    const { code, out } = await somebody().say([...path.split(' '), '--help'], { program: untouchable })
    expect(code).toBe(0)
    expect(out).toContain(`Usage: engram ${path}`)
    expect(out).toContain(command.summary.slice(0, 30))
    expect(out).toContain('--json')
    expect(command.examples.length).toBeGreaterThanOrEqual(2)
    for (const example of command.examples) expect(out).toContain(`  $ ${example}`)
  })
})

describe.each(offered.map((one) => one.path))('engram %s', (path) => {
  const one = cases[path]
  if (one === undefined) return

  it('MEM-1401 tells people', async () => {
    const { code, out, err } = await said(await prepared(one), one.input)
    expect({ code, err }).toMatchObject({ code: one.exit ?? 0 })
    expect(out === '' ? err : out).toMatch(one.text)
  })

  it('DESIGN §3.3 answers programs: JSON alone on standard output', async () => {
    const { code, out } = await said([...insertJson(await prepared(one))], one.input)
    expect(code).toBe(one.exit ?? 0)
    const value: unknown = JSON.parse(out)
    const first: unknown = Array.isArray(value) && one.keys[0] !== '0' ? (value[0] ?? {}) : value
    expect(Object.keys(first as object)).toEqual(expect.arrayContaining([...one.keys]))
  })

  it('DESIGN §3.3 fails by the error table, as text and as JSON', async () => {
    for (const words of one.before ?? []) await said(words)
    const text = await said(one.fails.words)
    expect({ code: text.code, out: text.out }).toEqual({ code: one.fails.exit, out: '' })
    expect(text.err).toMatch(/^(note: .*\n)*engram: \S/)
    const json = await said([...insertJson(one.fails.words)])
    expect({ code: json.code, out: json.out }).toEqual({ code: one.fails.exit, out: '' })
    const last = json.err.trimEnd().split('\n').at(-1) ?? ''
    expect(JSON.parse(last)).toMatchObject({ code: one.fails.code, error: expect.stringMatching(/\S/) as string })
  })
})

/** Before a lone `--`, after which words are no options. */
function insertJson(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  return end === -1 ? [...words, '--json'] : words.toSpliced(end, 0, '--json')
}
