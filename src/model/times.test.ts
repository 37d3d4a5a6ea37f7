import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addMonths, formatTime, normaliseTime, parseDuration, parseTime, timeOrder } from './times.ts'

describe('times', () => {
  it.each([
    ['2026-09-20 09:14:03', '2026-09-20 09:14:03'],
    ['2026-09-20 09:14:03.9876', '2026-09-20 09:14:03'],
    ['2026-09-20T09:14:03Z', '2026-09-20 09:14:03'],
    ['2026-09-20T09:14:03.123456789+02:00', '2026-09-20 07:14:03'],
    ['2026-09-20T09:14:03-0530', '2026-09-20 14:44:03'],
    ['2026-09-20', '2026-09-20 00:00:00'],
    ['2024-02-29 23:59:59', '2024-02-29 23:59:59'],
  ])('MEM-202 %s is read as %s', (text, expected) => {
    expect(normaliseTime(text)).toBe(expected)
  })

  it.each(['2026-02-30', '2026-13-01', 'yesterday', '', '2026-09-20 25:00:00', '20260920'])(
    'MEM-202 %j is no time: kept as text and sorted first',
    (text) => {
      expect(parseTime(text)).toBeNull()
      expect(normaliseTime(text)).toBe(text)
      expect(timeOrder(text)).toBe(Number.NEGATIVE_INFINITY)
    },
  )

  it('MEM-202 a time in its stored form is read the short way as it is the long way', () => {
    const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'))
    const year = fc.integer({ min: 0, max: 9999 }).map((n) => String(n).padStart(4, '0'))
    fc.assert(
      fc.property(year, two(14), two(33), two(25), two(61), two(61), (y, month, day, h, m, s) => {
        const text = `${y}-${month}-${day} ${h}:${m}:${s}`
        const ms = parseTime(text)
        expect(normaliseTime(text)).toBe(ms === null ? text : formatTime(ms))
        expect(parseTime(`${text}Z`)).toBe(ms)
      }),
      { numRuns: 2_000 },
    )
  })

  it('MEM-202 what is written is read back to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(parseTime(formatTime(seconds * 1000))).toBe(seconds * 1000)
      }),
    )
  })

  it('MEM-305 days that a month does not have roll into the next', () => {
    expect(formatTime(addMonths(Date.UTC(2026, 7, 31), 6))).toBe('2027-03-03 00:00:00')
    expect(formatTime(addMonths(Date.UTC(2026, 0, 15), 12))).toBe('2027-01-15 00:00:00')
  })

  it.each([
    ['72h', 259_200_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    ['15m', 900_000],
    ['0d', null],
    ['-1d', null],
    ['5', null],
    ['1 d', null],
  ])('ING-CLI-1 the duration %s is %s ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })
})
