import { expect, it } from 'vitest'
import { hookQuery } from './hook-query.ts'

const nothing = { prompt: '', files: [], branch: '', error: '' }

it.each([
  ['the prompt alone', { ...nothing, prompt: 'why is it red?' }, 'why is it red?'],
  [
    'all of it, in order',
    {
      prompt: 'why is it red?',
      files: ['/src/pool/size.ts', 'C:\\work\\size.test.ts', '/other/size.ts'],
      branch: 'fix/pool-size',
      error: '\n  TypeError: size is not a function\n    at pool',
    },
    'why is it red?\nsize.ts\nsize.test.ts\nfix/pool-size\nTypeError: size is not a function',
  ],
  ['nothing', nothing, ''],
])('RET-309 %s', (_, parts, query) => {
  expect(hookQuery(parts)).toBe(query)
})

it('RET-309 whatever stands there, it is no longer than a query may be, and the rest is not pushed out', () => {
  const long = 'x'.repeat(10_000)
  const query = hookQuery({ prompt: long, files: Array.from({ length: 50 }, () => long), branch: 'main', error: long })
  expect(query.length).toBeLessThanOrEqual(4_096)
  expect(query).toContain('\nmain\n')
})
