import { describe, expect, it } from 'vitest'
import { keepJsonValid, stringInsides } from './json-strings.ts'

const placed = (text: string, start: number, end: number): string[] =>
  keepJsonValid(text, [{ kind: 'x', start, end }]).map((finding) => text.slice(finding.start, finding.end))

describe('findings in JSON', () => {
  it('ING-RED-6 the insides of strings are found whatever is escaped in them', () => {
    const json = '{"a\\"b":["c\\\\","d"],"e":1}'
    expect(stringInsides(json, 0).map(({ start, end }) => json.slice(start, end))).toEqual(['a\\"b', 'c\\\\', 'd', 'e'])
  })

  it('ING-RED-6 what lies outside of strings is never touched', () => {
    expect(placed('{"a":"xy","b":"zw"}', 5, 17)).toEqual(['xy', 'b', 'zw'])
    expect(placed('{"password":12345678}', 12, 20)).toEqual([])
  })

  it('ING-RED-6 text that is no JSON is masked as found', () => {
    expect(placed('[INFO] token=abc', 13, 16)).toEqual(['abc'])
  })

  it('ING-RED-6 a line of JSON is judged by itself', () => {
    expect(placed('{"a":1}\n{"b":"cd"}', 12, 17)).toEqual(['cd'])
  })

  it('ING-RED-6 an escape is never cut', () => {
    expect(placed('a\\nbcd', 2, 6)).toEqual(['bcd'])
    expect(placed('a\\u0041bcd', 4, 10)).toEqual(['bcd'])
    expect(placed('abc\\nd', 0, 4)).toEqual(['abc\\n'])
    expect(placed('ab\\\\ncd', 4, 7)).toEqual(['ncd'])
  })
})
