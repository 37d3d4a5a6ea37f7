import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shapeFault } from './json-shape.ts'

const bounds = { depthMax: 5, valuesMin: 100 }
const faultOf = (text: string): ReturnType<typeof shapeFault> => shapeFault(new TextEncoder().encode(text), bounds)

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

describe('CHK-703', () => {
  it('CHK-703 what is deeper than its bound is told from what is not, whatever stands in its texts', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        expect(faultOf(JSON.stringify(value)) === 'deep').toBe(depthOf(value) > bounds.depthMax)
      }),
    )
  })

  it.each([
    ['a hundred values on little room', `[${'1,'.repeat(99)}1]`, null],
    ['a thousand on little room', `[${'1,'.repeat(999)}1]`, 'dense'],
    ['a thousand empty objects', `[${'{},'.repeat(999)}{}]`, 'dense'],
    ['a thousand values with names', `{${Array.from({ length: 1_000 }, (_, at) => `"name${at}":1`).join(',')}}`, null],
    ['a text of commas and brackets', JSON.stringify(',[{'.repeat(1_000)), null],
    ['a text that does not end', `["${',['.repeat(1_000)}`, null],
    ['quotes behind backslashes', JSON.stringify(['\\"[[[[[[', '\\\\', '[[[[[[[']), null],
  ])('CHK-703 %s', (_name, text, fault) => {
    expect(faultOf(text)).toBe(fault)
  })
})
