import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDraw, formats } from '../redact-samples.ts'
import { createRedactor } from '../redact.ts'
import { findOnCommandLine } from './command-line.ts'
import type { Detector, Finding } from './finding.ts'
import { findJwt } from './jwt.ts'
import { longRuns } from './long-runs.ts'

/**
 * Some detectors leave a text at once in which a few characters are missing that each of their secrets has. What is
 * behind the text here has those characters and is no secret, so it makes them look at the whole of it.
 */
const detectors: readonly (readonly [name: string, detector: Detector, opener: string])[] = [
  ['command lines', findOnCommandLine, '\n -a -p -u --user --proxy-user --password='],
  ['tokens in three parts', findJwt, ' .eyJ'],
]

function findingsOf(detector: Detector, text: string): readonly Finding[] {
  const findings: Finding[] = []
  detector({ text, runs: longRuns(text) }, (kind, start, end) => findings.push({ kind, start, end }))
  return findings
}

const draw = createDraw(20_261_129)
const programs = ['mysql', 'mysqldump', 'mariadb', 'curl', 'wget', 'sshpass', 'docker login', 'redis-cli']
const options = ['-p', '-p ', '-a ', '-u ann:', '--user=ann:', '--proxy-user "ann:', '--http-password=', '--password=']
const lines = [
  'mysql\t-p',
  'mariadb -u ann -p',
  'sshpass\t-p ',
  'curl -u ann:',
  'redis-cli -a ',
  'wget\u00a0--password=',
]
const marks = [' ', '\t', '\n', '\r', '\u00a0', '-', '.', '=', ':', '"', "'", '\\', ';', '|', '@', 'eyJ', '.eyJ', 'é']
const values = ['hunter22', 'Tr0ub4dor&3', 'eyJhbGciOiJIUzI1NiJ9', 'token', 'password', draw.pick('aB3_-', 40)]
const made = Object.values(formats).map((make) => make(draw))
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(...programs),
      fc.constantFrom(...options),
      fc.constantFrom(...lines),
      fc.constantFrom(...marks),
      fc.constantFrom(...values),
      fc.constantFrom(...made),
      fc.string({ maxLength: 6 }),
    ),
    { maxLength: 10 },
  )
  // A backslash takes what follows it along: that must not be the opener.
  .map((parts) => `${parts.join('')}| `)

describe('a text that a detector need not read', () => {
  it.each(detectors)('ING-RED-5 %s: what is left alone at once holds nothing', (_name, detector, opener) => {
    let found = 0
    fc.assert(
      fc.property(text, (given) => {
        const findings = findingsOf(detector, given)
        expect(findings).toEqual(findingsOf(detector, given + opener))
        found += findings.length
      }),
      { numRuns: 20_000, seed: 20_261_129 },
    )
    expect(found).toBeGreaterThan(100)
  })

  it('ING-RED-5 the whole redactor: the openers change nothing before them', () => {
    const { redact } = createRedactor()
    const openers = detectors.map(([, , opener]) => opener).join('')
    fc.assert(
      fc.property(text, (given) => {
        // A line of its own, so that neither is the surrounding of a value.
        const [alone, opened] = [redact(`${given}\n\n`), redact(`${given}\n\n${openers}`)]
        expect(opened.findings).toEqual(alone.findings)
      }),
      { numRuns: 5_000, seed: 20_261_129 },
    )
  })
})
