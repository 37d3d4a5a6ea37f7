import type { LiveEvent, WorkUnit } from '../../model/live.ts'
import type { CommandContext } from '../command.ts'
import { oneLine, visible } from '../visible.ts'
import type { Page } from './page.ts'
import { shownMoment } from './times.ts'

type Look = Pick<CommandContext, 'paint' | 'config'>

/** Who, what and when, then the payload below. */
export function unitText(unit: WorkUnit, context: Look): string {
  const payload = unit.payload ?? `${unit.payload_base64?.length ?? 0} characters of base64`
  const body = payload === '' ? [] : [visible(payload, { keepLines: true })]
  return [unitHead(unit, { paint: context.paint, timezone: context.config.timezone.value }), ...body].join('\n')
}

/** Who, what and when. */
export const unitHead = (unit: WorkUnit, { paint, timezone }: Pick<Page, 'paint' | 'timezone'>): string =>
  [
    paint.dim(`#${unit.seq}`),
    paint.name(oneLine(unit.agent_id)),
    unit.type,
    paint.dim(shownMoment(unit.ts, timezone)),
    paint.dim(unit.id),
  ].join('  ')

/** One event of a context in a line; a unit with its payload. */
export function eventLine(event: LiveEvent, context: Look): string {
  const { unit, lock } = event.data
  if (unit !== undefined) return unitText(unit, context)
  const { paint, config } = context
  const what = lock === undefined ? '' : `  ${oneLine(lock.resource_path)}`
  const time = shownMoment(event.ts, config.timezone.value)
  return `${paint.dim(`#${event.seq ?? 0}`)}  ${paint.name(oneLine(event.agent_id))}  ${event.kind}${what}  ${paint.dim(time)}`
}
