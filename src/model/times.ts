/**
 * Times as they travel (MEM-202): UTC text `YYYY-MM-DD HH:MM:SS`. Readers also take any fraction, RFC 3339 with an
 * offset, and a bare date. Pure: the clock is a door in `platform/`.
 */

const stored = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?$/

/** Milliseconds since 1970, or null when the text is no time we know. Without an offset it is UTC. */
export function parseTime(text: string): number | null {
  if (isStoredTime(text)) return Date.parse(`${text.slice(0, 10)}T${text.slice(11)}Z`)
  const match = stored.exec(text.trim())
  if (match === null) return null
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '0', offset = 'Z'] = match
  const made = new Date(0)
  // Not Date.UTC, which takes the years 0 to 99 for those of a century ago: Go writes its zero time as year 1.
  made.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  const isDay = made.getUTCDate() === Number(day) && made.getUTCMonth() === Number(month) - 1
  if (!isDay || Number(hour) >= 24 || Number(minute) >= 60 || Number(second) >= 60) return null
  const milliseconds = Math.floor(Number(`0.${fraction}`) * 1000)
  const at = made.setUTCHours(Number(hour), Number(minute), Number(second), milliseconds) - offsetMs(offset)
  return isWritableTime(at) ? at : null
}

const timeMinMs = Date.parse('0000-01-01T00:00:00Z')
const timeMaxMs = Date.parse('9999-12-31T23:59:59.999Z')

/** Whether a time has a stored form: four digits of a year. */
export const isWritableTime = (ms: number): boolean => ms >= timeMinMs && ms <= timeMaxMs

function offsetMs(offset: string): number {
  if (offset === 'Z' || offset === 'z') return 0
  const digits = offset.replace(/[+:-]/g, '')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return (offset.startsWith('-') ? -1 : 1) * minutes * 60_000
}

/** The stored form, whole seconds, UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** The stored form of a readable time; text that is no time is kept as it came (MEM-202). */
export function normaliseTime(text: string): string {
  if (isStoredTime(text)) return text
  const ms = parseTime(text)
  return ms === null ? text : formatTime(ms)
}

/** A time in its stored form already; the last days of a month are left to who knows how long it is. */
export const isStoredTime = (text: string): boolean => certain.test(text)

const certain = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/

/** For comparing: unreadable times sort first (MEM-202). */
export function timeOrder(text: string | undefined | null): number {
  return (text == null ? null : parseTime(text)) ?? Number.NEGATIVE_INFINITY
}

/** The same day of the month `months` later; days that do not exist roll into the next month (MEM-305). */
export function addMonths(ms: number, months: number): number {
  const at = new Date(ms)
  at.setUTCMonth(at.getUTCMonth() + months)
  return at.getTime()
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

/** `72h`, `30d`, `2w`, `15m` in milliseconds; null when it is no positive duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d|w)$/.exec(text.trim())
  if (match === null) return null
  const ms = Number(match[1]) * (durationUnits[match[2] ?? ''] ?? 0)
  return ms > 0 && Number.isSafeInteger(ms) ? ms : null
}
