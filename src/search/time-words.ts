import { addMonths, parseDuration, parseTime } from '../model/times.ts'
import { parameters } from './parameters.ts'

/** From `fromMs` up to but without `toMs`, milliseconds since 1970. */
export type Period = { readonly fromMs: number; readonly toMs: number }

const dayMs = 86_400_000
const months = 'january february march april may june july august september october november december'.split(' ')
const weekdays = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ')
const units: Readonly<Record<string, 'day' | 'week' | 'month' | 'year'>> = {
  day: 'day',
  days: 'day',
  week: 'week',
  weeks: 'week',
  month: 'month',
  months: 'month',
  year: 'year',
  years: 'year',
}
/** After these a bare month name is a time; `may` alone is a verb. */
const prepositions = new Set('in since before after until during by from of on last this between and'.split(' '))

type Found = {
  readonly period: Period
  /** A single day, which people misremember. */
  readonly isDay: boolean
  readonly length: number
}

/**
 * The period a query speaks of, or null (RET-504). English, days in UTC, relative to `nowMs`; single days are widened by
 * three days each way. The first phrase that is a time counts.
 */
export function periodIn(text: string, nowMs: number): Period | null {
  const words = timeWords(text)
  for (let at = 0; at < words.length; at++) {
    const found = rangeAt(words, at, nowMs) ?? openRangeAt(words, at, nowMs) ?? momentAt(words, at, nowMs)
    if (found !== null) return widened(found)
  }
  return null
}

/**
 * The instant a `since` (start) or `until` (end) filter names: a time, a date, a duration back from now such as `72h`,
 * or a phrase of {@link periodIn}. Null when it is none of them (RET-503).
 */
export function instantOf(text: string, side: 'since' | 'until', nowMs: number): number | null {
  const trimmed = text.trim()
  const duration = parseDuration(trimmed)
  if (duration !== null) return nowMs - duration
  const time = parseTime(trimmed)
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(trimmed)
  if (time !== null) return side === 'until' && isDate ? time + dayMs - 1 : time
  const words = timeWords(trimmed)
  const found = momentAt(words, 0, nowMs, true)
  if (found === null || found.length !== words.length) return null
  return side === 'since' ? found.period.fromMs : found.period.toMs - 1
}

const timeWords = (text: string): readonly string[] =>
  text.toLowerCase().match(/\d{4}-\d{2}-\d{2}|\d{4}-\d{2}(?!\d)|\d+(?:st|nd|rd|th)?|\p{L}+/gu) ?? []

function widened({ period, isDay }: Found): Period {
  const by = isDay ? parameters.dayWidening * dayMs : 0
  return { fromMs: period.fromMs - by, toMs: period.toMs + by }
}

/** `between X and Y`. */
function rangeAt(words: readonly string[], at: number, nowMs: number): Found | null {
  if (words[at] !== 'between') return null
  const first = momentAt(words, at + 1, nowMs, true)
  if (first === null || words[at + 1 + first.length] !== 'and') return null
  const second = momentAt(words, at + 2 + first.length, nowMs, true)
  if (second === null || second.period.toMs <= first.period.fromMs) return null
  const period = { fromMs: first.period.fromMs, toMs: second.period.toMs }
  return { period, isDay: false, length: 2 + first.length + second.length }
}

/** `since X`, `after X`, `before X`, `until X`. */
function openRangeAt(words: readonly string[], at: number, nowMs: number): Found | null {
  const word = words[at] ?? ''
  const isFrom = word === 'since' || word === 'after'
  if (!isFrom && word !== 'before' && word !== 'until') return null
  const moment = momentAt(words, at + 1, nowMs, true)
  if (moment === null) return null
  const toNow = { fromMs: word === 'after' ? moment.period.toMs : moment.period.fromMs, toMs: nowMs + dayMs }
  const upTo = { fromMs: 0, toMs: word === 'until' ? moment.period.toMs : moment.period.fromMs }
  return { period: isFrom ? toNow : upTo, isDay: false, length: 1 + moment.length }
}

/** One point or stretch of time beginning at a word. `isAwaited`: a preposition or filter asks for one. */
function momentAt(words: readonly string[], at: number, nowMs: number, isAwaited = false): Found | null {
  return (
    relativeAt(words, at, nowMs) ??
    agoAt(words, at, nowMs) ??
    numericAt(words, at, isAwaited) ??
    monthAt(words, at, nowMs, isAwaited) ??
    weekdayAt(words, at, nowMs)
  )
}

const startOfDay = (ms: number): number => Math.floor(ms / dayMs) * dayMs
const day = (fromMs: number, length: number): Found => ({
  period: { fromMs, toMs: fromMs + dayMs },
  isDay: true,
  length,
})
const stretch = (fromMs: number, toMs: number, length: number): Found => ({
  period: { fromMs, toMs },
  isDay: false,
  length,
})

/** `today`, `yesterday`, `this|last week|month|year`, `last N days|weeks|months`. */
function relativeAt(words: readonly string[], at: number, nowMs: number): Found | null {
  const [word, next, third] = [words[at], words[at + 1] ?? '', words[at + 2] ?? '']
  if (word === 'today') return day(startOfDay(nowMs), 1)
  if (word === 'yesterday') return day(startOfDay(nowMs) - dayMs, 1)
  if (word !== 'last' && word !== 'this' && word !== 'past') return null
  const unit = units[next]
  if (unit !== undefined) return unit === 'day' ? null : calendarUnit(unit, word === 'this' ? 0 : -1, nowMs)
  const many = /^\d{1,4}$/.test(next) ? Number(next) : 0
  const ofUnit = units[third]
  return many > 0 && ofUnit !== undefined ? stretch(back(nowMs, many, ofUnit), nowMs + dayMs, 3) : null
}

