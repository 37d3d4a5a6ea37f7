import { defaultSettings } from '../../../src/model/settings.ts'
import { openEngine, type OpenedEngine } from '../../../src/open-engine.ts'
import { catchUp } from '../../../src/upkeep.ts'
import { acksOf, triesOf, type LogLine, type SaveKind } from './log-lines.ts'
import { topicScope } from './save-mix.ts'

type Ack = ReturnType<typeof acksOf>[number]

/** What a data dir holds against what the callers were told; every list is empty when all is well. */
export type MemoryAudit = {
  readonly acked: number
  readonly records: number
  readonly lost: readonly string[]
  readonly wrong: readonly string[]
  readonly integrity: string
  readonly doctor: string
  /** Queued saves whose first attempt stood after all: the text is there once, under another sync id than was told. */
  readonly renamed: number
}

type Row = {
  readonly sync_id: string
  readonly title: string
  readonly content: string
  readonly topic_key: string | null
  readonly scope: string
  readonly duplicate_count: number
  readonly revision_count: number
  readonly deleted_at: string | null
  readonly change_seq: number
}

/** Opens the data dir as the next process would, writes what is queued, and compares. */
export async function auditMemory(dataDir: string, lines: readonly LogLine[]): Promise<MemoryAudit> {
  const opened = await openEngine({ dataDir, environment: {} })
  try {
    await opened.tend()
    while (!(await catchUp(opened))) continue
    const rows = opened.deps.store.read((tx) => tx.all<Row>('SELECT * FROM observations'))
    const report = await opened.caller.call('doctor.report', { check: 'integrity', all_projects: true })
    return {
      acked: acksOf(lines).length,
      records: rows.length,
      lost: lostSaves(opened, rows, lines),
      wrong: [
        ...wrongCounts(rows, lines, 'repeat'),
        ...wrongCounts(rows, lines, 'topic'),
        ...wrongVersions(opened, rows),
        ...wrongClock(opened),
      ],
      integrity:
        opened.deps.store.read((tx) => tx.get<{ integrity_check: string }>('PRAGMA integrity_check'))
          ?.integrity_check ?? 'no answer',
      doctor: report.checks[0]?.result ?? 'no answer',
      renamed: acksOf(lines).filter(
        (ack) => ack.kind === 'new' && ack.outcome === 'queued' && !rows.some((row) => row.sync_id === ack.syncId),
      ).length,
    }
  } finally {
    await opened.close()
  }
}

/** Acknowledged texts that are nowhere: neither current, nor a version before, nor a prompt. */
function lostSaves(opened: OpenedEngine, rows: readonly Row[], lines: readonly LogLine[]): string[] {
  const current = new Map(rows.map((row) => [row.sync_id, row]))
  const texts = new Set(rows.map((row) => row.content))
  const [older, prompts] = opened.deps.store.read((tx) => [
    tx.all<{ snapshot: string }>("SELECT snapshot FROM observation_versions WHERE snapshot <> ''"),
    tx.all<{ sync_id: string; content: string }>('SELECT sync_id, content FROM prompts'),
  ])
  for (const version of older) texts.add((JSON.parse(version.snapshot) as { content: string }).content)
  const prompted = new Map(prompts.map((row) => [row.sync_id, row.content]))
  const isThere = (ack: Ack): boolean => {
    if (ack.kind === 'prompt') return prompted.get(ack.syncId) === ack.content
    const row = current.get(ack.syncId)
    if (ack.kind === 'new' && ack.outcome !== 'queued' && row === undefined) return false
    return texts.has(ack.content) || isBeyondHistory(row ?? rows.find((one) => isShared(one, ack.kind, ack.key)))
  }
  return acksOf(lines)
    .filter((ack) => !isThere(ack))
    .map((ack) => `${ack.outcome} ${ack.kind} ${ack.syncId} ${ack.content}`)
}

/** Of one memory so many older states are kept; what is older went as it should (MEM-510). */
const isBeyondHistory = (row: Row | undefined): boolean =>
  row !== undefined && row.revision_count > defaultSettings.historyKept

