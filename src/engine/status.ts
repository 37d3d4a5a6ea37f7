import type { Status } from '../api/system.ts'
import { hlcMs } from '../model/hlc.ts'
import { formatTime } from '../model/times.ts'
import { originOf } from '../store/change-clock.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { hooksFired } from './hook-folder.ts'
import { readLastError, readLastSearch } from './marks.ts'
import { spoolNames } from './spool.ts'

export const statusHandlers: Handlers<'system.health' | 'system.status'> = {
  'system.health': (deps) => ({
    status: 'ok',
    service: 'engram',
    version: deps.version,
    instance_id: deps.store.read(originOf),
    capabilities: { isolated_session_registration: true },
  }),
  'system.status': async (deps): Promise<Status> => {
    const waiting = await spoolNames(deps)
    const [search, error, hooks] = await Promise.all([readLastSearch(deps), readLastError(deps), hooksFired(deps)])
    const stats = deps.store.stats()
    return deps.store.read((tx) => ({
      version: deps.version,
      data_dir: deps.dataDir,
      database: {
        path: deps.store.path,
        bytes: stats.fileBytes,
        wal_bytes: stats.walBytes,
        schema: stats.schema,
        mode: stats.mode,
        durability: deps.settings.durability,
      },
      counts: countsOf(tx),
      spool: { waiting: waiting.length, oldest: waiting[0] ?? null },
      conflicts: {
        versions: one(tx, 'SELECT count(*) AS n FROM observation_conflicts WHERE settled_at IS NULL'),
        relations: one(tx, `SELECT count(*) AS n FROM relations WHERE judgment_status = 'pending'`),
      },
      last: {
        save: lastWrite(tx),
        search,
        ingest: latest(tx, 'SELECT max(updated_at) AS at FROM ingest_sources'),
        error,
      },
      ingest: ingestOf(tx),
      review: reviewOf(tx, formatTime(deps.clock.nowMs())),
      ...todayOf(tx, deps),
      hooks,
    }))
  },
}

const one = (tx: ReadTx, sql: string): number => tx.get<{ n: number }>(sql)?.n ?? 0
const latest = (tx: ReadTx, sql: string): string | null => tx.get<{ at: string | null }>(sql)?.at ?? null

function countsOf(tx: ReadTx): Status['counts'] {
  return {
    sessions: one(tx, 'SELECT count(*) AS n FROM sessions'),
    open_sessions: one(tx, 'SELECT count(*) AS n FROM sessions WHERE ended_at IS NULL'),
    observations: one(tx, 'SELECT count(*) AS n FROM observations WHERE deleted_at IS NULL'),
    deleted_observations: one(tx, 'SELECT count(*) AS n FROM observations WHERE deleted_at IS NOT NULL'),
    prompts: one(tx, 'SELECT count(*) AS n FROM prompts'),
    relations: one(tx, 'SELECT count(*) AS n FROM relations'),
    pending_relations: one(tx, `SELECT count(*) AS n FROM relations WHERE judgment_status = 'pending'`),
    versions: one(tx, 'SELECT count(*) AS n FROM observation_versions'),
    tombstones: one(tx, 'SELECT count(*) AS n FROM tombstones'),
    projects: one(tx, 'SELECT count(*) AS n FROM projects WHERE merged_into IS NULL'),
    deferred: one(tx, 'SELECT count(*) AS n FROM deferred'),
  }
}

/** When a memory was last written here, whatever time the memory itself carries. */
function lastWrite(tx: ReadTx): string | null {
  const row = tx.get<{ hlc: string }>('SELECT hlc FROM observations ORDER BY change_seq DESC LIMIT 1')
  return row === undefined ? null : formatTime(hlcMs(row.hlc))
}

type AgentRow = {
  readonly agent: string
  readonly files: number
  readonly bytes: number
  readonly bad_lines: number
  readonly last: string | null
}

function ingestOf(tx: ReadTx): Status['ingest'] {
  const agents = tx.all<AgentRow>(
    `SELECT agent, count(*) AS files, sum("offset") AS bytes, sum(bad_lines) AS bad_lines, max(updated_at) AS last
     FROM ingest_sources GROUP BY agent ORDER BY agent`,
  )
  return {
    agents: Object.fromEntries(agents.map(({ agent, ...figures }) => [agent, figures])),
    failing: tx.all<{ path: string; error: string }>(
      `SELECT path, last_error AS error FROM ingest_sources WHERE last_error <> '' ORDER BY updated_at DESC LIMIT 20`,
    ),
    unknown_records: one(tx, 'SELECT coalesce(sum(unknown_records), 0) AS n FROM ingest_sources'),
  }
}

function reviewOf(tx: ReadTx, now: string): Status['review'] {
  const due = tx.get<{ n: number }>(
    `SELECT count(*) AS n FROM observations WHERE deleted_at IS NULL AND review_after <= ?1 AND (expires_at IS NULL OR expires_at > ?1)`,
    now,
  )
  const expired = tx.get<{ n: number }>(
    'SELECT count(*) AS n FROM observations WHERE deleted_at IS NULL AND expires_at <= ?',
    now,
  )
  const extracted = `FROM observations WHERE deleted_at IS NULL AND provenance IS NOT NULL AND json_extract(provenance, '$.review') = 'unreviewed'`
  return {
    strong: one(tx, `SELECT count(*) AS n ${extracted} AND confidence >= 0.7`),
    weak: one(tx, `SELECT count(*) AS n ${extracted} AND confidence < 0.7`),
    due: due?.n ?? 0,
    expired: expired?.n ?? 0,
  }
}

function todayOf(tx: ReadTx, deps: EngineDeps): Pick<Status, 'llm' | 'redactions_today'> {
  const day = formatTime(deps.clock.nowMs()).slice(0, 10)
  const llm = tx.get<{ calls: number; tokens: number }>('SELECT calls, tokens FROM llm_usage WHERE day = ?', day)
  const redactions = tx.get<{ value: number }>(
    `SELECT value FROM daily_counts WHERE day = ? AND name = 'redactions'`,
    day,
  )
  return {
    // Without an LLM nothing is billed; with one the provider bills its calls, which are shown as calls and tokens.
    llm: { calls_today: llm?.calls ?? 0, tokens_today: llm?.tokens ?? 0, cost_today_usd: 0 },
    redactions_today: redactions?.value ?? 0,
  }
}
