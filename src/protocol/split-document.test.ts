import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeDocument } from './chunk-document.ts'
import { splitDocument } from './split-document.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const split = (text: string): ReturnType<typeof splitDocument> => splitDocument(bytesOf(text))

const row = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 })
const rest = fc.record(
  {
    sessions: fc.array(row, { maxLength: 3 }),
    prompts: fc.option(fc.array(row, { maxLength: 3 })),
    mutations: fc.array(row, { maxLength: 2 }),
    ext: fc.jsonValue({ maxDepth: 4 }),
    other: fc.constantFrom<unknown>('"observations":[{', { observations: [{ a: 1 }] }, [[{ observations: [] }]]),
  },
  { requiredKeys: [] },
)

describe('CHK-613', () => {
  it('CHK-613 a document in parts is the document', () => {
    fc.assert(
      fc.property(
        rest,
        fc.array(row, { minLength: 1, maxLength: 200 }),
        fc.boolean(),
        (others, observations, isFirst) => {
          const text = JSON.stringify(isFirst ? { observations, ...others } : { ...others, observations })
          const whole = decodeDocument(bytesOf(text))
          const parts = split(text)
          expect(whole.ok && parts !== null).toBe(true)
          if (!whole.ok || parts === null) return
          expect({ ...parts.document, observations: [...parts.observations] }).toEqual(whole.document)
        },
      ),
      { numRuns: 300 },
    )
  })

  it.each([
    ['no observations', '{"sessions":[]}'],
    ['an empty list', '{"observations":[]}'],
    ['null for a list', '{"observations":null}'],
    ['two lists', '{"observations":[{}],"observations":[{"a":1}]}'],
    ['a second list under another spelling', '{"observations":[{}],"\\u006fbservations":[{"a":1}]}'],
    ['an empty second list under another spelling', '{"sessions":[],"observations":[{}],"observ\\u0061tions":[]}'],
    ['a null behind the list', '{"sessions":[],"observations":[{}],"observations":null}'],
    ['an empty list with white space behind the list', '{"sessions":[],"observations":[{}],"observations": []}'],
    ['a one behind the list', '{"observations":[{}],"observ\\u0061tions":[1]}'],
    ['a two behind the list', '{"observations":[{}],"observ\\u0061tions":[2]}'],
    ['a name that only ends like it', '{"sessions":[],"x\\"observations":[{}]}'],
    ['white space before the list', '{"observations": [{}]}'],
    ['white space between rows', '{"observations":[{}, {}]}'],
    ['white space at the end', '{"observations":[{} ]}'],
    ['a row that is a number', '{"observations":[{},7,{}]}'],
    ['a row that is a list', '{"observations":[{},[],{}]}'],
    ['two rows without a comma', '{"observations":[{}{}]}'],
    ['a list without end', '{"observations":[{},{}'],
    ['a list instead of an object', '[["observations":[{}]]]'],
    ['something behind the document', '{"observations":[{}]} {}'],
    ['a list of another name', '{"xobservations":[{}]}'],
    ['the list in another object', '{"sessions":[],"ext":{"observations":[{}]}}'],
    ['a depth beyond every bound', `{"observations":[{"a":${'['.repeat(40)}${']'.repeat(40)}}]}`],
    ['nothing', ''],
  ])('CHK-613 one with %s is left to others', (_name, text) => {
    expect(split(text)).toBeNull()
  })

  it('CHK-613 a row that is no JSON, or no UTF-8, is none', () => {
    const bad = split('{"observations":[{"a":1},{"a":}]}')
    expect([...(bad?.observations ?? [])]).toEqual([undefined, undefined])
    const bytes = bytesOf('{"observations":[{"a":"é"}]}')
    bytes[bytes.length - 6] = 0xff
    expect([...(splitDocument(bytes)?.observations ?? [])]).toEqual([undefined])
  })

  it('CHK-613 a mark of byte order before the document is no part of it', () => {
    expect(split('\ufeff{"observations":[{}]}') === null).toBe(
      !decodeDocument(bytesOf('\ufeff{"observations":[{}]}')).ok,
    )
  })
})
