import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeLine } from './line.ts'
import { lineOf } from './message.ts'
import { redactArguments } from './redaction.ts'

const now = '2026-01-01T00:00:00.000Z'
const options = { now, redact: null, hasSums: true, keepsThoughts: false }
const bytesOf = (message: object): Buffer => lineOf(message, options)?.bytes ?? Buffer.alloc(0)
const decodedText = (text: string): ReturnType<typeof decodeLine> => decodeLine(Buffer.from(text, 'utf8'))

describe('lines', () => {
  it('TRN-201 fields in the documented order, unknown ones behind, the sum last', () => {
    const line = bytesOf({
      zeta: 1,
      tool_call_id: 't',
      content: 'c',
      media: [],
      model_name: '',
      role: 'tool',
    }).toString()
    expect(line).toMatch(
      /^\{"role":"tool","content":"c","created_at":"2026-01-01T00:00:00.000Z","tool_call_id":"t","zeta":1,"crc":"[0-9a-f]{8}"\}\n$/,
    )
  })

  it('TRN-204 TRN-210 whatever is written is read back, without the sum', () => {
    const text = fc.string({ unit: 'binary' })
    const message = fc.record(
      {
        role: text,
        content: text,
        own: fc.jsonValue(),
        reasoning_content: fc.string({ minLength: 1 }),
        ['__proto__']: fc.jsonValue(),
      },
      { requiredKeys: ['role', 'content'] },
    )
    fc.assert(
      fc.property(message, (given) => {
        const line = lineOf(given, { ...options, keepsThoughts: true })?.bytes ?? Buffer.alloc(0)
        expect(line.indexOf(0x0a)).toBe(line.length - 1)
        const decoded = decodeLine(line.subarray(0, -1))
        const kept = JSON.parse(JSON.stringify({ ...given, created_at: now })) as unknown
        expect(decoded.kind === 'message' ? decoded.message : decoded).toEqual(kept)
      }),
    )
  })

  it('TRN-210 every single flipped bit of a line is noticed, or harmless', () => {
    const message = { role: 'user', content: 'The quick brown fox é', created_at: now, n: 12 }
    const line = bytesOf(message).subarray(0, -1)
    for (let bit = 0; bit < line.length * 8; bit++) {
      const flipped = Buffer.from(line)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const decoded = decodeLine(flipped)
      // What is returned at all is what was written: a flip inside the name of the sum harms nothing.
      if (decoded.kind === 'message') expect(decoded.message).toEqual(message)
      if (bit < (line.length - 18) * 8) expect(decoded).toMatchObject({ kind: 'bad' })
    }
  })

  it.each([
    ['{"role":"user","content":"x"}', { role: 'user', content: 'x' }],
    ['{"role":"user","content":"\\u003cb\\u003e \\u2028"}\r', { role: 'user', content: '<b> \u2028' }],
    ['{"role":"user","content":"x","media":null,"own":null}', { role: 'user', content: 'x', own: null }],
    ['{"role":"user"}', { role: 'user', content: '' }],
    ['{"role":"user","content":"x","src":"abcdef01"}', { role: 'user', content: 'x', src: 'abcdef01' }],
  ])('TRN-206 accepts %s', (line, message) => {
    expect(decodedText(line)).toEqual({ kind: 'message', message, isThought: false })
  })

  it.each([
    ['null', 'not an object'],
    ['[]', 'not an object'],
    ['{"role":"us', 'not JSON'],
    ['{"role":7,"content":"x"}', 'field role'],
    ['{"role":"user","content":"x","created_at":"soon"}', 'field created_at'],
    ['{"role":"user","content":"x","tool_calls":[{"id":1}]}', 'field tool_calls[0].id'],
    ['{"role":"user","content":"x","crc":"00000000"}', 'wrong sum'],
    ['{"role":"user","crc":"00000000","content":"x"}', 'wrong sum'],
  ])('TRN-207 %s is bad', (line, reason) => {
    expect(decodedText(line)).toEqual({ kind: 'bad', reason })
  })

  it('TRN-1002 above the limit is bad', () => {
    expect(decodeLine(null)).toEqual({ kind: 'bad', reason: 'too long' })
  })
})

describe('redaction of arguments', () => {
  const redact = (pattern: RegExp, by: string) => (text: string) => {
    const places = text.match(pattern)?.length ?? 0
    return { text: text.replaceAll(pattern, by), places }
  }

  it.each([
    ['plain value', '{"a":"SECRET"}', redact(/SECRET/g, '***'), '{"a":"***"}'],
    ['nothing to hide, byte for byte', '{ "n" : 1e2 }', redact(/SECRET/g, '***'), '{ "n" : 1e2 }'],
    ['written with escapes', '{"a":"SE\\u0043RET"}', redact(/SECRET/g, '***'), '{"a":"***"}'],
    ['a match over quotes', '{"a":"SECRET","b":1}', redact(/SECRET",/g, '***'), '"{\\"a\\":\\"***\\"b\\":1}"'],
    ['a marker with quotes', '{"a":"SECRET"}', redact(/SECRET/g, '"x"'), '{"a":"\\"x\\""}'],
    ['a name', '{"SECRET":1}', redact(/SECRET/g, '***'), '{"***":1}'],
    ['no JSON at all', 'rm SECRET', redact(/SECRET/g, '***'), 'rm ***'],
  ])('TRN-1401 %s', (_, given, rule, expected) => {
    const done = redactArguments(given, rule)
    expect(done.text).toBe(expected)
    expect(done.places > 0).toBe(given !== expected)
    expect(redactArguments(done.text, rule).text).not.toContain('SECRET')
  })
})
