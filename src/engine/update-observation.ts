import type { UpdatedObservation } from '../api/observations.ts'
import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { nameProject } from '../model/project-name.ts'
import { toScope, type Truncation, type Warning } from '../model/records.ts'
import { cutUtf8, isBlank, utf8Bytes } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import { countToday } from '../store/columns.ts'
import { fileUnder } from '../store/projects.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { WriteTx } from '../store/transaction.ts'
import { createTextCleaner, type TextCleaner } from './clean-texts.ts'
import { editObservation } from './edit-observation.ts'
import type { EngineDeps } from './handler.ts'
import { checkExpectedProject, mismatch, requireLive, requireObservation } from './lookup-observation.ts'
import { recogniseProject } from './places.ts'
import { toObservation } from './present.ts'
import { moveObservation, moveRelationsOf } from './projects-move.ts'
import { cutTitle, type Cut } from './rules/cut.ts'
import { replaceText } from './rules/replace-text.ts'
import { expiryOf, reviewAfter } from './rules/review.ts'
import { checkedType, contentWithin, titleCut, topicKeyOf } from './save.ts'

type UpdateInput = Parsed<'observation.update'>
type Fields = Partial<ObservationRow>

type Change = {
  readonly fields: Fields
  readonly truncation: Truncation | undefined
  readonly warnings: readonly Warning[]
}

/** Any of type, title, content, scope, topic key, tool, author, expiry, project; at least one (MEM-401, MEM-403). */
export function updateObservationFields(tx: WriteTx, deps: EngineDeps, input: UpdateInput): UpdatedObservation {
  refuseUnclear(input)
  const row = requireLive(tx, input.id)
  checkExpectedProject(tx, row, input.expected_project)
  const nowMs = deps.clock.nowMs()
  const cleaner = createTextCleaner(deps.redactor)
  const change = changeOf(tx, deps, input, row, cleaner)
  const updated = changedKeys(row, change.fields)
  const redacted = cleaner.redacted()
  countToday(tx, 'redactions', formatTime(nowMs), redacted.count)
  const edited =
    updated.length === 0
      ? row
      : editObservation(tx, deps, row, { ...change.fields, revision_count: row.revision_count + 1 })
  if (edited.project !== null && edited.project !== row.project) moveRelationsOf(tx, row, edited.project)
  return {
    observation: toObservation(edited, nowMs),
    updated_fields: updated,
    ...(change.truncation === undefined ? {} : { truncation: change.truncation }),
    redacted,
    warnings: change.warnings,
  }
}

function changedKeys(row: ObservationRow, fields: Fields): readonly string[] {
  const before: Readonly<Record<string, unknown>> = row
  return Object.entries(fields).flatMap(([key, value]) => (before[key] === value ? [] : [key]))
}

function changeOf(
  tx: WriteTx,
  deps: EngineDeps,
  input: UpdateInput,
  row: ObservationRow,
  cleaner: TextCleaner,
): Change {
  const nowMs = deps.clock.nowMs()
  const { clean } = cleaner
  const content = contentOf(input, row, clean)
  const title = input.title === undefined ? undefined : titleOf(clean(input.title))
  const moved = movedTo(tx, input, row, formatTime(nowMs))
  const short = (text: string, bytesMax: number): string | null => cutUtf8(clean(text).trim(), bytesMax) || null
  const isMissed = input.find !== undefined && !row.content.includes(input.find)
  const warnings: Warning[] = [
    ...(isMissed ? [notFoundInText] : []),
    ...(title?.truncation === undefined ? [] : [titleCut(title.truncation)]),
    ...(moved?.warnings ?? []),
  ]
  const fields: Fields = {
    ...(input.type === undefined ? {} : retyped(row, checkedType(clean(input.type)), deps)),
    ...(title === undefined ? {} : { title: title.text }),
    ...(content === null ? {} : { content: content.text }),
    ...(input.scope === undefined ? {} : { scope: toScope(input.scope) }),
    ...(input.topic_key === undefined ? {} : { topic_key: topicKeyOf(cleaner, input.topic_key, warnings) }),
    ...(input.tool_name === undefined ? {} : { tool_name: short(input.tool_name, limits.toolNameBytesMax) }),
    ...(input.author === undefined ? {} : { author: short(input.author, limits.authorBytesMax) }),
    ...(input.ttl === undefined && input.expires_at === undefined ? {} : { expires_at: expiryOf(input, nowMs) }),
    ...(moved === null ? {} : { project: moved.project }),
  }
  return { fields, truncation: content?.truncation, warnings }
}

