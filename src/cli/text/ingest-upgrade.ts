import type { IngestReport } from '../../api/ingest.ts'
import { counted } from './amounts.ts'
import { oneLine } from '../visible.ts'

const namesShown = 10

/** What came of reading archived conversations anew (ING-INC-6); empty where there was nothing to do. */
export function upgradeLines({ upgrade, dry_run: isDry }: IngestReport): readonly string[] {
  if (upgrade === null) return []
  const { sessions, left, unarchived } = upgrade
  const names = unarchived.slice(0, namesShown).map((each) => oneLine(each.transcript_key))
  const others = unarchived.length - names.length
  return [
    ...(sessions === 0 ? [] : [`${isDry ? 'Would upgrade:' : 'Upgraded: '} ${counted(sessions, 'session')}`]),
    ...(unarchived.length === 0
      ? []
      : [
          `Set aside: ${names.join(', ')}${others > 0 ? ` and ${others} more` : ''}: not in the archive. ` +
            'What they gave stays; --force reads those whose files are there.',
        ]),
    ...(left === 0 ? [] : [`Left:      ${counted(left, 'more session')} ${left === 1 ? 'waits' : 'wait'}: run again`]),
  ]
}

/** What a newer version of the program could find more; it is never looked for unasked. */
export const behindLines = ({ behind }: IngestReport): readonly string[] =>
  behind === 0
    ? []
    : [
        `Behind:    ${counted(behind, 'session')} ${behind === 1 ? 'was' : 'were'} read by earlier rules; ` +
          '`engram ingest --upgrade` reads anew',
      ]

/** Everything has been seen by the present rules. */
export const isUpgraded = ({ upgrade }: IngestReport): boolean =>
  upgrade !== null && upgrade.sessions + upgrade.left + upgrade.unarchived.length === 0
