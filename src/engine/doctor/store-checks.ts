import { limits } from '../../model/limits.ts'
import { EngramError } from '../../model/errors.ts'
import type { ReadTx } from '../../store/transaction.ts'
import type { EngineDeps } from '../handler.ts'
import { type HookFired, hooksFired } from '../hook-folder.ts'
import { unreadableHeard } from '../hook-spool.ts'
import { badSpoolNames, spoolNames } from '../spool.ts'
import { contentFindings } from './content-checks.ts'
import type { Check, Examined, Found } from './check.ts'

const lockWaitMsMax = 1_000

/** Checks about the file and its derived rows (MEM-1102). */
export const storeChecks: readonly Check[] = [
  {
    id: 'integrity',
    whenFound: 'error',
    good: 'The database file is whole; index, versions and records agree.',
    bad: 'Damage in the database file',
    why:
      'SQLite checks every page, the index is checked against the records, the text of every memory against its hash, ' +
      'and what was written here, with its kept states, against the names of its versions. Prompts, sessions and ' +
      'relations have no hash of their own.',
    nextStep:
      'Repair rebuilds the index. For damage to the file or to a text: compare with `engram history`, or put a copy ' +
      'back with `engram backup restore`.',
    repairable: true,
    examine: (deps) => ({ findings: integrityFindings(deps) }),
  },
  {
    id: 'sqlite_lock_contention',
    whenFound: 'warning',
    good: 'The database can be locked at once.',
    bad: 'The database is locked by somebody for long',
    why: 'Writers queue fairly; one that holds the lock for seconds holds up all others.',
    nextStep: 'Look for another program that has the file open.',
    repairable: false,
    examine: (deps) => lockWait(deps),
  },
  {
    id: 'spool_backlog',
    whenFound: 'warning',
    good: 'No save waits on disk.',
    bad: 'Saves that wait to be written',
    why: 'They were taken while the store could not be written.',
    nextStep: 'Any command that can write drains them. What ends in `.bad` holds no save that can be read: look at it.',
    repairable: false,
    examine: async (deps) => ({
      findings: [
        ...(await spoolNames(deps)).map((file) => ({ kind: 'waiting', file })),
        ...(await badSpoolNames(deps)).map((file) => ({ kind: 'unreadable', file })),
      ],
    }),
  },
  {
    id: 'hook_times',
    whenFound: 'warning',
    good: 'No hook of an agent has fired yet.',
    bad: 'What hooks heard that cannot be read',
    why: 'A hook that never fires was not set up, or the agent wants it to be trusted first.',
    nextStep: 'Look at the file in hooks/waiting: it was written by no hook of this version. Then remove it.',
    repairable: false,
    examine: async (deps) => {
      const fired = await hooksFired(deps)
      const findings = (await unreadableHeard(deps)).map((file) => ({ kind: 'unreadable', file }))
      return { findings, evidence: { hooks: fired }, ...(fired.length > 0 ? { message: firedText(fired) } : {}) }
    },
  },
  {
    id: 'disk_and_wal_size',
    whenFound: 'warning',
    good: 'The write-ahead log is small.',
    bad: 'The write-ahead log is larger than it should be',
    why: 'A reader that never ends keeps it from being folded in.',
    nextStep: 'Stop the program that keeps the file open, then run any command.',
    repairable: false,
    examine: (deps) => {
      const stats = deps.store.stats()
      const evidence = { bytes: stats.fileBytes, wal_bytes: stats.walBytes, schema: stats.schema }
      return { findings: stats.walBytes > 2 * limits.walBytesForced ? [evidence] : [], evidence }
    },
  },
]

/** The last hook of each agent. */
function firedText(fired: readonly HookFired[]): string {
  const last = new Map<string, HookFired>()
  for (const one of fired.toSorted((a, b) => (a.last < b.last ? -1 : 1))) last.set(one.agent, one)
  const texts = [...last.values()].map(({ agent, event, last: at }) => `${agent} ${event} at ${at}`)
  return `Last fired: ${texts.join(', ')}.`
}

/** Takes the write lock and gives it back without writing. */
async function lockWait(deps: EngineDeps): Promise<Examined> {
  if (!deps.store.hasOpened) deps.store.read(() => undefined)
  if (deps.store.stats().mode === 'read-only') return { findings: [], evidence: { mode: 'read-only' } }
  const start = deps.clock.monotonicMs()
  const isBusy = await deps.store
    .write(() => undefined, { durability: 'derived' })
    .then(() => false)
    .catch((error: unknown) => {
      if (error instanceof EngramError && error.code === 'storage_busy') return true
      throw error
    })
  const waitedMs = Math.round(deps.clock.monotonicMs() - start)
  const evidence = { waited_ms: waitedMs }
  return { findings: isBusy || waitedMs > lockWaitMsMax ? [{ ...evidence, gave_up: isBusy }] : [], evidence }
}

/** A damaged file is not asked further: its answers would be guesses. Damage that stops the very question is one, too. */
function integrityFindings(deps: EngineDeps): readonly Found[] {
  try {
    return deps.store.read((tx) => {
      const damage = fileDamage(tx)
      return damage.length > 0 ? damage : [...disagreements(tx), ...contentFindings(tx)]
    })
  } catch (error) {
    if (error instanceof EngramError && (error.code === 'database_corrupt' || !deps.store.hasOpened))
      return [{ kind: 'file', code: error.code, text: error.message }]
    throw error
  }
}

const fileDamage = (tx: ReadTx): readonly Found[] =>
  tx
    .all<{ integrity_check: string }>('PRAGMA integrity_check(100)')
    .filter((row) => row.integrity_check !== 'ok')
    .map(({ integrity_check: text }) => ({ kind: text.includes('FTS5') ? 'index_damaged' : 'file', text }))

/** Where index, versions and records do not agree. */
const disagreements = (tx: ReadTx): readonly Found[] => [
  ...tx.all<Found>(
    `SELECT 'not_indexed' AS kind, id FROM observations o
           WHERE deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM observation_fts f WHERE f.rowid = o.id) LIMIT 100`,
  ),
  ...tx.all<Found>(
    `SELECT 'indexed_without_record' AS kind, f.rowid AS id FROM observation_fts f
           WHERE NOT EXISTS (SELECT 1 FROM observations o WHERE o.id = f.rowid AND o.deleted_at IS NULL) LIMIT 100`,
  ),
  ...tx.all<Found>(
    `SELECT 'prompt_not_indexed' AS kind, id FROM prompts p
           WHERE NOT EXISTS (SELECT 1 FROM prompt_fts f WHERE f.rowid = p.id) LIMIT 100`,
  ),
  ...tx.all<Found>(
    `SELECT 'head_is_contained' AS kind, v.sync_id, v.version FROM observation_versions v
           JOIN observations o ON o.sync_id = v.sync_id
           WHERE v.head = 1 AND (v.version = o.version OR instr(o.ancestors, '"' || v.version || '"') > 0) LIMIT 100`,
  ),
  ...tx.all<Found>(
    `SELECT 'version_without_record' AS kind, v.sync_id, v.version FROM observation_versions v
           WHERE NOT EXISTS (SELECT 1 FROM observations o WHERE o.sync_id = v.sync_id)
             AND NOT EXISTS (SELECT 1 FROM observation_conflicts c WHERE c.sync_id = v.sync_id) LIMIT 100`,
  ),
]