/**
 * One live row per shared text or topic, whose counter lies between what was acknowledged and what was tried. A save that
 * was queued because its commit failed may stand already, and then counts twice.
 */
function wrongCounts(rows: readonly Row[], lines: readonly LogLine[], kind: 'repeat' | 'topic'): string[] {
  const acks = Map.groupBy(
    acksOf(lines).filter((ack) => ack.kind === kind),
    (ack) => ack.key,
  )
  const tries = Map.groupBy(
    triesOf(lines).filter((line) => line.kind === kind),
    (line) => line.key,
  )
  return [...tries].flatMap(([key, tried]) => {
    const acked = acks.get(key) ?? []
    const live = rows.filter((row) => row.deleted_at === null && isShared(row, kind, key))
    const count = kind === 'repeat' ? live[0]?.duplicate_count : live[0]?.revision_count
    const queued = acked.filter((ack) => ack.outcome === 'queued').length
    const told = acked.filter((ack) => ack.outcome !== 'queued').map((ack) => ack.count)
    const name = `${kind} ${key}`
    return [
      live.length === 1 || acked.length === 0 ? '' : `${name}: ${live.length} live rows`,
      (count ?? 0) >= acked.length ? '' : `${name}: counted ${count}, acknowledged ${acked.length}`,
      (count ?? 0) <= tried.length + queued ? '' : `${name}: counted ${count}, tried ${tried.length}, queued ${queued}`,
      new Set(told).size === told.length ? '' : `${name}: two callers were told the same count`,
      Math.max(0, ...told) <= (count ?? 0) ? '' : `${name}: told ${Math.max(...told)}, counted ${count}`,
    ].filter((text) => text !== '')
  })
}

function isShared(row: Row, kind: SaveKind, key: string): boolean {
  if (kind === 'repeat') return row.content === `The shared text number ${key}.`
  return kind === 'topic' && row.topic_key === `shared/topic-${key}` && row.scope === topicScope(key)
}

/** Each state before the current one is kept, up to the limit of the history. */
function wrongVersions(opened: OpenedEngine, rows: readonly Row[]): string[] {
  const counted = opened.deps.store.read((tx) =>
    tx.all<{ sync_id: string; n: number }>(
      "SELECT sync_id, count(*) n FROM observation_versions WHERE snapshot <> '' GROUP BY sync_id",
    ),
  )
  const kept = new Map(counted.map((row) => [row.sync_id, row.n]))
  return rows
    .filter((row) => (kept.get(row.sync_id) ?? 0) < Math.min(row.revision_count - 1, defaultSettings.historyKept))
    .map((row) => `${row.title}: revision ${row.revision_count} with ${kept.get(row.sync_id) ?? 0} versions before it`)
}

/** No two records share a number of the change clock, and none is ahead of it (MEM-109). */
function wrongClock(opened: OpenedEngine): string[] {
  const [twice, clock] = opened.deps.store.read((tx) => [
    tx.get<{ n: number; distinct_n: number; most: number }>(
      `SELECT count(change_seq) n, count(DISTINCT change_seq) distinct_n, max(change_seq) most FROM (
         SELECT change_seq FROM observations UNION ALL SELECT change_seq FROM prompts UNION ALL
         SELECT change_seq FROM sessions UNION ALL SELECT change_seq FROM relations UNION ALL
         SELECT change_seq FROM tombstones)`,
    ),
    tx.get<{ value: string }>("SELECT value FROM meta WHERE key = 'change_seq'"),
  ])
  return [
    twice?.n === twice?.distinct_n ? '' : `${twice?.n} records share ${twice?.distinct_n} numbers of the change clock`,
    (twice?.most ?? 0) <= Number(clock?.value) ? '' : `change ${twice?.most} is ahead of the clock at ${clock?.value}`,
  ].filter((text) => text !== '')
}

/** What a test expects of every audit. */
export const sound = { lost: [], wrong: [], integrity: 'ok', doctor: 'ok' }
