import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hidePrivate } from './private-tags.ts'

const table: readonly (readonly [text: string, shown: string, blocks: number])[] = [
  ['plain', 'plain', 0],
  ['a <private>b</private> c', 'a [REDACTED] c', 1],
  ['a <PRIVATE>b\nc</Private> d', 'a [REDACTED] d', 1],
  ['<private>a</private><private>b</private>', '[REDACTED][REDACTED]', 2],
  ['a <private>b <private>c</private> d</private> e', 'a [REDACTED] e', 1],
  ['a <private>b <private>c</private> d', 'a [REDACTED]', 1],
  ['a <private>rest', 'a [REDACTED]', 1],
  ['a</private> b', 'a</private> b', 0],
  ['a</private> <private>b</private> c', 'a</private> [REDACTED] c', 1],
  ['a <private >b</private > c', 'a [REDACTED] c', 1],
  ['<privateer>a</privateer>', '<privateer>a</privateer>', 0],
  ['{"a":"x <private>y</private> z","b":1}', '{"a":"x [REDACTED] z","b":1}', 1],
  ['{"a":"\\u003cprivate\\u003ey\\u003c/private\\u003e z"}', '{"a":"[REDACTED] z"}', 1],
  ['{"a":"<private>y","b":"kept"}', '{"a":"[REDACTED]","b":"kept"}', 1],
]

describe('private tags', () => {
  for (const [text, shown, blocks] of table) {
    it(`MEM-1701 ${JSON.stringify(text)}`, () => {
      expect(hidePrivate(text)).toEqual({ text: shown, blocks })
    })
  }

  it('MEM-1701 nothing inside a block is left, and hiding twice changes nothing', () => {
    const part = fc.constantFrom('<private>', '</private>', 'out', ' ', '\n')
    fc.assert(
      fc.property(fc.array(part), fc.array(part), (before, after) => {
        const shown = hidePrivate(`${before.join('')}<private>marker</private>${after.join('')}`).text
        expect(shown).not.toContain('marker')
        expect(hidePrivate(shown).blocks).toBe(0)
      }),
    )
  })
})
