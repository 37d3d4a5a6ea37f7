import fc from 'fast-check'
import { expect, it } from 'vitest'
import { estimateTokens, utf8Bytes } from '../model/text.ts'
import { fitBudget, type Entry } from './budget.ts'

const entry = fc.record({ full: fc.string({ unit: 'grapheme', maxLength: 60 }), short: fc.string({ maxLength: 12 }) })

it('RET-755/never above the budget, and the first that can fit is shown', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 12 }),
      fc.nat(40),
      fc.nat(120),
      (entries: readonly Entry[], tokens, bytes) => {
        const { shown, leftOut } = fitBudget(entries, { tokens, bytes })
        const texts = shown.map(({ index, form }) => entries[index]?.[form] ?? '')
        expect(texts.reduce((sum, text) => sum + estimateTokens(text), 0)).toBeLessThanOrEqual(tokens)
        expect(texts.reduce((sum, text) => sum + utf8Bytes(text), 0)).toBeLessThanOrEqual(bytes)
        const fits = (text: string): boolean => estimateTokens(text) <= tokens && utf8Bytes(text) <= bytes
        const first = entries.findIndex(({ full, short }) => fits(full) || fits(short))
        expect(shown[0]?.index ?? -1).toBe(first)
        expect([...shown.map(({ index }) => index), ...leftOut].sort((a, b) => a - b)).toEqual(
          entries.map((_, index) => index),
        )
      },
    ),
  )
})

it('RET-755/later, smaller entries still fit; without a budget all do', () => {
  const entries = [
    { full: 'a'.repeat(40), short: 'a'.repeat(30) },
    { full: 'b'.repeat(16), short: 'b' },
    { full: 'c'.repeat(400), short: 'c'.repeat(8) },
  ]
  expect(fitBudget(entries, { tokens: 6 })).toEqual({
    shown: [
      { index: 1, form: 'full' },
      { index: 2, form: 'short' },
    ],
    leftOut: [0],
  })
  expect(fitBudget(entries, {}).shown).toHaveLength(3)
})
