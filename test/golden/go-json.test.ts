import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8, encodeGoJson, encodeGoString, type GoJson } from '../../src/protocol/go-json.ts'

/** Made with a real Go encoder; `\b` and `\f` as Go writes them since 1.22 (CHK-202). */
type Vector = { readonly name: string; readonly input_json: string; readonly go_json: string }

const vectors = JSON.parse(readFileSync(new URL('go-json-vectors.json', import.meta.url), 'utf8')) as readonly Vector[]
const decoded = (json: string): GoJson => JSON.parse(json) as GoJson

describe('CHK-1202', () => {
  it.each(vectors)('CHK-1202 $name', ({ input_json, go_json }) => {
    expect(encodeGoJson(decoded(input_json), { sortKeys: true })).toBe(go_json)
  })

  it('CHK-1202 encoding what was decoded is stable, and equals a second implementation', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const text = encodeGoJson(value, { sortKeys: true })
        expect(encodeGoJson(decoded(text), { sortKeys: true })).toBe(text)
        expect(text).toBe(naive(value))
      }),
      { numRuns: 500 },
    )
  })
})

describe('go-json', () => {
  it('CHK-201 structs keep their order and leave out what is not given; maps are sorted by bytes', () => {
    expect(
      encodeGoJson({
        b: 1,
        a: undefined,
        c: new Map<string, GoJson>([
          ['é', 1],
          ['9', 2],
          ['10', 3],
        ]),
      }),
    ).toBe('{"b":1,"c":{"10":3,"9":2,"é":1}}')
  })

  it.each([
    ['a surrogate pair stands above every other letter', '\u{1f680}', '\uffff', 1],
    ['as in UTF-8', '\u{10000}', '\uee00', 1],
    ['the shorter first', 'a', 'aa', -1],
  ])('CHK-201 %s', (_name, a, b, sign) => {
    expect(Math.sign(compareUtf8(a, b))).toBe(sign)
    expect(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))).toBe(sign)
  })

  it('CHK-206 MarshalIndent: two spaces, nothing inside what is empty, no newline at the end', () => {
    expect(encodeGoJson({ version: 1, chunks: [], more: [{ id: 'x' }] }, { indent: 2 })).toBe(
      '{\n  "version": 1,\n  "chunks": [],\n  "more": [\n    {\n      "id": "x"\n    }\n  ]\n}',
    )
  })

  it('CHK-204 a number that is not finite is refused', () => {
    expect(() => encodeGoJson(Number.NaN)).toThrow(TypeError)
  })

  it('CHK-202 text stays readable by every JSON parser', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(encodeGoString(text))).toBe(text.toWellFormed())
      }),
    )
  })
})

/** Written without a look at the encoder: JSON.stringify with sorted keys, then the letters Go escapes. */
function naive(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(naive).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return `{${entries.map(([key, item]) => `${naive(key)}:${naive(item)}`).join(',')}}`
  }
  if (typeof value === 'string') {
    return JSON.stringify(value.toWellFormed()).replace(
      /[<>&\u2028\u2029]/g,
      (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }
  return Object.is(value, -0) ? '-0' : JSON.stringify(value)
}
