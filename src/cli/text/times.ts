import { parseTime } from '../../model/times.ts'
import { oneLine } from '../visible.ts'

const formats = new Map<string, Intl.DateTimeFormat>()

/** A stored time (UTC) as people read it: in ENGRAM_TIMEZONE when set, in local time when that is no zone (MEM-612). */
export function shownTime(text: string, timezone: string | undefined): string {
  const ms = parseTime(text)
  if (ms === null || timezone === undefined) return oneLine(text)
  return formatOf(timezone).format(ms)
}

export const shownDay = (text: string, timezone: string | undefined): string => shownTime(text, timezone).slice(0, 10)

function formatOf(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone)
  if (known !== undefined) return known
  const options = { dateStyle: 'short', timeStyle: 'medium' } as const
  const made = ((): Intl.DateTimeFormat => {
    try {
      return new Intl.DateTimeFormat('sv-SE', { ...options, timeZone: timezone })
    } catch {
      return new Intl.DateTimeFormat('sv-SE', options)
    }
  })()
  formats.set(timezone, made)
  return made
}

/** `just now`, `5 min ago`, `3 h ago`, `12 d ago`. */
export function ago(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${minutes} min ago`
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1_440)} d ago`
}

/** The same for a time as the live engine writes it, RFC 3339 with milliseconds. */
export const shownMoment = (text: string, timezone: string | undefined): string =>
  shownTime(text.replace(/^(.{10})T(.{8})(?:\.\d+)?Z$/, '$1 $2'), timezone)
