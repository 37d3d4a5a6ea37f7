import { Connection } from './driver.ts'

/**
 * A database of the Go program, read as the parts of a backup (MEM-106). Any schema from v1.7 to v3: missing columns are
 * their defaults, unknown ones are left. Nothing is written.
 */
export type GoContents = {
  readonly era: 'v1.7' | 'v1.14+' | 'v2' | 'v3'
  readonly sessions: readonly GoRow[]
  readonly observations: readonly GoRow[]
  readonly prompts: readonly GoRow[]
  readonly relations: readonly GoRow[]
  readonly promptTombstones: readonly GoRow[]
  /** Hard deletes that the journal had not sent yet. */
  readonly tombstones: readonly GoRow[]
  /** Ids of the chunks it had read from git or written there (CHK-803). */
  readonly chunks: readonly string[]
}

export type GoRow = Readonly<Record<string, unknown>>

const lockTimeoutMs = 1_000

/** Reads everything in one snapshot. A write lock is taken first, so that nobody changes the file meanwhile. */
export function readGoDatabase(path: string): GoContents {
  const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: lockTimeoutMs })
  try {
    connection.run('BEGIN IMMEDIATE')
    const contents = contentsOf(connection)
    connection.run('ROLLBACK')
    return contents
  } finally {
    connection.close()
  }
}

function contentsOf(connection: Connection): GoContents {
  const tables = new Set(
    connection.all<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`).map((row) => row.name),
  )
  const rows = (table: string): GoRow[] => (tables.has(table) ? connection.all<GoRow>(selectAll(table)) : [])
  const observations = rows('observations')
  return {
    era: eraOf(tables, observations[0]),
    sessions: rows('sessions').map(withoutNulls),
    observations: observations.map((row) => ({ ...withoutNulls(row), pinned: row['pinned'] === 1 })),
    prompts: rows('user_prompts').map(withoutNulls),
    relations: rows('memory_relations').map(relationOf),
    promptTombstones: rows('prompt_tombstones').map(withoutNulls),
    tombstones: rows('sync_mutations').flatMap(unsentHardDelete),
    chunks: rows('sync_chunks').flatMap(gitChunk),
  }
}

/** Table names are these constants; nothing of a caller stands in the statement. */
const selectAll = (table: string): string => statements[table] ?? 'SELECT 1 WHERE 0'

const statements: Readonly<Record<string, string>> = {
  sessions: 'SELECT * FROM sessions ORDER BY started_at, id',
  observations: 'SELECT * FROM observations ORDER BY id',
  user_prompts: 'SELECT * FROM user_prompts ORDER BY id',
  memory_relations: 'SELECT * FROM memory_relations ORDER BY rowid',
  prompt_tombstones: 'SELECT * FROM prompt_tombstones ORDER BY rowid',
  sync_mutations: 'SELECT * FROM sync_mutations ORDER BY rowid',
  sync_chunks: 'SELECT * FROM sync_chunks ORDER BY chunk_id',
}

function eraOf(tables: ReadonlySet<string>, observation: GoRow | undefined): GoContents['era'] {
  if (tables.has('observation_versions') || (observation !== undefined && 'pinned' in observation)) return 'v3'
  if (tables.has('memory_relations')) return 'v2'
  return tables.has('sync_mutations') ? 'v1.14+' : 'v1.7'
}

const withoutNulls = (row: GoRow): GoRow =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))

/** Both spellings of the ends are read. */
function relationOf(row: GoRow): GoRow {
  const { source_sync_id: source, target_sync_id: target, ...rest } = withoutNulls(row)
  return { ...rest, source_id: rest['source_id'] ?? source, target_id: rest['target_id'] ?? target }
}

/** Journal rows are ignored, but for hard deletes nobody has acknowledged: those must not come back. */
function unsentHardDelete(row: GoRow): GoRow[] {
  if (row['op'] !== 'delete' || (row['acked_at'] !== null && row['acked_at'] !== undefined)) return []
  const payload = parsed(row['payload'])
  if (payload['hard_delete'] !== true) return []
  return [
    {
      entity: row['entity'],
      entity_key: row['entity_key'],
      project: payload['project'],
      session_id: payload['session_id'],
      deleted_at: payload['deleted_at'] ?? row['occurred_at'],
      hard: true,
    },
  ]
}

/** Those of a cloud are in no folder (CHK-802); v1.7 knew only folders. */
function gitChunk(row: GoRow): string[] {
  const { chunk_id: id, target_key: target } = row
  const isOfGit = target === undefined || target === null || target === '' || target === 'local'
  return isOfGit && typeof id === 'string' ? [id] : []
}

function parsed(text: unknown): GoRow {
  try {
    const value: unknown = JSON.parse(typeof text === 'string' ? text : '{}')
    return typeof value === 'object' && value !== null ? (value as GoRow) : {}
  } catch {
    return {}
  }
}
