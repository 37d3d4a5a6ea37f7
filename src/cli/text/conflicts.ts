import type { RelationDetail, RelationStats } from '../../api/relations.ts'
import type { ConflictHead, VersionConflict } from '../../model/records.ts'
import { indented, type Page } from './page.ts'
import { shownTime } from './times.ts'
import { oneLine, visible } from '../visible.ts'

const kindText: Readonly<Record<VersionConflict['kind'], string>> = {
  edit: 'edited in two places',
  edit_delete: 'edited in one place, deleted in another',
  edited_after_delete: 'edited by someone who did not know it was deleted',
  same_topic: 'two memories under one topic',
}

/** One version conflict with all its texts, and how to settle it (MEM-509). */
export function renderConflict(conflict: VersionConflict, page: Page): string {
  const { paint } = page
  const settled =
    conflict.settled_at === undefined
      ? []
      : [`Settled:  ${shownTime(conflict.settled_at, page.timezone)} by ${oneLine(conflict.settled_by ?? 'someone')}`]
  const next =
    conflict.settled_at === undefined
      ? [
          paint.dim(`Settle it: engram conflicts settle ${conflict.id} --take <version>`),
          paint.dim(`       or: engram conflicts settle ${conflict.id} --content - < merged.md`),
        ]
      : []
  return [
    `${paint.name(conflict.id)} — ${paint.title(oneLine(conflict.title))}`,
    `Kind:     ${kindText[conflict.kind]}`,
    `Project:  ${oneLine(conflict.project ?? '')}`,
    `Seen:     ${shownTime(conflict.detected_at, page.timezone)}`,
    ...settled,
    '',
    ...conflict.heads.flatMap((head) => headLines(head, page)),
    ...next,
  ].join('\n')
}

function headLines(head: ConflictHead, page: Page): readonly string[] {
  const { paint } = page
  const marks = [
    ...(head.current ? ['current'] : []),
    ...(head.deleted ? ['deleted'] : []),
    ...(head.author === undefined ? [] : [`by ${oneLine(head.author)}`]),
    `from ${oneLine(head.origin)}`,
  ]
  return [
    `─── ${paint.name(oneLine(head.version))} ───`,
    ...indented(page, marks.join(', '), '').map(paint.dim),
    paint.title(oneLine(head.title)),
    ...visible(head.content.trimEnd(), { keepLines: true })
      .split('\n')
      .flatMap((line) => indented(page, line, '')),
    '',
  ]
}

/** One relation with both ends. */
export function renderRelation(relation: RelationDetail, page: Page): string {
  const { paint } = page
  const end = (name: string, title: string, id: string, snippet: string): readonly string[] => [
    `${name}: ${paint.title(oneLine(title))} (${oneLine(id)})`,
    ...indented(page, oneLine(snippet)),
  ]
  const by = [relation.marked_by_actor, relation.marked_by_kind, relation.marked_by_model]
  const marked = by
    .filter((one) => one !== undefined)
    .map(oneLine)
    .join(', ')
  const field = (name: string, value: string | undefined): readonly string[] =>
    value === undefined || value === '' ? [] : [`${`${name}:`.padEnd(12)}${value}`]
  return [
    `${paint.name(`#${relation.id}`)} ${relation.judgment_status === 'pending' ? 'to be judged' : relation.relation} (${relation.judgment_status})`,
    ...end('A', relation.source_title, relation.source_id, relation.source_snippet),
    ...end('B', relation.target_title, relation.target_id, relation.target_snippet),
    ...field('Project', oneLine(relation.project)),
    ...field('Confidence', relation.confidence?.toFixed(2)),
    ...field('Reason', oneLine(relation.reason ?? '')),
    ...field('Evidence', oneLine(relation.evidence ?? '')),
    ...field('Judged by', marked),
    ...field('Created', shownTime(relation.created_at, page.timezone)),
    ...field('Sync id', relation.sync_id),
    ...(relation.judgment_status === 'pending'
      ? [paint.dim(`Judge it: engram conflicts judge ${relation.id} <relation>`)]
      : []),
  ].join('\n')
}

export function renderRelationStats(stats: RelationStats): string {
  const lines = (title: string, counts: Readonly<Record<string, number>>): readonly string[] => {
    const entries = Object.entries(counts)
    return [
      `${title}:`,
      ...(entries.length === 0 ? ['  none'] : entries.map(([name, n]) => `  ${`${oneLine(name)}:`.padEnd(16)}${n}`)),
    ]
  }
  return [
    `Relations${stats.project === '' ? '' : ` of ${oneLine(stats.project)}`}`,
    ...lines('By relation', stats.by_relation),
    ...lines('By status', stats.by_judgment_status),
    `Waiting rows:     ${stats.deferred}`,
    `Undecodable rows: ${stats.dead}`,
  ].join('\n')
}
