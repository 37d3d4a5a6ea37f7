import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EngramError } from '../model/errors.ts'
import { compileRegex } from './linear-regex.ts'

const native = (pattern: string, text: string): readonly [number, number] | null => {
  const ignoreCase = pattern.startsWith('(?i)')
  const match = new RegExp(ignoreCase ? pattern.slice(4) : pattern, ignoreCase ? 'iu' : 'u').exec(text)
  return match === null ? null : [match.index, match.index + match[0].length]
}

describe('regular expressions in linear time', () => {
  const cases: readonly (readonly [pattern: string, text: string])[] = [
    ['abc', 'xxabcxx'],
    ['a|ab', 'ab'],
    ['(?:ab|a)b?c', 'abbc abc ac'],
    ['^a.c$', 'abc'],
    ['^a.c$', 'a\nc'],
    ['\\bport\\b', 'export port'],
    ['\\Bort', 'port'],
    ['[^a-c]+', 'abcxyz'],
    ['[a\\-z]+', 'q-az'],
    ['\\d{2,4}', 'a 12345'],
    ['\\d{3}', '12 345'],
    ['a{2,}', 'a aa aaa'],
    ['<.+?>', '<a><b>'],
    ['<.+>', '<a><b>'],
    ['x*', 'aaa'],
    ['\\u00e9t\\u00e9', 'un été'],
    ['.', '😀'],
    ['[😀-😂]+', 'x😀😁y'],
    ['(?i)FooBar', 'a fooBAR'],
    ['(?i)[a-f]+', 'xyzABC'],
    ['\\s\\S\\w\\W', 'a b-c'],
    ['a\\.b\\*', 'a.b*'],
    ['\\$\\{x\\}', 'v ${x}'],
    ['(a|b)*c', 'ababc'],
    ['', 'abc'],
  ]
  it.each(cases)('ING-CMD-6/as RegExp does: %s in %j', (pattern, text) => {
    expect(compileRegex(pattern).find(text)).toEqual(native(pattern, text))
  })

  it.each([
    'a**',
    '(',
    ')',
    '[a',
    '(?=a)',
    '(?<n>a)',
    '\\1',
    '\\p{L}',
    '*a',
    'a{3,2}',
    '[b-a]',
    'a{999}',
    '\\',
    '(?:a{200}){200}',
  ])('ING-CMD-6/refused as invalid_request: %s', (pattern) => {
    expect(() => compileRegex(pattern)).toThrow(EngramError)
    expect(() => compileRegex(pattern)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })

  const piece = fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\w', '\\d', '\\s', '\\b', '1', ' ')
  const counted = fc.tuple(
    fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '(?:ab|c)', '(?:a|bc)', '(b)'),
    fc.constantFrom('*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,2}?', '{2,}'),
  )
  const sequence = fc.array(
    fc.oneof(
      piece,
      counted.map(([item, count]) => item + count),
    ),
    { maxLength: 6 },
  )
  const pattern = fc
    .array(
      sequence.map((items) => items.join('')),
      { minLength: 1, maxLength: 3 },
    )
    .map((options) => options.join('|'))
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '\n', 'B', 'é'), maxLength: 14 })
  it('ING-CMD-6/the leftmost match is RegExp’s', () => {
    fc.assert(
      fc.property(
        pattern,
        fc.constantFrom('', '(?i)'),
        fc.constantFrom('', '^'),
        fc.constantFrom('', '$'),
        text,
        (inner, flag, start, end, sample) => {
          const whole = `${flag}${start}(?:${inner})${end}`
          expect(compileRegex(whole).find(sample)).toEqual(native(whole, sample))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('R6/no expression is slow on a hostile text', () => {
    const startedMs = performance.now()
    expect(compileRegex('(a+)+b$|(a|aa)*c|(?:a?){30}d').find('a'.repeat(20_000))).toBeNull()
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})
