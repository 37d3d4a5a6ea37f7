import { limits } from '../../model/limits.ts'
import { parseTime } from '../../model/times.ts'
import { hlcMs } from '../../model/hlc.ts'
import type { ObservationRow, PromptRow, SessionRow } from '../../store/rows.ts'
import type { EngineDeps } from '../handler.ts'
import { rows, type Check, type Found } from './check.ts'

const clockAheadMaxMs = 10 * 60_000

/** Checks about what is kept (MEM-1102). */
export const recordChecks: readonly Check[] = [
  {
    id: 'sync_mutation_required_fields',
    whenFound: 'warning',
    good: 'Every record has what other programs ask for.',
    bad: 'Records that no export takes',
    why: 'Other programs refuse a record without title, content, type or session, so it is withheld (CHK-509).',
    nextStep: 'Repair takes missing titles from the content; the rest needs `engram update`.',
    repairable: true,
    examine: (deps, project) => ({ findings: [...blankObservations(deps, project), ...blankPrompts(deps, project)] }),
  },
  {
    id: 'invalid_timestamp',
    whenFound: 'warning',
    good: 'Every time can be read.',
    bad: 'Records with a time that cannot be read',
    why: 'Such a record sorts before all others.',
    nextStep: 'Keep it, or save it anew: the text that came is not changed.',
    repairable: false,
    examine: (deps, project) => ({ findings: unreadableTimes(deps, project) }),
  },
  {
    id: 'duplicate_observations',
    whenFound: 'warning',
    good: 'No memory stands twice.',
    bad: 'Memories that stand twice under different ids',
    why: 'One session, one moment, one text: a copy made by a program without sync ids.',
    nextStep: 'Repair keeps the oldest and soft-deletes the others.',
    repairable: true,
    examine: (deps, project) =>
      rows(
        deps,
        `SELECT min(id) AS kept, group_concat(id) AS ids, count(*) AS copies, title FROM observations
         WHERE deleted_at IS NULL AND (?1 IS NULL OR project = ?1)
         GROUP BY session_id, created_at, type, title, normalized_hash, coalesce(topic_key, '') HAVING count(*) > 1`,
        project,
      ),
  },
  {
    id: 'open_conflicts',
    whenFound: 'warning',
    good: 'No memory has versions in conflict.',
    bad: 'Memories with versions in conflict',
    why: 'Two machines changed one memory without knowing of each other; both texts are kept.',
    nextStep: '`engram conflicts list --kind version`, then `engram conflicts settle <id>`.',
    repairable: false,
    examine: (deps, project) =>
      rows(
        deps,
        `SELECT id, kind, sync_id, detected_at FROM observation_conflicts
         WHERE settled_at IS NULL AND (?1 IS NULL OR project = ?1) ORDER BY detected_at`,
        project,
      ),
  },
  {
    id: 'deferred_rows',
    whenFound: 'warning',
    good: 'Nothing that arrived waits for something else.',
    bad: 'Arrived rows that wait for something they point to',
    why: 'A relation waits until both its ends are here.',
    nextStep: 'They are taken when the missing record arrives; `engram conflicts deferred` lists them.',
    repairable: false,
    examine: (deps) =>
      rows(deps, 'SELECT sync_id, entity, apply_status, last_error FROM deferred ORDER BY first_seen_at'),
  },
  {
    id: 'clock_skew',
    whenFound: 'warning',
    good: 'No record comes from the future.',
    bad: 'Records stamped more than ten minutes ahead of this clock',
    why: 'A machine with a wrong clock wins every merge until time catches up.',
    nextStep: 'Set the clock of the machine named in `origin`.',
    repairable: false,
    examine: (deps, project) => ({ findings: recordsAhead(deps, project) }),
  },
  {
    id: 'stored_secrets',
    whenFound: 'error',
    good: 'No secret was found in what is stored.',
    bad: 'Stored memories that hold something like a secret',
    why: 'They were written by a program without redaction, or before a pattern was known.',
    nextStep: 'Change the secret itself. Repair masks it here; the backup made before still holds it: remove that.',
    repairable: true,
    examine: (deps, project) => ({ findings: storedSecrets(deps, project) }),
  },
]

/** What counts as blank where a record leaves: everything JavaScript trims. */
const whiteSpace =
  '\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'

