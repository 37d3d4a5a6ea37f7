import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonParts } from './json-parts.ts'
import { readJsonObject } from './read-json.ts'

/** The bytes of a text in parts of any size, also in the middle of a character. */
async function* inParts(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const read = (text: string, size = 7) => readJsonObject(inParts(text, size))

const rows = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 4 })
const key = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((name) => name !== '__proto__')
const documents = fc.dictionary(
  key,
  fc.oneof(rows, fc.jsonValue({ maxDepth: 4 }), fc.dictionary(key, rows, { maxKeys: 3 })),
  {
    maxKeys: 5,
  },
)

/** Objects without a prototype are the same values. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown

describe('a backup as it streams in', () => {
  it('MEM-1004 is the value JSON.parse gives, wherever the parts are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(0, 2),
        async (value, size, indent) => {
          const text = JSON.stringify(value, null, indent)
          expect(plain(await read(text, size))).toEqual(JSON.parse(text))
        },
      ),
    )
  })

  it('MEM-1002 cut off anywhere it is broken, never a part of it', async () => {
    const text = JSON.stringify(
      { version: '0.2.0', sessions: [{ id: 'a"b\\' }], ext: { versions: [1, 'x'] }, n: -1.5e3 },
      null,
      2,
    )
    for (let end = 0; end < text.length; end++) {
      await expect(read(text.slice(0, end), 5)).rejects.toMatchObject({ code: 'broken_backup' })
    }
    expect(plain(await read(text))).toEqual(JSON.parse(text))
  })

  it.each([
    '',
    '[]',
    '"x"',
    '{}x',
    '{"a":1,}',
    '{"a" 1}',
    '{"a":[1,]}',
    '{"a":[1 2]}',
    '{,}',
    '{"a":}',
    '{"a":[}]}',
    '{"a":tru}',
    '{a:1}',
    '\u0000',
  ])('MEM-1002 %j is broken', async (text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'broken_backup' })
  })

  it('MEM-1002 bytes that are no UTF-8 are broken', async () => {
    const bytes = Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])
    const parts = (async function* () {
      yield bytes
    })()
    await expect(readJsonObject(parts)).rejects.toMatchObject({ code: 'broken_backup' })
  })

  it('keys of prototypes are data', async () => {
    const value = await read('{"__proto__": {"polluted": [1]}, "a": {"constructor": 1}}')
    expect(Object.keys(value)).toEqual(['__proto__', 'a'])
    expect(Object.hasOwn({}, 'polluted')).toBe(false)
  })
})

describe('a backup as it is written', () => {
  it('MEM-1001 is what JSON.stringify writes with two blanks', () => {
    fc.assert(
      fc.property(documents, (value) => {
        expect([...jsonParts(value)].join('')).toBe(`${JSON.stringify(value, null, 2)}\n`)
      }),
    )
  })
})
