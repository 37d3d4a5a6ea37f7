import { describe, expect, it } from 'vitest'
import { instantOf, periodIn } from './time-words.ts'

/** A Friday. */
const nowMs = Date.UTC(2026, 2, 20, 12)
const day = (text: string): number => Date.parse(`${text}T00:00:00Z`)
const widened = (text: string): readonly [number, number] => [day(text) - 3 * 86_400_000, day(text) + 4 * 86_400_000]

describe('time words in a query', () => {
  it.each([
    ['what broke today', widened('2026-03-20')],
    ['what broke yesterday', widened('2026-03-19')],
    ['bugs of this week', [day('2026-03-16'), day('2026-03-23')]],
    ['bugs of last week', [day('2026-03-09'), day('2026-03-16')]],
    ['last month', [day('2026-02-01'), day('2026-03-01')]],
    ['this year', [day('2026-01-01'), day('2027-01-01')]],
    ['last 3 days', [nowMs - 3 * 86_400_000, nowMs + 86_400_000]],
    ['3 days ago', widened('2026-03-17')],
    ['a week ago', [day('2026-03-09'), day('2026-03-17')]],
    ['on monday', widened('2026-03-16')],
    ['last friday', widened('2026-03-13')],
    ['the plan of 2023-05-08', widened('2023-05-08')],
    ['plans of 2023-05', [day('2023-05-01'), day('2023-06-01')]],
    ['released in 2024', [day('2024-01-01'), day('2025-01-01')]],
    ['on 8 May 2023', widened('2023-05-08')],
    ['on May 8th, 2023', widened('2023-05-08')],
    ['the 8th of may', widened('2025-05-08')],
    ['in February', [day('2026-02-01'), day('2026-03-01')]],
    ['in december', [day('2025-12-01'), day('2026-01-01')]],
    ['May 2023', [day('2023-05-01'), day('2023-06-01')]],
    ['since January', [day('2026-01-01'), nowMs + 86_400_000]],
    ['before June 2025', [0, day('2025-06-01')]],
    ['between March 2025 and May 2025', [day('2025-03-01'), day('2025-06-01')]],
    ['2023-02-31', null],
    ['it may fail', null],
    ['march through the queue', null],
    ['error 2024', null],
    ['the last row', null],
    ['two tokens', null],
  ])('RET-504/%s', (text, expected) => {
    const period = periodIn(text, nowMs)
    expect(period === null ? null : [period.fromMs, period.toMs]).toEqual(expected)
  })
})

describe('instants of filters', () => {
  it.each([
    ['72h', 'since', nowMs - 72 * 3_600_000],
    ['2w', 'since', nowMs - 14 * 86_400_000],
    ['2026-03-01', 'since', day('2026-03-01')],
    ['2026-03-01', 'until', day('2026-03-02') - 1],
    ['2026-03-01 10:00:00', 'until', day('2026-03-01') + 10 * 3_600_000],
    ['last week', 'since', day('2026-03-09')],
    ['last week', 'until', day('2026-03-16') - 1],
    ['March', 'since', day('2026-03-01')],
    ['yesterday', 'since', day('2026-03-19')],
    ['soon', 'since', null],
    ['last week or so', 'since', null],
    ['', 'until', null],
  ] as const)('RET-503/%s as %s', (text, side, expected) => {
    expect(instantOf(text, side, nowMs)).toBe(expected)
  })
})
