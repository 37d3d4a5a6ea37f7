import { describe, expect, it } from 'vitest'
import { createRedactor } from './redact.ts'

const mebibyte = 1024 * 1024
const { redact } = createRedactor({
  emails: true,
  homePaths: true,
  extra: [{ name: 'own', pattern: 'own_[a-z0-9]{20,}' }],
})

/** Texts made to cost a detector time: what it looks for, over and over, never complete. Tried up to 4 MiB. */
const adversarial: Readonly<Record<string, string>> = {
  'private-key, begins only': '-----BEGIN PRIVATE KEY-----',
  'prefixed, aws ids': 'AKIA',
  'shaped, sendgrid': 'SG.',
  'shaped, telegram': '12345678:aB3',
  'jwt, heads only': 'eyJ',
  'jwt, two parts': 'eyJabcdefghijk.eyJ',
  'header, cookies': 'Cookie: a=b; ',
  'url, schemes': 'http://a:',
  'entropy, one run': 'aB3',
  backslashes: '\\',
  'open brackets': '[{"',
  placeholders: '[REDACTED:x]',
  'private tags': '<private>',
}

/** Those that cost most, a microsecond per character, up to half a MiB to keep the run short. */
const dense: Readonly<Record<string, string>> = {
  'url, queries': '?token=',
  'command line': 'mysql -',
  'assignment, names': 'token_',
  'assignment, open quotes': 'password="a',
  'assignment, escaped quotes': 'password=\\"',
  'header, authorization': 'Authorization: Bearer ',
  'aws, ids and lines': 'AKIAABCDEFGHIJKLMNOP\n',
  'entropy, many runs': 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6 ',
  'prefixed, one run': 'sk-',
  'url, passwords': 'http://a:b@',
  'private-key, no end': '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n',
  personal: 'a@b./home/',
}

const filled = (unit: string, length: number): string =>
  Buffer.from(unit.repeat(Math.ceil(length / unit.length)).slice(0, length)).toString()

/** Processor time, not the clock's: other programs on the machine do not count. */
function elapsedMs(text: string): number {
  const start = process.cpuUsage()
  redact(text)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000
}

/** Of the full size, in order. A cost that is not linear shows at the small ones, before it takes minutes. */
const shares = [1 / 32, 1 / 4, 1 / 2, 1]
const baseShare = 1 / 256
/** Linear is 1. Caches and the collector add to it; a square would be at 8 by the first share. */
const growthMax = 4
const tellingMs = 40

const best = (tries: number, text: string): number => Math.min(...Array.from({ length: tries }, () => elapsedMs(text)))

describe('time', () => {
  for (const [name, unit] of Object.entries({ ...adversarial, ...dense })) {
    it(`ING-RED-5 ${name}: time grows with the text, not with its square`, () => {
      const fullBytes = name in dense ? mebibyte / 2 : 4 * mebibyte
      const baseMs = Math.max(0.3, best(3, filled(unit, fullBytes * baseShare)))
      for (const share of shares) {
        const text = filled(unit, fullBytes * share)
        const allowedMs = Math.max(tellingMs, (growthMax * baseMs * share) / baseShare)
        let ms = elapsedMs(text)
        for (let again = 0; again < 3 && ms > allowedMs; again++) ms = Math.min(ms, elapsedMs(text))
        expect(ms, `${share} of the size, ${baseMs.toFixed(1)} ms at ${baseShare}`).toBeLessThanOrEqual(allowedMs)
      }
    })
  }

  it('ING-RED-5 a log of 1 MiB is far from a second', () => {
    const line =
      'INFO request 4711 GET /v1/items/12?page=2 took 23 ms agent Mozilla/5.0 status=200 https://example.org/a/b\n'
    const text = filled(line, mebibyte)
    expect(redact(text).findings).toEqual([])
    expect(Math.min(elapsedMs(text), elapsedMs(text), elapsedMs(text))).toBeLessThan(1_000)
  })
})