const notFoundInText: Warning = {
  code: 'find_not_found',
  message: 'The text to replace does not stand in the memory; its content is as it was.',
}

const changeable = [
  'type',
  'title',
  'content',
  'find',
  'scope',
  'topic_key',
  'tool_name',
  'author',
  'ttl',
  'expires_at',
  'project',
] as const

function refuseUnclear(input: UpdateInput): void {
  if (changeable.every((key) => input[key] === undefined) && input.replace === undefined)
    throw new EngramError('invalid_request', 'at least one field is required')
  if ((input.find === undefined) !== (input.replace === undefined)) {
    throw new EngramError('invalid_request', 'Expected find and replace together.', { details: { field: 'find' } })
  }
  if (input.find !== undefined && input.content !== undefined) {
    throw new EngramError('invalid_request', 'Expected either content or find and replace, not both.', {
      details: { field: 'content' },
    })
  }
  if (utf8Bytes(input.replace ?? '') > limits.contentBytesMax) {
    throw new EngramError('invalid_request', `Expected replace of at most ${limits.contentBytesMax} bytes.`, {
      details: { field: 'replace' },
    })
  }
}

/** Another type has another review period; the date starts anew from now (MEM-305). */
export function retyped(row: ObservationRow, type: string, deps: Pick<EngineDeps, 'clock' | 'settings'>): Fields {
  if (type === row.type) return {}
  return { type, review_after: reviewAfter(type, deps.clock.nowMs(), deps.settings.reviewMonths) }
}

function titleOf(cleaned: string): Cut {
  if (!isBlank(cleaned)) return cutTitle(cleaned.trim())
  throw new EngramError('invalid_request', 'Expected a title that is not blank.', { details: { field: 'title' } })
}

/** New content, or null when nothing changes. Find and replace are literal, case-sensitive, global (MEM-401). */
function contentOf(input: UpdateInput, row: ObservationRow, clean: (text: string) => string): Cut | null {
  if (input.content !== undefined) return contentWithin(clean(input.content))
  const { find, replace } = input
  if (find === undefined || replace === undefined || !row.content.includes(find)) return null
  const replaced = replaceText(row.content, find, replace, limits.contentBytesMax)
  // The seam of two harmless texts may be a secret, so the whole result is cleaned once more.
  const content = contentWithin(clean(replaced.text))
  if (replaced.bytes <= limits.contentBytesMax || content.truncation === undefined) return content
  return { ...content, truncation: { ...content.truncation, original_bytes: replaced.bytes } }
}

/** Another project needs the present one named beside it, so that no stray `project` moves a memory (MEM-403). */
function movedTo(tx: WriteTx, input: UpdateInput, row: ObservationRow, at: string) {
  if (input.project === undefined || isBlank(input.project)) return null
  const { name, warnings } = recogniseProject(tx, nameProject(input.project).name)
  if (name === row.project) return null
  if (row.project !== null && isBlank(input.expected_project)) {
    throw mismatch(row, name, `To move it, give expected_project: ${JSON.stringify(row.project)} as well.`)
  }
  return { project: fileUnder(tx, name, at), warnings }
}

/** Files observations under another project; each is a version like any edit (MEM-403). */
export function moveObservations(tx: WriteTx, deps: EngineDeps, ids: readonly (number | string)[], to: string) {
  const project = fileUnder(tx, to, formatTime(deps.clock.nowMs()))
  const moved = ids.map((id) => {
    const row = requireObservation(tx, id)
    if (row.project !== project) moveObservation(tx, deps, row, project)
    return row.id
  })
  return { moved, project }
}

/** The next review date of its type, or none for types without a period (MEM-404). */
export function markReviewed(tx: WriteTx, deps: EngineDeps, row: ObservationRow): ObservationRow {
  const next = reviewAfter(row.type, deps.clock.nowMs(), deps.settings.reviewMonths)
  return next === row.review_after ? row : editObservation(tx, deps, row, { review_after: next })
}