const blankObservations = (deps: EngineDeps, project: string | null): readonly Found[] =>
  rows(
    deps,
    `SELECT id, sync_id, CASE WHEN trim(title, ?2) = '' THEN 'title' WHEN trim(content, ?2) = '' THEN 'content'
            WHEN trim(type, ?2) = '' THEN 'type' ELSE 'session_id' END AS missing
     FROM observations WHERE (?1 IS NULL OR project = ?1)
       AND '' IN (trim(title, ?2), trim(content, ?2), trim(type, ?2), trim(session_id, ?2))`,
    project,
    whiteSpace,
  ).findings

const blankPrompts = (deps: EngineDeps, project: string | null): readonly Found[] =>
  rows(
    deps,
    `SELECT 'prompt' AS entity, id, sync_id,
            CASE WHEN trim(content, ?2) = '' THEN 'content' ELSE 'session_id' END AS missing
     FROM prompts WHERE (?1 IS NULL OR project = ?1) AND '' IN (trim(content, ?2), trim(session_id, ?2))`,
    project,
    whiteSpace,
  ).findings

function unreadableTimes(deps: EngineDeps, project: string | null): Found[] {
  const columns = ['created_at', 'updated_at', 'last_seen_at', 'review_after', 'expires_at', 'deleted_at'] as const
  const found: Found[] = []
  deps.store.read((tx) => {
    const all = tx.iterate<Record<(typeof columns)[number], string | null> & { id: number; sync_id: string }>(
      `SELECT id, sync_id, created_at, updated_at, last_seen_at, review_after, expires_at, deleted_at
       FROM observations WHERE ?1 IS NULL OR project = ?1`,
      project,
    )
    for (const row of all) {
      for (const column of columns) {
        const text = row[column]
        if (text !== null && parseTime(text) === null)
          found.push({ id: row.id, sync_id: row.sync_id, field: column, text })
      }
    }
  })
  return found
}

function recordsAhead(deps: EngineDeps, project: string | null): Found[] {
  const limit = deps.clock.nowMs() + clockAheadMaxMs
  const latest = deps.store.read((tx) =>
    tx.all<{ id: number; sync_id: string; hlc: string; origin: string }>(
      'SELECT id, sync_id, hlc, origin FROM observations WHERE ?1 IS NULL OR project = ?1 ORDER BY hlc DESC LIMIT ?2',
      project,
      limits.listLimitMax,
    ),
  )
  return latest
    .filter((row) => hlcMs(row.hlc) > limit)
    .map((row) => ({
      id: row.id,
      sync_id: row.sync_id,
      origin: row.origin,
      at: new Date(hlcMs(row.hlc)).toISOString(),
    }))
}

/** Names records and kinds, never the text. */
function storedSecrets(deps: EngineDeps, project: string | null): Found[] {
  const found: Found[] = []
  const look = (name: Found, ...texts: readonly (string | null)[]): void => {
    const kinds = texts.flatMap((text) => deps.redactor.redact(text ?? '').findings.map((finding) => finding.kind))
    if (kinds.length > 0) found.push({ ...name, kinds: [...new Set(kinds)].sort() })
  }
  deps.store.read((tx) => {
    const observations = tx.iterate<ObservationRow>(
      'SELECT * FROM observations WHERE ?1 IS NULL OR project = ?1',
      project,
    )
    for (const row of observations) {
      const name = { entity: 'observation', id: row.id, sync_id: row.sync_id }
      look(name, row.title, row.content, row.tool_name, row.topic_key, row.author, row.provenance)
    }
    const versions = tx.iterate<{ id: number; sync_id: string; snapshot: string }>(
      `SELECT DISTINCT o.id, v.sync_id, v.snapshot FROM observation_versions v JOIN observations o ON o.sync_id = v.sync_id
       WHERE v.snapshot <> '' AND (?1 IS NULL OR o.project = ?1)`,
      project,
    )
    for (const row of versions) look({ entity: 'version', id: row.id, sync_id: row.sync_id }, row.snapshot)
    const prompts = tx.iterate<PromptRow>('SELECT * FROM prompts WHERE ?1 IS NULL OR project = ?1', project)
    for (const row of prompts) look({ entity: 'prompt', id: row.id, sync_id: row.sync_id }, row.content, row.author)
    const sessions = tx.iterate<SessionRow>(
      'SELECT * FROM sessions WHERE summary IS NOT NULL AND (?1 IS NULL OR project = ?1)',
      project,
    )
    for (const row of sessions) look({ entity: 'session', session_id: row.id }, row.summary)
  })
  return found
}