function calendarUnit(unit: 'week' | 'month' | 'year', offset: number, nowMs: number): Found {
  const at = new Date(nowMs)
  if (unit === 'week') {
    const monday = startOfDay(nowMs) - ((at.getUTCDay() + 6) % 7) * dayMs + offset * 7 * dayMs
    return stretch(monday, monday + 7 * dayMs, 2)
  }
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()]
  if (unit === 'month') return stretch(Date.UTC(year, month + offset, 1), Date.UTC(year, month + offset + 1, 1), 2)
  return stretch(Date.UTC(year + offset, 0, 1), Date.UTC(year + offset + 1, 0, 1), 2)
}

function back(nowMs: number, many: number, unit: 'day' | 'week' | 'month' | 'year'): number {
  if (unit === 'day') return nowMs - many * dayMs
  if (unit === 'week') return nowMs - many * 7 * dayMs
  return addMonths(nowMs, unit === 'month' ? -many : -12 * many)
}

/** `3 days ago`, `2 weeks ago`. */
function agoAt(words: readonly string[], at: number, nowMs: number): Found | null {
  const unit = units[words[at + 1] ?? '']
  if (unit === undefined || words[at + 2] !== 'ago' || !/^(?:\d{1,4}|an?)$/.test(words[at] ?? '')) return null
  const many = Number(words[at]) || 1
  const then = startOfDay(back(nowMs, many, unit))
  if (unit === 'day') return day(then, 3)
  const half = { week: 4, month: 15, year: 183 }[unit] * dayMs
  return stretch(then - half, then + half, 3)
}

/** `2023-05-08`, `2023-05`, and after a preposition `2023`. */
function numericAt(words: readonly string[], at: number, isAwaited: boolean): Found | null {
  const word = words[at] ?? ''
  if (/^\d{4}-\d{2}-\d{2}$/.test(word)) {
    const ms = parseTime(word)
    return ms === null ? null : day(ms, 1)
  }
  const [year = 0, month = 0] = word.split('-').map(Number)
  if (/^\d{4}-\d{2}$/.test(word)) return month >= 1 && month <= 12 ? wholeMonth(year, month - 1, 1) : null
  const isYear = /^(?:19|20)\d{2}$/.test(word) && (isAwaited || prepositions.has(words[at - 1] ?? ''))
  return isYear ? stretch(Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1), 1) : null
}

const wholeMonth = (year: number, month: number, length: number): Found =>
  stretch(Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1), length)

/** `8 May 2023`, `May 8th, 2023`, `May 2023`, `8 May`, `in May`. Without a year: the last one that has begun. */
function monthAt(words: readonly string[], at: number, nowMs: number, isAwaited: boolean): Found | null {
  const dayFirst = dayNumber(words[at])
  const monthIndex = at + (dayFirst === null ? 0 : words[at + 1] === 'of' ? 2 : 1)
  const month = monthOf(words[monthIndex] ?? '')
  if (month === -1) return null
  let end = monthIndex + 1
  const dayAfter = dayFirst === null ? dayNumber(words[end]) : null
  if (dayAfter !== null) end++
  const year = /^(?:19|20)\d{2}$/.test(words[end] ?? '') ? Number(words[end++]) : null
  const dayOfMonth = dayFirst ?? dayAfter
  const hasPreposition = isAwaited || prepositions.has(words[at - 1] ?? '')
  if (dayOfMonth === null && year === null && !hasPreposition) return null
  const inYear = year ?? latestYear(nowMs, month, dayOfMonth ?? 1)
  return dayOfMonth === null ? wholeMonth(inYear, month, end - at) : day(Date.UTC(inYear, month, dayOfMonth), end - at)
}

function monthOf(word: string): number {
  const whole = months.indexOf(word)
  if (whole !== -1 || word.length < 3 || word.length > 4) return whole
  return word === 'sept' ? 8 : months.findIndex((name) => word.length === 3 && name.startsWith(word))
}

function dayNumber(word: string | undefined): number | null {
  const match = /^(\d{1,2})(?:st|nd|rd|th)?$/.exec(word ?? '')
  const value = Number(match?.[1] ?? 0)
  return value >= 1 && value <= 31 ? value : null
}

function latestYear(nowMs: number, month: number, dayOfMonth: number): number {
  const year = new Date(nowMs).getUTCFullYear()
  return Date.UTC(year, month, dayOfMonth) <= nowMs ? year : year - 1
}

/** A weekday's name, with or without `last`: the last one before today. */
function weekdayAt(words: readonly string[], at: number, nowMs: number): Found | null {
  const offset = words[at] === 'last' ? 1 : 0
  const wanted = weekdays.indexOf(words[at + offset] ?? '')
  if (wanted === -1) return null
  const daysBack = (new Date(nowMs).getUTCDay() - wanted + 7) % 7 || 7
  return day(startOfDay(nowMs) - daysBack * dayMs, 1 + offset)
}
