import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changedLines } from './changed-lines.ts'
import { overlaps, wordSet } from './overlap.ts'

const same = (left: string, right: string, sameRule: boolean): boolean =>
  overlaps(wordSet(left), wordSet(right), sameRule)

describe('ING-EXT-4', () => {
  const cause = 'The cache key leaves out the carrier'
  const told = 'expected delivered. The cache key leaves out the carrier, so two parcels with one number share a row'
  it.each([
    ['a sentence and what tells it at length, of two rules', cause, told, false, true],
    ['the same of one rule', cause, told, true, false],
    ['a repetition', told, `${told} again`, true, true],
    ['two statements on one subject', 'the database for tests', 'the database for production', true, false],
    ['nothing in common', 'queues drain slowly at night', 'parsers drop trailing lines', false, false],
    ['Chinese', '缓存键缺少承运商', '缓存键缺少承运商编号', true, true],
    ['no words', '', '', false, false],
  ])('ING-EXT-4 %s', (_name, left, right, sameRule, expected) => {
    expect(same(left, right, sameRule)).toBe(expected)
  })

  it('ING-EXT-4 overlap does not depend on the order', () => {
    const words = fc.array(fc.constantFrom('alpha', 'bravo', 'delta', 'gamma', 'omega', 'sigma'))
    fc.assert(
      fc.property(words, words, fc.boolean(), (left, right, sameRule) => {
        expect(same(left.join(' '), right.join(' '), sameRule)).toBe(same(right.join(' '), left.join(' '), sameRule))
      }),
    )
  })
})

describe('ING-EXT-3 diff', () => {
  it.each([
    ['the first six changed lines', ['-a\n+b\n-c\n+d\n+e\n+f\n+g'], '-a\n+b\n-c\n+d\n+e\n+f'],
    ['lines put back as they were are context', ['-a\n-b\n+a\n+c'], '-b\n+c'],
    ['file names and blank lines are none', ['--- a.ts\n+++ b.ts\n@@ -1 +1 @@\n+\n+x'], '+x'],
    ['nothing when too long', [`+${'x'.repeat(601)}`], ''],
    ['no fence within a fence', ['+```'], "+'''"],
    ['nothing at all', [], ''],
  ])('ING-EXT-3 %s', (_name, diffs, expected) => {
    expect(changedLines(diffs)).toBe(expected)
  })
})
