import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDeeper, readJsonBody } from './json-body.ts'

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

describe('isDeeper', () => {
  it('R6 agrees with the value itself, whatever its texts hold', () => {
    const brackets = fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'x') })
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ depthSize: 'medium' }, brackets, tie('list'), tie('object')),
      list: fc.array(tie('any'), { maxLength: 3 }),
      object: fc.dictionary(brackets, tie('any'), { maxKeys: 3 }),
    })).any
    fc.assert(
      fc.property(value, fc.nat(8), (made, max) => {
        expect(isDeeper(JSON.stringify(made), max)).toBe(depthOf(made) > max)
      }),
    )
  })
})

describe('readJsonBody', () => {
  const read = (body: string | Uint8Array | null, headers: Readonly<Record<string, string>> = {}) => {
    const request = new Request('http://localhost/', { method: 'POST', body: body as string, headers })
    return readJsonBody({ header: (name) => request.headers.get(name) ?? undefined, body: request.body }, 64)
  }
  const json = { 'Content-Type': 'application/json' }

  it.each([
    ['no body', null, {}, null],
    ['an empty one', new Uint8Array(), {}, null],
    ['white space', ' \n', json, null],
    ['a byte order mark', new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), json, {}],
    ['letters cut in the middle', new Uint8Array([0x7b, 0x22, 0xc3, 0x22, 0x3a, 0x31, 0x7d]), json, { '\ufffd': 1 }],
    ['the limit', `{"a":"${'x'.repeat(56)}"}`, json, { a: 'x'.repeat(56) }],
  ])('%s', async (_name, body, headers, value) => {
    expect(await read(body, headers)).toEqual(value)
  })

  it.each([
    ['a byte over the limit', `{"a":"${'x'.repeat(57)}"}`, json, 'payload_too_large'],
    ['W2 text', '{}', { 'Content-Type': 'text/plain' }, 'unsupported_media_type'],
    ['W2 a form without fields', '', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'unsupported_media_type'],
    ['W2 nobody says what', new TextEncoder().encode('{}'), {}, 'unsupported_media_type'],
    ['gzip', '{}', { ...json, 'Content-Encoding': 'gzip' }, 'unsupported_media_type'],
    ['no JSON', '{', json, 'invalid_request'],
    ['null', 'null', json, 'invalid_request'],
    ['a text', '"x"', json, 'invalid_request'],
  ])('%s is refused', async (_name, body, headers, code) => {
    await expect(read(body, headers)).rejects.toMatchObject({ code })
  })

  it('W8 keeps a key named after a prototype as a key', async () => {
    const body = await read('{"__proto__":{"a":1}}', json)
    expect(Object.keys(body ?? {})).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(body)).toBe(Object.prototype)
  })
})
