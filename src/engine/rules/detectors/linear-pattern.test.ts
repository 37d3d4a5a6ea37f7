import { describe, expect, it } from 'vitest'
import { EngramError } from '../../../model/errors.ts'
import { createExtraDetectors } from './extra.ts'
import { compileLinear } from './linear-pattern.ts'

const refused = [
  '(a+)+',
  '(?:a*)*b',
  '(a|aa)+$',
  '(?:a|b)*c',
  'a*a*b',
  '.*x.*',
  '\\w+\\d+',
  '[a-z]+[a-z0-9]{20,}',
  'x+x',
  '(\\w)\\1',
  '(?=a+)b',
  '(?<!a)b',
  '(?i)abc',
  '(',
  'a*',
  'a'.repeat(501),
]

const accepted: readonly (readonly [pattern: string, text: string])[] = [
  ['acme_[a-z0-9]{20,}', `acme_${'a1'.repeat(12)}`],
  ['corp-[0-9]+-[A-F0-9]{16}', `corp-12-${'AF'.repeat(8)}`],
  ['(?:prod|stage):[A-Z]{4}-\\d{4}', 'prod:ABCD-1234'],
  ['\\bkey/[^/\\s]+/end', 'key/abc/end'],
  ['id\\(\\d{4}\\)', 'id(1234)'],
  ['a{3}', 'aaa'],
]

describe('patterns from the configuration', () => {
  for (const pattern of refused) {
    it(`ING-RED-6 refuses ${pattern.slice(0, 30)}`, () => {
      expect(() => compileLinear('own', pattern)).toThrow(EngramError)
    })
  }

  for (const [pattern, text] of accepted) {
    it(`ING-RED-6 takes ${pattern}`, () => {
      expect(`<${text}>`.match(compileLinear('own', pattern))).toEqual([text])
    })
  }

  it('ING-RED-6 a name that cannot be a kind is refused', () => {
    expect(() => createExtraDetectors([{ name: 'a]b', pattern: 'abc' }])).toThrow(/name/)
  })
})
